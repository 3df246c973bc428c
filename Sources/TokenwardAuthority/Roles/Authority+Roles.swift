// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

extension TokenAuthority {
  /// Every role, by name, the administrator's among them. Needs ``Permission/readRoles``.
  public func roles(as caller: Caller) async throws(AuthorityError) -> [RoleRecord] {
    try self.require(.readRoles, of: caller)
    try self.requireStart()
    return (self.definedRoles.withLock { Array($0.values) } + [.administrator])
      .sorted { $0.role < $1.role }
  }

  /// Defines or changes a role, at once for every token that has it. Needs ``Permission/manageRoles``
  /// and ``Permission/allTenants``, because roles are of every tenant, and every scope of it; a caller
  /// that is limited to methods defines only roles that are limited to some of them.
  public func putRole(
    _ role: RoleRecord,
    as caller: Caller
  ) async throws(AuthorityError) -> RoleRecord {
    var event = self.event(.putRole, by: caller)
    event.target = role.role.text
    return try await self.refusable(event) { () async throws(AuthorityError) -> RoleRecord in
      try self.require(.manageRoles, of: caller)
      try self.requireEveryTenant(of: caller, "roles")
      try role.check()
      _ = try self.issuingTime()
      event.details["scopes"] = role.scopes.map(\.text).joined(separator: " ")
      event.details["methods"] = role.methods.joined(separator: " ")
      let announcement = event
      let key = StoreKey.role(role.role)
      return try await self.change(key) { () async throws(AuthorityError) -> Change<RoleRecord> in
        let now = try self.issuingTime()
        let reading = try await self.read(try self.callerKeys(caller) + [key])
        let holdings = try self.holdings(of: caller, reading, at: now)
        var definition = role
        definition.changedAt = now
        // What the role is about to be, granted by this caller; what it was is the caller's to take.
        try holdings.check(
          Grants(
            roles: [role.role],
            scopes: [],
            audiences: [],
            networks: holdings.networks,
            certificate: holdings.certificate
          ),
          [role.role: definition]
        )
        var change = Change(answer: definition)
        change.record = .role(definition)
        change.transaction = reading.transaction
        change.transaction.written.append(.role(definition))
        change.announcement = announcement
        change.inDoubt = .hide
        return change
      }
    }
  }

  /// Removes a role: tokens that have it keep the name and nothing of what it stood for. It may have
  /// stood for a limit as well, so they may call no methods but those that other roles of theirs
  /// name. Needs ``Permission/manageRoles`` and ``Permission/allTenants``. A role that is not there
  /// is no error.
  public func removeRole(_ role: Role, as caller: Caller) async throws(AuthorityError) {
    var event = self.event(.removeRole, by: caller)
    event.target = role.text
    try await self.withdrawal(event) { () async throws(AuthorityError) in
      try self.require(.manageRoles, of: caller)
      try self.requireEveryTenant(of: caller, "roles")
      try RoleRecord.checkName(role)
      try self.requireStart()
      let key = StoreKey.role(role)
      _ = try await self.change(key) { () async throws(AuthorityError) -> Change<Bool> in
        let reading = try await self.read([key])
        guard reading[key] != nil else { return .none(false) }
        var change = Change(answer: true)
        change.transaction = reading.transaction
        change.transaction.removed.append(key)
        change.inDoubt = .hide
        return change
      }
    }
  }
}

extension RoleRecord {
  static func checkName(_ role: Role) throws(AuthorityError) {
    try FieldRules.checkName(role.text, "role")
    guard role != .administrator else {
      throw .forbidden("the role \(Role.administrator.text) cannot be changed")
    }
  }

  func check() throws(AuthorityError) {
    try Self.checkName(self.role)
    try FieldRules.checkScopes(self.scopes, "scopes")
    try FieldRules.checkList(self.methods, "methods")
    guard self.methods.allSatisfy({ $0.utf8.count <= 256 && MethodPattern($0) != nil }) else {
      throw .invalid(
        field: "methods",
        problem: "must be package.Service/Method or package.Service/*, at most 256 bytes"
      )
    }
    guard !self.scopes.isEmpty || !self.methods.isEmpty else {
      throw .invalid(field: "scopes", problem: "and methods are both empty")
    }
    guard FieldRules.isText(self.description, atMost: AuthorityLimits.longestText) else {
      throw .invalid(
        field: "description",
        problem: "must be at most \(AuthorityLimits.longestText) bytes without control characters"
      )
    }
  }
}
