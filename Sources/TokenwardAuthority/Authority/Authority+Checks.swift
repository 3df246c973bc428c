// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

extension TokenAuthority {
  /// Whether a caller has a permission: by the token that it presented, and still. An access token
  /// lives for minutes after its API token has lost a role, and says nothing of it.
  func may(_ permission: Permission, _ caller: Caller) -> Bool {
    guard caller.may(permission),
      let now = self.snapshot.granted(to: caller.root, at: self.presentTime)
    else { return false }
    // Nor may it call more than its API token. Which method this is, only the guard knows: it went by
    // the limit of the token that was presented, which has to be as narrow.
    if let limit = now.methods?.patterns {
      guard let methods = caller.methods, MethodPatterns.isNarrower(methods, than: limit) else {
        return false
      }
    }
    return now.scopes.contains(permission.scope)
  }

  /// Refuses a caller that does not have a permission.
  func require(_ permission: Permission, of caller: Caller) throws(AuthorityError) {
    guard caller.may(permission) else { throw .forbidden("this needs \(permission.rawValue)") }
    try self.requireStart()
    guard self.may(permission, caller) else {
      throw .forbidden("this needs \(permission.rawValue), which the caller does not have any more")
    }
  }

  /// Whether a caller may change what every tenant shares.
  func requireEveryTenant(of caller: Caller, _ what: String) throws(AuthorityError) {
    guard self.may(.allTenants, caller) else {
      throw .forbidden("\(what) are of every tenant; this needs \(Permission.allTenants.rawValue)")
    }
  }

  /// The tenant that a caller means, if it may (catalogue O09).
  func tenant(_ asked: Tenant?, of caller: Caller) throws(AuthorityError) -> Tenant {
    guard let asked, asked != caller.tenant else { return caller.tenant }
    guard self.may(.allTenants, caller) else { throw Self.foreign }
    try FieldRules.checkName(asked.text, "tenant")
    return asked
  }

  /// The one answer for another tenant and for what does not exist: who may not see the one may not
  /// find out about the other.
  static var foreign: AuthorityError { .forbidden("not in the caller's tenant") }

  /// A token that a caller names, if it may see it.
  func visible(
    _ record: TokenRecord?,
    _ caller: Caller
  ) throws(AuthorityError) -> TokenRecord {
    if self.may(.allTenants, caller) {
      guard let record else { throw .notFound("no such token") }
      return record
    }
    guard let record, record.tenant == caller.tenant else { throw Self.foreign }
    return record
  }

  /// Ids are looked up by what they are: other text is no token's.
  func key(_ id: TokenID, _ caller: Caller) throws(AuthorityError) -> StoreKey {
    let bytes = id.text.utf8
    guard bytes.count == APITokenFormat.idLength,
      bytes.allSatisfy({ APITokenFormat.digits.contains($0) })
    else { throw self.may(.allTenants, caller) ? .notFound("no such token") : Self.foreign }
    return .token(id)
  }

  /// What has to be read to know what a caller may pass on.
  func callerKeys(_ caller: Caller) throws(AuthorityError) -> [StoreKey] {
    guard let owner = caller.owner else { throw Self.unknownCaller }
    return [.token(caller.root), .owner(caller.tenant, owner), .tenant(caller.tenant)]
      + caller.roles.prefix(AuthorityLimits.mostGrants).map { .role($0) }
  }

  /// What a caller may pass on, by what the store says of its token now: a token that has just been
  /// revoked makes no other.
  func holdings(
    of caller: Caller,
    _ reading: Reading,
    at now: UnixTime
  ) throws(AuthorityError) -> Holdings {
    guard let record = reading.token(caller.root), record.tenant == caller.tenant,
      record.owner == caller.owner
    else { throw Self.unknownCaller }
    guard reading.state(of: record, at: now) == .active, now < caller.expiresAt else {
      throw .forbidden("the caller's own token does not count any more")
    }
    return Holdings(caller, record, reading.definitions)
  }

  private static var unknownCaller: AuthorityError {
    .forbidden("only tokens of this authority can pass something on")
  }

  /// The moment at which something is issued.
  /// - Throws: ``AuthorityError/unavailable(_:)`` while the clock cannot be trusted, and before the
  ///   start.
  func issuingTime() throws(AuthorityError) -> UnixTime {
    try self.requireStart()
    let now = self.time.now()
    guard self.watch.judge(now) == .good, let now else { throw .unavailable(.clock) }
    return now.unix
  }

  /// The moment at which something is taken away or written down. Revocation does not wait for a
  /// clock: where it cannot be read, the newest date that is known stands in for it.
  var presentTime: UnixTime {
    self.time.now()?.unix ?? max(self.watch.newest, UnixTime(seconds: 0))
  }

  /// Before ``start()`` nothing is known of any token.
  func requireStart() throws(AuthorityError) {
    guard self.memory.withLock(\.isStarted) else { throw .unavailable(.store) }
  }
}
