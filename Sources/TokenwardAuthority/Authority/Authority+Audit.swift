// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

extension TokenAuthority {
  /// A record of what a caller does.
  func event(_ action: AuditEvent.Action, by caller: Caller?) -> AuditEvent {
    var event = AuditEvent(action, .allowed, at: self.presentTime)
    event.actor = caller?.token
    event.actorSubject = caller?.subject
    event.peer = caller?.peer
    if let grant = caller?.grant { event.details["grant"] = grant.text }
    return event
  }

  /// Writes a record, and returns when it outlasts a crash.
  func write(_ event: AuditEvent) async throws(AuthorityError) {
    do {
      try await self.audit.record(event.bounded)
    } catch {
      self.memory.withLock { memory in
        memory.auditFailures &+= 1
        memory.lastAuditFailure = event.at
      }
      throw .unavailable(.audit)
    }
  }

  /// Writes down that something was refused. Nothing was handed out, so where it cannot be written
  /// the refusal stands and the failure is counted. Of refusals that come too fast with one API token
  /// some are only counted: the trail is not for filling (catalogue L02).
  func noteRefusal(of event: AuditEvent, _ error: AuthorityError) async {
    switch error {
    case .forbidden, .notFound, .alreadyExists, .failedPrecondition: break
    case .invalid, .unauthenticated, .unavailable: return
    }
    // Access tokens of one API token are that token.
    if let token = event.details["grant"].map({ TokenID($0) }) ?? event.actor,
      let now = self.time.monotonic(), !self.refusalRates.allows(token, at: now)
    {
      self.memory.withLock { $0.unwrittenRefusals &+= 1 }
      return
    }
    var event = event
    event.outcome = .refused
    event.reason = error.text
    try? await self.write(event)
  }

  /// Writes down that something which was allowed has not happened, or may not have.
  func noteFailure(of event: AuditEvent, _ error: AuthorityError) async {
    var event = event
    event.outcome = .failed
    event.reason = error.text
    try? await self.write(event)
  }

  /// Runs something that a caller asks for and writes down if it is refused.
  func refusable<Result>(
    _ event: AuditEvent,
    _ body: () async throws(AuthorityError) -> Result
  ) async throws(AuthorityError) -> Result {
    do throws(AuthorityError) {
      return try await body()
    } catch {
      await self.noteRefusal(of: event, error)
      throw error
    }
  }

  /// Takes something away and writes that down behind it. A body that says that there was nothing to
  /// take is only counted, unless its record is still owed.
  func withdrawal(
    ofAny event: AuditEvent,
    _ body: () async throws(AuthorityError) -> Bool
  ) async throws(AuthorityError) {
    let isTaken = try await self.noting(event, body)
    if isTaken || event.token.map(self.pending.isUnrecorded) == true {
      try await self.writeOwed(event)
    } else {
      self.memory.withLock { $0.repeatedWithdrawals &+= 1 }
    }
  }

  /// Takes something away and writes that down behind it.
  func withdrawal<Result>(
    _ event: AuditEvent,
    _ body: () async throws(AuthorityError) -> Result
  ) async throws(AuthorityError) -> Result {
    let result = try await self.noting(event, body)
    try await self.writeOwed(event)
    return result
  }

  /// Runs something that takes away, and writes down if it was refused or has failed.
  private func noting<Result>(
    _ event: AuditEvent,
    _ body: () async throws(AuthorityError) -> Result
  ) async throws(AuthorityError) -> Result {
    do throws(AuthorityError) {
      return try await body()
    } catch {
      switch error {
      case .unavailable: await self.noteFailure(of: event, error)
      default: await self.noteRefusal(of: event, error)
      }
      throw error
    }
  }

  private func writeOwed(_ event: AuditEvent) async throws(AuthorityError) {
    do throws(AuthorityError) {
      try await self.write(event)
    } catch {
      if let token = event.token { self.pending.setUnrecorded(token, true) }
      throw error
    }
    if let token = event.token { self.pending.setUnrecorded(token, false) }
  }
}

extension AuditEvent {
  /// Without names that are none and texts that are too long: a refused request may carry anything,
  /// and the trail is not for filling (catalogue L02).
  fileprivate var bounded: AuditEvent {
    var event = self
    func isShort(_ text: String) -> Bool {
      FieldRules.isText(text, atMost: AuthorityLimits.longestName)
    }
    if let token, !isShort(token.text) { event.token = nil }
    if let owner, !AuthorityLimits.isName(owner.text) { event.owner = nil }
    if let tenant, !AuthorityLimits.isName(tenant.text) { event.tenant = nil }
    if let target, !isShort(target) { event.target = nil }
    if let reason, !FieldRules.isText(reason, atMost: 2 * AuthorityLimits.longestText) {
      event.reason = nil
    }
    return event
  }
}

extension AuditEvent {
  /// Says what a token is granted that is handed out, and when it ends. What it is not granted or not
  /// limited to is not mentioned.
  mutating func note(_ record: TokenRecord) {
    func add(_ name: String, _ entries: [String]) {
      if !entries.isEmpty { self.details[name] = entries.joined(separator: " ") }
    }
    add("roles", record.roles.map(\.text))
    add("scopes", record.scopes.map(\.text))
    add("audiences", record.audiences.map(\.text))
    add("networks", record.networks.map(\.description))
    add("certificate", record.certificate.map { [Base64URL.encode($0.bytes)] } ?? [])
    self.details["expires_at"] = "\(record.expiresAt.seconds)"
  }
}

extension AuthorityError {
  /// For an audit record.
  var text: String {
    switch self {
    case .forbidden(let text), .notFound(let text), .alreadyExists(let text),
      .failedPrecondition(let text):
      text
    case .invalid(let field, let problem): "\(field) \(problem)"
    case .unauthenticated: "not authenticated"
    case .unavailable(let dependency): "\(dependency.rawValue) cannot be used"
    }
  }
}
