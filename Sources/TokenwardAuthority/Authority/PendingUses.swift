// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// Uses of tokens that the store has not been told of: the last one of each token. It must not cost a
/// verification anything worth mentioning, and it forgets before it grows without bound.
final class PendingUses: Sendable {
  /// How many are worth telling the store before the minute is over.
  static let many = 10_000
  /// Beyond this, uses of further tokens are not noted.
  private static let most = 100_000

  private let uses = Mutex<[TokenID: TokenUse]>([:])

  var count: Int { self.uses.withLock(\.count) }

  func add(_ use: TokenUse) {
    self.uses.withLock { uses in
      if let known = uses[use.id] {
        var use = use
        use.at = max(use.at, known.at)
        if use.rekeyed == nil { use.rekeyed = known.rekeyed }
        uses[use.id] = use
      } else if uses.count < Self.most {
        uses[use.id] = use
      }
    }
  }

  func take() -> [TokenUse] {
    self.uses.withLock { uses in
      defer { uses = [:] }
      return Array(uses.values)
    }
  }
}

extension TokenAuthority {
  /// Takes note that a token was used, for ``TokenRecord/lastUsedAt`` and for its digest under the
  /// current pepper. For the verifier of API tokens (`APITokenVerifier`).
  public func noteUse(_ id: TokenID, at now: UnixTime, _ rekey: APITokenMatch.Rekey?) {
    let rekeyed = rekey.map { rekey in
      TokenUse.Rekeying(
        old: SecretDigest(pepper: rekey.old.pepper, code: rekey.old.code),
        new: SecretDigest(pepper: rekey.new.pepper, code: rekey.new.code)
      )
    }
    self.uses.add(TokenUse(id: id, at: now, rekeyed: rekeyed))
  }

  /// Tells the store of the uses since the last time.
  func flushUses() async {
    let uses = self.uses.take()
    guard !uses.isEmpty else { return }
    do {
      try await self.store.note(uses)
    } catch {
      self.note(error)
      for use in uses { self.uses.add(use) }
      return
    }
    // From now on the digest under the current pepper counts here, too.
    for use in uses where use.rekeyed != nil {
      let key = StoreKey.token(use.id)
      try? await self.turns.take(key) { () async throws(AuthorityError) in
        let reading = try await self.read([key])
        if let record = reading[key]?.record { self.show(record, for: key) }
      }
    }
  }
}
