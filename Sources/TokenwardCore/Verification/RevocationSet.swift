// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Says whether a verified principal has been withdrawn. Asked on every request, cached or not.
public protocol RevocationChecker: Sendable {
  /// Whether the principal's token no longer counts although it has not expired. Must not block.
  /// - Returns: nil if that cannot be known, which denies the call
  ///   (``DenialReason/dependencyUnavailable``).
  func isRevoked(_ principal: Principal) -> Bool?
}

/// Revocations held in memory: single tokens by `jti`, and everything of a subject that was issued
/// before a time.
///
/// Readers take an immutable snapshot, so a request sees one consistent state; writers replace it
/// whole. Entries of tokens that have expired anyway are dropped when the next one is added, an hour
/// and the largest skew later.
public final class RevocationSet: RevocationChecker {
  private struct Token: Hashable {
    var issuer: Issuer
    var id: TokenID

    // Ids tell tokens apart; the issuer, which they nearly all share, is compared only.
    func hash(into hasher: inout Hasher) { hasher.combine(self.id) }
  }

  private struct Owner: Hashable {
    var issuer: Issuer
    var subject: Subject

    func hash(into hasher: inout Hasher) { hasher.combine(self.subject) }
  }

  private final class Snapshot: Sendable {
    let tokens: [Token: UnixTime]
    let owners: [Owner: UnixTime]

    init(tokens: [Token: UnixTime] = [:], owners: [Owner: UnixTime] = [:]) {
      self.tokens = tokens
      self.owners = owners
    }
  }

  /// How long an entry outlives its token, in seconds: the largest skew that an issuer is granted,
  /// and a wall clock that was an hour ahead for a while (catalogue S10).
  private static let margin = Int64(ClockSkew.maximumSeconds) + 3_600

  private let snapshot = Mutex(Snapshot())
  /// Held by the one writer that makes the next snapshot; readers do not wait for it.
  private let writing = Mutex(())

  /// A set in which nothing is withdrawn.
  public init() {}

  /// Withdraws one token.
  /// - Parameters:
  ///   - id: the token's `jti`.
  ///   - issuer: its issuer.
  ///   - expiry: when the token expires by itself, without skew; the entry may be forgotten after
  ///     that. An earlier time than before does not shorten an entry.
  ///   - now: the present time.
  public func revoke(_ id: TokenID, of issuer: Issuer, until expiry: UnixTime, at now: UnixTime) {
    self.replace { old in
      let limit = now.adding(seconds: -Self.margin)
      var tokens = old.tokens.filter { $0.value >= limit }
      let token = Token(issuer: issuer, id: id)
      tokens[token] = max(tokens[token] ?? expiry, expiry)
      return Snapshot(tokens: tokens, owners: old.owners)
    }
  }

  /// Withdraws every token of a subject that was issued before a time, and those that do not say
  /// when they were issued.
  public func revokeAll(of subject: Subject, of issuer: Issuer, issuedBefore time: UnixTime) {
    self.replace { old in
      var owners = old.owners
      let owner = Owner(issuer: issuer, subject: subject)
      owners[owner] = max(owners[owner] ?? time, time)
      return Snapshot(tokens: old.tokens, owners: owners)
    }
  }

  private func replace(_ next: (Snapshot) -> Snapshot) {
    self.writing.withLock { _ in
      let new = next(self.snapshot.withLock { $0 })
      self.snapshot.withLock { $0 = new }
    }
  }

  /// Whether the token, or everything of its subject that was issued when it was, is withdrawn.
  public func isRevoked(_ principal: Principal) -> Bool? {
    let snapshot = self.snapshot.withLock { $0 }
    if !snapshot.tokens.isEmpty, let id = principal.tokenID,
      snapshot.tokens[Token(issuer: principal.issuer, id: id)] != nil
    {
      return true
    }
    guard !snapshot.owners.isEmpty,
      let time = snapshot.owners[Owner(issuer: principal.issuer, subject: principal.subject)]
    else { return false }
    guard let issuedAt = principal.issuedAt else { return true }
    return issuedAt < time
  }
}
