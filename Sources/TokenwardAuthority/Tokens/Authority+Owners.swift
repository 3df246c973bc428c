// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

extension TokenAuthority {
  /// Takes every API token of an owner back that there is now. Needs ``Permission/revokeTokens``; those
  /// of an owner who has tokens of administrators only an administrator takes back.
  ///
  /// It is the owner's next generation, and no clock is asked: a token that is being made at the same
  /// time is either revoked or made for the new generation.
  public func revokeAll(
    of owner: Owner,
    in tenant: Tenant?,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord {
    let event = self.event(.revokeOwner, by: caller)
    return try await self.changeOwner(owner, tenant, reason, .revokeTokens, caller, event) {
      (record: inout OwnerRecord) throws(AuthorityError) -> Bool in
      let (generation, overflow) = record.generation.addingReportingOverflow(1)
      guard !overflow else { throw .failedPrecondition("the owner was revoked too often") }
      record.generation = generation
      return true
    }
  }

  /// Takes every API token back that was made before a time: of one owner, or of the whole tenant.
  /// Needs ``Permission/revokeTokens``, and an administrator where there are tokens of administrators.
  /// The time must not be later than now; an earlier one than before gives nothing back.
  public func revokeAll(
    issuedBefore time: UnixTime,
    of owner: Owner?,
    in tenant: Tenant?,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) {
    var event = self.event(.revokeIssuedBefore, by: caller)
    event.details["issued_before"] = "\(time.seconds)"
    let isPast = time <= self.presentTime && time.seconds >= 0
    func check() throws(AuthorityError) {
      // A cut-off in the future would take tokens that nobody has made yet.
      guard isPast else { throw .invalid(field: "issued_before", problem: "is not in the past") }
    }
    if let owner {
      _ = try await self.changeOwner(owner, tenant, reason, .revokeTokens, caller, event) {
        (record: inout OwnerRecord) throws(AuthorityError) -> Bool in
        try check()
        if let before = record.issuedBefore, before >= time { return false }
        record.issuedBefore = time
        return true
      }
      return
    }
    event.tenant = tenant ?? caller.tenant
    event.reason = reason
    try await self.withdrawal(event) { () async throws(AuthorityError) in
      try self.require(.revokeTokens, of: caller)
      let tenant = try self.tenant(tenant, of: caller)
      try FieldRules.check(reason: reason)
      try check()
      try self.requireStart()
      try self.requireMayTakeAway(from: nil, in: tenant, as: caller)
      let key = StoreKey.tenant(tenant)
      _ = try await self.change(key) { () async throws(AuthorityError) -> Change<Bool> in
        let reading = try await self.read([key])
        var record = reading.tenant(tenant) ?? TenantRecord(tenant: tenant, changedAt: time)
        if let before = record.issuedBefore, before >= time { return .none(true) }
        if reading[key] == nil { try await self.requireRoom(for: nil, in: tenant, key) }
        record.issuedBefore = time
        record.reason = reason
        record.changedAt = self.presentTime
        var change = Change(answer: true)
        change.record = .tenant(record)
        change.transaction = reading.transaction
        change.transaction.written.append(.tenant(record))
        change.inDoubt = .show(.tenant(record))
        return change
      }
    }
  }

  /// What an owner's record says; one that says nothing special if there is none. Needs
  /// ``Permission/readTokens``.
  public func owner(
    _ owner: Owner,
    in tenant: Tenant?,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord {
    try self.require(.readTokens, of: caller)
    let tenant = try self.tenant(tenant, of: caller)
    try FieldRules.checkName(owner.text, "owner")
    let reading = try await self.read([.owner(tenant, owner)])
    return reading.owner(owner, tenant)
      ?? OwnerRecord(tenant: tenant, owner: owner, changedAt: UnixTime(seconds: 0))
  }

  /// Disables or enables an owner. Needs ``Permission/manageOwners``, and an administrator for an owner
  /// who has tokens of administrators. While it is disabled none of its
  /// tokens is accepted and none is made; enabled again, those that have not expired or been revoked
  /// count again.
  public func setOwner(
    _ owner: Owner,
    in tenant: Tenant?,
    isDisabled: Bool,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord {
    let event = self.event(isDisabled ? .disableOwner : .enableOwner, by: caller)
    return try await self.changeOwner(owner, tenant, reason, .manageOwners, caller, event) {
      (record: inout OwnerRecord) throws(AuthorityError) -> Bool in
      guard record.isDisabled != isDisabled else { return false }
      record.isDisabled = isDisabled
      return true
    }
  }

  /// - Parameter edit: says whether it changed anything.
  private func changeOwner(
    _ owner: Owner,
    _ tenant: Tenant?,
    _ reason: String,
    _ permission: Permission,
    _ caller: Caller,
    _ event: AuditEvent,
    _ edit: @escaping (inout OwnerRecord) throws(AuthorityError) -> Bool
  ) async throws(AuthorityError) -> OwnerRecord {
    var event = event
    event.tenant = tenant ?? caller.tenant
    event.owner = owner
    event.reason = reason
    // Enabling gives back, so its record is written first.
    let gives = event.action == .enableOwner
    let announcement = gives ? event : nil
    func run() async throws(AuthorityError) -> OwnerRecord {
      try self.require(permission, of: caller)
      let tenant = try self.tenant(tenant, of: caller)
      try FieldRules.checkName(owner.text, "owner")
      try FieldRules.check(reason: reason)
      try self.requireStart()
      let key = StoreKey.owner(tenant, owner)
      return try await self.change(key) { () async throws(AuthorityError) -> Change<OwnerRecord> in
        let reading = try await self.read([key])
        try self.requireMayTakeAway(from: owner, in: tenant, as: caller)
        var record =
          reading.owner(owner, tenant)
          ?? OwnerRecord(tenant: tenant, owner: owner, changedAt: self.presentTime)
        guard try edit(&record) else { return .none(record, announcement: announcement) }
        if reading[key] == nil { try await self.requireRoom(for: owner, in: tenant, key) }
        record.reason = reason
        record.changedAt = self.presentTime
        var change = Change(answer: record)
        change.record = .owner(record)
        change.transaction = reading.transaction
        change.transaction.written.append(.owner(record))
        change.announcement = announcement
        change.inDoubt = gives ? .asBefore : .show(.owner(record))
        return change
      }
    }
    return gives
      ? try await self.refusable(event, run) : try await self.withdrawal(event, run)
  }
}
