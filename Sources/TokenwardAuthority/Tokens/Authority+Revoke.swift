// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

extension TokenAuthority {
  /// Takes an API token back, for good. Needs ``Permission/revokeTokens``, and an administrator for
  /// the token of one. A token that is revoked already stays revoked as it was.
  ///
  /// Answers ``AuthorityError/unavailable(_:)`` with `audit` if the revocation holds but its record
  /// could not be written; with `store` if the token was found and the revocation could not be
  /// committed, or the store cannot be read. In the first case it holds in this process and is tried
  /// again until it is in the store (``AuthorityStatus/pendingWithdrawals``); asking again tells.
  public func revoke(
    _ id: TokenID,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> TokenStatus {
    var event = self.event(.revokeToken, by: caller)
    event.token = id
    event.reason = reason
    let record = try await self.withdrawal(event) {
      () async throws(AuthorityError) -> TokenRecord in
      try self.require(.revokeTokens, of: caller)
      try FieldRules.check(reason: reason)
      let key = try self.key(id, caller)
      try self.requireStart()
      return try await self.change(key) { () async throws(AuthorityError) -> Change<TokenRecord> in
        let reading = try await self.read([key])
        let old = try self.visible(reading.token(id), caller)
        try self.requireMayTakeAway(from: old, as: caller)
        return self.revocation(of: old, reading, reason, by: caller.token)
      }
    }
    return TokenStatus(record: record, state: .revoked)
  }

  /// Takes back the token that is presented, whatever kind it is: possession is enough (RFC 7009
  /// §2.1). Unknown tokens are no error: what they would be good for is gone already (§2.2). Those
  /// that were taken back before are none either, and nothing is written of them: with one such token
  /// anybody could fill the audit.
  public func revoke(presented token: BearerToken, peer: String?) async throws(AuthorityError) {
    try self.requireStart()
    if let (id, secret) = TokenSecret.parse(token) {
      guard try self.isWorthTaking(token, id) else { return }
      try await self.revoke(presented: id, secret, peer)
    } else {
      try await self.withdraw(token, peer)
    }
  }

  /// Whether an API token was proved and is not taken back. Decided in memory, and in the same time
  /// for ids that there are and others (CWE-208): the store is only asked about proved tokens.
  private func isWorthTaking(_ token: BearerToken, _ id: TokenID) throws(AuthorityError) -> Bool {
    let now = self.presentTime
    do throws(DenialReason) {
      _ = try self.snapshot.match(token.bytes, at: now)
      return true
    } catch {
      switch error {
      case .tokenExpired, .tokenNotYetValid:
        // By this clock.
        return true
      case .tokenRevoked:
        // Those of a disabled owner come back with it.
        guard self.snapshot.state(of: id, at: now) != .ownerDisabled else { return true }
        return !self.isRepeated(.token(id), id)
      case .dependencyUnavailable:
        throw .unavailable(.secrets)
      default:
        return false
      }
    }
  }

  /// Whether something that was taken back is in the store and on record; if so, that is counted. It
  /// is shown before it is committed, so who is about to do that is waited for.
  private func isRepeated(_ key: StoreKey, _ id: TokenID) -> Bool {
    guard !self.turns.isTaken(key), !self.pending.contains(key), !self.pending.isUnrecorded(id)
    else { return false }
    self.memory.withLock { $0.repeatedWithdrawals &+= 1 }
    return true
  }

  private func revoke(
    presented id: TokenID,
    _ secret: TokenSecret,
    _ peer: String?
  ) async throws(AuthorityError) {
    let key = StoreKey.token(id)
    // Looked at before it takes a turn: only who has the secret makes others wait.
    guard let known = try await self.read([key]).token(id), self.matches(secret, known) else {
      return
    }
    var event = self.event(.revokeToken, by: nil)
    event.actor = id
    event.actorSubject = known.owner.subject(in: known.tenant)
    event.tenant = known.tenant
    event.owner = known.owner
    event.token = id
    event.peer = peer
    event.details["by"] = "possession"
    try await self.withdrawal(ofAny: event) {
      () async throws(AuthorityError) -> Bool in
      try await self.change(key) { () async throws(AuthorityError) -> Change<Bool> in
        let reading = try await self.read([key])
        // Rotated without grace since: what was presented is no secret of it any more.
        guard let old = reading.token(id), self.matches(secret, old) else { return .none(false) }
        let change = self.revocation(of: old, reading, "by possession", by: id)
        return change.replacing(answer: change.isNeeded)
      }
    }
  }

  /// The secret that counts, or the one before it in its grace: one that is over proves nothing.
  private func matches(_ secret: TokenSecret, _ record: TokenRecord) -> Bool {
    var digests = [record.secret]
    if let previous = record.previous, self.presentTime < previous.until {
      digests.append(previous.secret)
    }
    var isFound = false
    for digest in digests {
      guard let pepper = self.secrets.pepper(digest.pepper) else { continue }
      if secret.matches(digest, for: record.id, under: pepper) { isFound = true }
    }
    return isFound
  }

  private func revocation(
    of old: TokenRecord,
    _ reading: Reading,
    _ reason: String,
    by actor: TokenID
  ) -> Change<TokenRecord> {
    guard old.revocation == nil else { return .none(old) }
    var new = old
    new.revocation = .init(at: self.presentTime, reason: reason, by: actor)
    var change = Change(answer: new)
    change.record = .token(new)
    change.transaction = reading.transaction
    change.transaction.written.append(.token(new))
    change.inDoubt = .show(.token(new))
    return change
  }

  /// Takes an access token of this authority back until it expires.
  private func withdraw(_ token: BearerToken, _ peer: String?) async throws(AuthorityError) {
    guard let now = self.time.now() else { throw .unavailable(.clock) }
    let principal: Principal
    do {
      principal = try self.ownTokens.verify(PresentedToken(token), at: now)
    } catch {
      if error.reason == .dependencyUnavailable { throw .unavailable(.secrets) }
      return
    }
    guard let id = principal.tokenID, principal.refusal(at: now.unix) == nil else { return }
    if self.withdrawn.contains(id), self.isRepeated(.withdrawn(id), id) { return }
    var event = self.event(.revokeToken, by: nil)
    event.actor = id
    event.actorSubject = principal.subject
    event.token = id
    event.peer = peer
    event.details["by"] = "possession"
    let record = WithdrawnAccessToken(id: id, expiresAt: principal.expiresAt)
    try await self.withdrawal(ofAny: event) {
      () async throws(AuthorityError) -> Bool in
      try await self.change(withdrawing: record)
    }
  }

  private func change(
    withdrawing record: WithdrawnAccessToken
  ) async throws(AuthorityError) -> Bool {
    let id = record.id
    do throws(AuthorityError) {
      return try await self.change(.withdrawn(id)) {
        () async throws(AuthorityError) -> Change<Bool> in
        let reading = try await self.read([.withdrawn(id)])
        guard reading[.withdrawn(id)] == nil else { return .none(false) }
        var change = Change(answer: true)
        change.record = .withdrawn(record)
        change.transaction = reading.transaction
        change.transaction.written.append(.withdrawn(record))
        change.inDoubt = .show(.withdrawn(record))
        return change
      }
    } catch {
      // It counts for nothing from now on, even if the store cannot be read.
      if case .unavailable = error {
        self.pending.add(.withdrawn(record))
        self.withdrawn.add(record)
      }
      throw error
    }
  }
}

extension Change {
  /// The same change with another answer.
  func replacing<Other>(answer: Other) -> Change<Other> {
    var change = Change<Other>(answer: answer)
    change.transaction = self.transaction
    change.record = self.record
    change.isNeeded = self.isNeeded
    change.inDoubt = self.inDoubt
    change.announcement = self.announcement
    return change
  }
}
