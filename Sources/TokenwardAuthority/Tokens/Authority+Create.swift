// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension TokenAuthority {
  /// Makes an API token. Needs ``Permission/createTokens``; for another owner than the caller's
  /// ``Permission/anyOwner`` as well, and for one that has tokens of administrators an administrator.
  /// Grants only what the caller holds: scopes, roles that it has itself, audiences of its own token, networks, certificate and methods at least as limited as
  /// its own. An administrator may grant every scope, role and audience. Without
  /// ``Permission/outlive`` the token ends no later than the caller's; a lifetime that is not asked
  /// for is shortened to that, one that is asked for is refused.
  ///
  /// With an idempotency key the same request of the same caller has the same answer for an hour,
  /// whatever became of the first one. A secret in its grace gets such an answer, and makes nothing
  /// new.
  public func create(
    _ request: NewToken,
    idempotencyKey: IdempotencyKey? = nil,
    as caller: Caller
  ) async throws(AuthorityError) -> IssuedAPIToken {
    var event = self.event(.createToken, by: caller)
    event.tenant = request.tenant ?? caller.tenant
    event.owner = request.owner
    return try await self.refusable(event) { () async throws(AuthorityError) -> IssuedAPIToken in
      try self.require(.createTokens, of: caller)
      let tenant = try self.tenant(request.tenant, of: caller)
      try request.check()
      _ = try self.issuingTime()
      event.tenant = tenant
      let receipts = Receipts(
        .create,
        idempotencyKey,
        request.keyedText(tenant),
        caller,
        self.secrets
      )
      let id = TokenID.random()
      event.details["name"] = request.name
      let announcement = event
      return try await self.change(receipts?.currentKey ?? .token(id)) {
        () async throws(AuthorityError) -> Change<IssuedAPIToken> in
        try await self.creation(of: id, request, tenant, receipts, caller, announcement)
      }
    }
  }

  private func creation(
    of id: TokenID,
    _ request: NewToken,
    _ tenant: Tenant,
    _ receipts: Receipts?,
    _ caller: Caller,
    _ event: AuditEvent
  ) async throws(AuthorityError) -> Change<IssuedAPIToken> {
    let now = try self.issuingTime()
    let reading = try await self.read(
      self.callerKeys(caller)
        + [.token(id), .owner(tenant, request.owner), .tenant(tenant)]
        + request.roles.map { .role($0) } + (receipts?.keys ?? [])
    )
    let holdings = try self.holdings(of: caller, reading, at: now)
    let definitions = reading.definitions
    try self.requireMaySpeak(for: request.owner, in: tenant, holdings)
    if let receipts, let receipt = receipts.find(in: reading, at: now) {
      return try await self.repetition(of: receipt, receipts, holdings, definitions, event)
    }
    try self.requirePresentSecret(of: caller)
    if let role = request.roles.first(where: { $0 != .administrator && definitions[$0] == nil }) {
      throw .invalid(field: "roles", problem: "names a role that is not defined: \(role.text)")
    }
    try holdings.check(request.grants, definitions)
    let owner = reading.owner(request.owner, tenant)
    guard owner?.isDisabled != true else { throw .failedPrecondition("the owner is disabled") }

    var record = TokenRecord(
      id: id,
      name: request.name,
      tenant: tenant,
      owner: request.owner,
      audiences: request.audiences,
      createdAt: now,
      expiresAt: try self.expiry(asked: request.lifetimeSeconds, nil, from: now, holdings),
      ownerGeneration: owner?.generation ?? 0,
      secret: SecretDigest(pepper: 0, code: [])
    )
    record.roles = request.roles
    record.scopes = request.scopes
    record.notBefore = request.notBefore
    record.networks = request.networks
    record.certificate = request.certificate
    record.labels = request.labels
    record.createdBy = caller.root
    if let notBefore = record.notBefore, notBefore >= record.expiresAt {
      throw .invalid(field: "not_before", problem: "is not before the expiry")
    }
    // A cut-off that is still to come, by this clock: the token would be revoked before it is used.
    guard reading.state(of: record, at: now) != .revoked else { throw .unavailable(.clock) }
    return self.issuing(record, receipts, reading, event, at: now)
  }

  /// When a token ends that is made or rotated now.
  /// - Parameters:
  ///   - asked: the lifetime that is asked for.
  ///   - usual: the lifetime if none is; that of the limits if nil.
  func expiry(
    asked: Int64?,
    _ usual: Int64?,
    from now: UnixTime,
    _ holdings: Holdings
  ) throws(AuthorityError) -> UnixTime {
    let limits = self.configuration.limits
    if let asked {
      guard (1 ... limits.maximumTokenLifetimeSeconds).contains(asked) else {
        throw .invalid(
          field: "lifetime",
          problem: "must be 1 to \(limits.maximumTokenLifetimeSeconds) seconds"
        )
      }
      let expiry = now.adding(seconds: asked)
      try holdings.check(expiry: expiry)
      return expiry
    }
    let seconds = min(
      usual ?? limits.defaultTokenLifetimeSeconds,
      limits.maximumTokenLifetimeSeconds
    )
    let expiry = min(now.adding(seconds: seconds), holdings.end ?? UnixTime(seconds: .max))
    guard expiry > now else { throw .forbidden("nothing is left of the caller's own time") }
    return expiry
  }

  /// Gives a record its secret, and puts the change together.
  func issuing(
    _ record: TokenRecord,
    _ receipts: Receipts?,
    _ reading: Reading,
    _ event: AuditEvent,
    at now: UnixTime
  ) -> Change<IssuedAPIToken> {
    var record = record
    let pepper = self.secrets.current
    var secret =
      receipts?.secret(for: record.id, rotations: record.rotations, under: pepper)
      ?? .random()
    defer { secret.wipe() }
    record.secret = secret.digest(for: record.id, under: pepper)
    let token = secret.bearerToken(record.id)

    var change = Change(answer: IssuedAPIToken(record: record, token: token))
    change.record = .token(record)
    change.transaction = reading.transaction
    change.transaction.written.append(.token(record))
    if let receipts {
      let receipt = receipts.receipt(for: record, under: pepper, at: now)
      change.transaction.written.append(.receipt(receipt))
    }
    var event = event
    event.token = record.id
    event.note(record)
    change.announcement = event
    return change
  }
}
