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
  /// and ``Permission/allTenants``, because roles are of every tenant.
  ///
  /// To define or widen one takes an administrator: it widens tokens of other owners, audiences and
  /// networks than the caller's, and services may trust the name. Whoever else has the permissions and
  /// the role itself may narrow it: take scopes away, and methods from those that it names.
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
        try self.requirePresentSecret(of: caller)
        var old: RoleRecord?
        if case .role(let record)? = reading[key]?.record { old = record }
        try holdings.check(change: definition, of: old)
        if old == nil, self.definedRoles.withLock(\.count) >= self.configuration.limits.mostRoles {
          throw .failedPrecondition("there are too many roles")
        }
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
  /// name. Needs ``Permission/manageRoles`` and ``Permission/allTenants``, and the role itself unless
  /// the caller is an administrator. A role that is not there is no error.
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
        guard self.isAdministrator(caller) || self.has(role, caller) else {
          throw .forbidden("the caller does not have the role \(role.text)")
        }
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

extension TokenAuthority {
  /// Whether a caller has a role: by the token that it presented, and still.
  private func has(_ role: Role, _ caller: Caller) -> Bool {
    guard caller.roles.contains(role),
      let now = self.snapshot.granted(to: caller.root, at: self.presentTime)
    else { return false }
    return now.roles.contains(role)
  }
}

extension Holdings {
  /// Checks that a role is the caller's to change like this.
  /// - Parameter old: what it is now; nil if it is not defined.
  fileprivate func check(change new: RoleRecord, of old: RoleRecord?) throws(AuthorityError) {
    guard !self.isAdministrator else { return }
    guard self.roles.contains(new.role) else {
      throw .forbidden("only an administrator changes a role that it does not have")
    }
    guard let old else { throw .forbidden("only an administrator defines a role") }
    if let scope = new.scopes.first(where: { !old.scopes.contains($0) }) {
      throw .forbidden("only an administrator adds to a role; this adds \(scope.text)")
    }
    // Methods of one role are a way out of the limit of another, so that a role without any may get
    // none; and one that loses its last limits nothing any more.
    guard old.methods.isEmpty == new.methods.isEmpty,
      MethodPatterns.isNarrower(new.methods, than: old.methods)
    else { throw .forbidden("only an administrator widens the methods of a role") }
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
    try FieldRules.checkShown([self.role.text], "role")
    try FieldRules.checkShown(self.scopes.map(\.text), "scopes")
    try FieldRules.checkShown(self.methods, "methods")
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
