// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What a token is to grant, or grants.
struct Grants {
  var roles: [Role]
  var scopes: [Scope]
  var audiences: [Audience]
  var networks: [NetworkPrefix]
  var certificate: CertificateThumbprint?
}

extension TokenRecord {
  /// What it grants.
  var grants: Grants {
    Grants(
      roles: self.roles,
      scopes: self.scopes,
      audiences: self.audiences,
      networks: self.networks,
      certificate: self.certificate
    )
  }
}

/// What a caller holds and may pass on: never more than its API token has in the store at this
/// moment, and never more than the token that it presented.
struct Holdings {
  let isAdministrator: Bool
  /// Whom it speaks for.
  let tenant: Tenant
  let owner: Owner
  /// The roles that it has by both. Services may trust a role by its name, so what it stands for here
  /// is not all that it is.
  let roles: Set<Role>
  let scopes: Set<Scope>
  let audiences: [Audience]
  let networks: [NetworkPrefix]
  let certificate: CertificateThumbprint?
  /// Every limit of methods that it is under; a grant must be within each.
  let limits: [[String]]
  /// When it ends; nil if it may make tokens that live longer.
  let end: UnixTime?

  init(_ caller: Caller, _ record: TokenRecord, _ definitions: [Role: RoleRecord]) {
    let expansion = Expansion(roles: record.roles, scopes: record.scopes, definitions)
    self.scopes = caller.scopes.intersection(expansion.scopes)
    // An access token of the administrator that has only some of its scopes is not the administrator.
    self.isAdministrator =
      caller.roles.contains(.administrator) && record.roles.contains(.administrator)
      && Permission.allCases.allSatisfy { caller.scopes.contains($0.scope) }
      && caller.methods == nil && expansion.methods == nil
    self.tenant = record.tenant
    self.owner = record.owner
    self.roles = caller.roles.intersection(record.roles)
    self.audiences = record.audiences
    self.networks = record.networks
    self.certificate = record.certificate
    self.limits = [caller.methods, expansion.methods].compactMap(\.self)
    let mayOutlive = self.scopes.contains(Permission.outlive.scope)
    self.end = mayOutlive ? nil : min(caller.expiresAt, record.expiresAt)
  }

  /// Checks that all of it is the caller's to give (catalogue O08). The same rule holds for giving a
  /// token a new secret: whoever gets the secret gets the token.
  /// - Parameter definitions: the roles among the grants that are defined.
  func check(_ grants: Grants, _ definitions: [Role: RoleRecord]) throws(AuthorityError) {
    // Where a caller may use its own token only from some places, its children may be used from
    // nowhere else; that holds for the administrator, too.
    guard self.networks.isEmpty || !grants.networks.isEmpty,
      grants.networks.allSatisfy({ inner in
        self.networks.isEmpty || self.networks.contains { inner.isWithin($0) }
      })
    else {
      throw .forbidden(
        "the caller's token is limited to networks; those of this one are not within them"
      )
    }
    guard self.certificate == nil || self.certificate == grants.certificate else {
      throw .forbidden(
        "the caller's token is bound to a certificate; this one must be bound to it, too"
      )
    }
    guard !self.isAdministrator else { return }

    guard !grants.roles.contains(.administrator) else {
      throw .forbidden("only an administrator grants the role \(Role.administrator.text)")
    }
    if let role = grants.roles.first(where: { !self.roles.contains($0) }) {
      throw .forbidden("the caller does not have the role \(role.text)")
    }
    let asked = Expansion(roles: grants.roles, scopes: grants.scopes, definitions)
    if let scope = asked.scopes.subtracting(self.scopes).min() {
      throw .forbidden("the caller does not hold the scope \(scope.text)")
    }
    if let audience = grants.audiences.first(where: { !self.audiences.contains($0) }) {
      throw .forbidden("the caller's token is not for the audience \(audience.text)")
    }
    for limit in self.limits {
      guard let methods = asked.methods, MethodPatterns.isNarrower(methods, than: limit) else {
        throw .forbidden(
          "the caller is limited to methods; the roles of this token are not within them"
        )
      }
    }
  }

  /// Checks an expiry that was asked for.
  func check(expiry: UnixTime) throws(AuthorityError) {
    if let end, expiry > end {
      throw .forbidden(
        "a token that lives longer than the caller's needs \(Permission.outlive.rawValue)"
      )
    }
  }
}

extension NetworkPrefix {
  /// Whether every address of it is one of the other.
  func isWithin(_ other: NetworkPrefix) -> Bool {
    self.length >= other.length && other.contains(self.address)
  }
}
