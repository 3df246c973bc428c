// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// Which tokens have the administrator's role and have not been taken back by themselves. There are
/// few, and asking the store for them would mean to read every token.
final class Administrators: Sendable {
  private struct Place: Hashable {
    let tenant: Tenant
    let owner: Owner
  }

  private let tokens = Mutex<[TokenID: Place]>([:])

  /// Takes note of a token as it is now.
  func note(_ token: TokenRecord) {
    let isOne = token.roles.contains(.administrator) && token.revocation == nil
    let place = Place(tenant: token.tenant, owner: token.owner)
    self.tokens.withLock { $0[token.id] = isOne ? place : nil }
  }

  /// Those of an owner, or of every owner of the tenant.
  func tokens(of owner: Owner?, in tenant: Tenant) -> [TokenID] {
    self.tokens.withLock { tokens in
      tokens.compactMap { id, place in
        place.tenant == tenant && (owner == nil || place.owner == owner) ? id : nil
      }
    }
  }
}

extension TokenAuthority {
  /// Whether a caller is an administrator at this moment: by the token that it presented, and by what
  /// is known of the API token behind it.
  func isAdministrator(_ caller: Caller) -> Bool {
    guard caller.roles.contains(.administrator), caller.methods == nil,
      Permission.allCases.allSatisfy({ caller.scopes.contains($0.scope) }),
      let now = self.snapshot.granted(to: caller.root, at: self.presentTime)
    else { return false }
    return now.roles.contains(.administrator) && now.methods == nil
  }

  /// Whether an owner has a token of an administrator that works, or will once the owner is enabled.
  /// - Parameter owner: nil for any owner of the tenant.
  func hasAdministrators(_ owner: Owner?, in tenant: Tenant) -> Bool {
    let now = self.presentTime
    return self.administrators.tokens(of: owner, in: tenant).contains { id in
      switch self.snapshot.state(of: id, at: now) {
      case .active, .notYetValid, .ownerDisabled: true
      case .revoked, .expired, .unknown: false
      }
    }
  }

  /// Whether a caller may take a token back: those of administrators are for administrators, or a
  /// permission to revoke would be one to lock everybody out. Its own is anybody's to give up.
  func requireMayTakeAway(
    from record: TokenRecord,
    as caller: Caller
  ) throws(AuthorityError) {
    guard record.roles.contains(.administrator), record.id != caller.root else { return }
    guard self.isAdministrator(caller) else {
      throw .forbidden("only an administrator takes back the token of one")
    }
  }

  /// Whether a caller may change what counts for every token of an owner, or of a tenant.
  /// - Parameter owner: nil for every owner of the tenant.
  func requireMayTakeAway(
    from owner: Owner?,
    in tenant: Tenant,
    as caller: Caller
  ) throws(AuthorityError) {
    guard self.isAdministrator(caller) || !self.hasAdministrators(owner, in: tenant) else {
      throw .forbidden("there are tokens of administrators among them; this takes an administrator")
    }
  }

  /// Whether a caller may make or rotate a token that speaks for an owner: services see the owner and
  /// nothing of who made the token.
  func requireMaySpeak(
    for owner: Owner,
    in tenant: Tenant,
    _ holdings: Holdings
  ) throws(AuthorityError) {
    if holdings.tenant == tenant, holdings.owner == owner { return }
    guard holdings.scopes.contains(Permission.anyOwner.scope) else {
      throw .forbidden("a token of another owner needs \(Permission.anyOwner.rawValue)")
    }
    guard holdings.isAdministrator || !self.hasAdministrators(owner, in: tenant) else {
      throw .forbidden("the owner has tokens of administrators; this takes an administrator")
    }
  }

  /// Refuses what would let a secret that is about to end live on: whoever has found it would have
  /// made himself another one.
  func requirePresentSecret(of caller: Caller) throws(AuthorityError) {
    guard !caller.usesPreviousSecret else {
      throw .forbidden("the caller's secret has a successor; this needs the new one")
    }
  }

  /// What an access token is granted that is asked for with a secret in its grace: nothing by which
  /// something is made that lasts, and no role that stands for it.
  func withoutLasting(
    _ match: APITokenMatch
  ) -> (scopes: [Scope], roles: [Role]) {
    guard match.usesPreviousSecret else { return (match.scopes, match.roles) }
    let roles = self.definedRoles.withLock { defined in
      match.roles.filter { role in
        let definition = role == .administrator ? .administrator : defined[role]
        return definition?.scopes.allSatisfy { !Permission.lasting.contains($0) } == true
      }
    }
    return (match.scopes.filter { !Permission.lasting.contains($0) }, roles)
  }
}
