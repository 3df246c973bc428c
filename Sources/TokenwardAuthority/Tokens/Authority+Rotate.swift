// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

extension TokenAuthority {
  /// Gives an API token a new secret. Needs ``Permission/rotateTokens``, and everything that the token
  /// grants: whoever gets the secret gets the token, so that rotating is issuing again, by the rules
  /// of ``create(_:idempotencyKey:as:)``. That holds for a token that rotates itself, too: without the
  /// permission, a thief could make it his own. A secret in its grace rotates nothing: it only gets the
  /// answer again that it had under the same idempotency key.
  ///
  /// The old secret works for the grace that is asked for, and no longer than the token would have
  /// lived without the rotation; a secret that is older still ends at once. Without a lifetime the
  /// token lives as long again as it did before, or without ``Permission/outlive`` as long as the
  /// caller's.
  public func rotate(
    _ id: TokenID,
    _ rotation: Rotation,
    idempotencyKey: IdempotencyKey? = nil,
    as caller: Caller
  ) async throws(AuthorityError) -> IssuedAPIToken {
    var event = self.event(.rotateToken, by: caller)
    event.token = id
    return try await self.refusable(event) { () async throws(AuthorityError) -> IssuedAPIToken in
      try self.require(.rotateTokens, of: caller)
      let key = try self.key(id, caller)
      let longest = self.configuration.limits.maximumGraceSeconds
      guard (0 ... longest).contains(rotation.graceSeconds) else {
        throw .invalid(field: "grace", problem: "must be 0 to \(longest) seconds")
      }
      _ = try self.issuingTime()
      let receipts = Receipts(.rotate, idempotencyKey, rotation.keyedText(id), caller, self.secrets)
      let announcement = event
      return try await self.change(key) {
        () async throws(AuthorityError) -> Change<IssuedAPIToken> in
        try await self.renewal(of: id, rotation, receipts, caller, announcement)
      }
    }
  }

  private func renewal(
    of id: TokenID,
    _ rotation: Rotation,
    _ receipts: Receipts?,
    _ caller: Caller,
    _ event: AuditEvent
  ) async throws(AuthorityError) -> Change<IssuedAPIToken> {
    let now = try self.issuingTime()
    let first = try self.visible(try await self.read([.token(id)]).token(id), caller)
    let reading = try await self.read(
      self.callerKeys(caller)
        + [.token(id), .owner(first.tenant, first.owner), .tenant(first.tenant)]
        + first.roles.map { .role($0) } + (receipts?.keys ?? [])
    )
    // Roles, owner and tenant of a token never change, so those that were asked for are its own.
    let old = try self.visible(reading.token(id), caller)
    let holdings = try self.holdings(of: caller, reading, at: now)
    try self.requireMaySpeak(for: old.owner, in: old.tenant, holdings)
    try holdings.check(old.grants, reading.definitions)
    var event = event
    event.tenant = old.tenant
    event.owner = old.owner
    if let receipts, let receipt = receipts.find(in: reading, at: now) {
      return try await self.repetition(
        of: receipt,
        receipts,
        holdings,
        reading.definitions,
        event
      )
    }
    try self.requirePresentSecret(of: caller)
    switch reading.state(of: old, at: now) {
    case .active, .notYetValid: break
    case .revoked: throw .failedPrecondition("the token is revoked")
    case .expired: throw .failedPrecondition("the token has expired")
    case .ownerDisabled: throw .failedPrecondition("the owner is disabled")
    }
    let (rotations, overflow) = old.rotations.addingReportingOverflow(1)
    guard !overflow else { throw .failedPrecondition("the token was rotated too often") }

    var new = old
    let usual = (old.rotatedAt ?? old.createdAt).duration(to: old.expiresAt).components.seconds
    new.expiresAt = try self.expiry(
      asked: rotation.lifetimeSeconds,
      max(usual, 1),
      from: now,
      holdings
    )
    if let notBefore = new.notBefore, notBefore >= new.expiresAt {
      throw .invalid(field: "lifetime", problem: "ends before the token counts")
    }
    let until = min(now.adding(seconds: rotation.graceSeconds), old.expiresAt)
    new.previous = until > now ? .init(secret: old.secret, until: until) : nil
    new.rotations = rotations
    new.rotatedAt = now

    var change = self.issuing(new, receipts, reading, event, at: now)
    if case .token(var both)? = change.record {
      // The new secret is known to nobody before the answer; the old one keeps its grace.
      both.expiresAt = min(old.expiresAt, new.expiresAt)
      change.inDoubt = .show(.token(both))
    }
    change.announcement?.details["grace"] = "\(rotation.graceSeconds)"
    return change
  }
}

extension Rotation {
  fileprivate func keyedText(_ id: TokenID) -> KeyedText {
    var text = KeyedText("tokenward rotate 1")
    text.add(id.text)
    text.add(self.graceSeconds)
    text.add(self.lifetimeSeconds)
    return text
  }
}
