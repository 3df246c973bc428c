// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Who asks the authority for something: the principal that the guard has proven, read as what it may
/// do here. Only principals of this authority's own tokens may become one: another issuer's token
/// could name any role.
public struct Caller: Sendable {
  /// The token that was presented.
  public let token: TokenID
  /// The API token behind it, where an access token was presented (`grant_id`); nil for an API token.
  public let grant: TokenID?
  /// Whom it speaks for.
  public let subject: Subject
  /// The tenant of that subject.
  public let tenant: Tenant
  /// Everything it is granted, those of its roles included.
  public let scopes: Set<Scope>
  /// Its roles.
  public let roles: Set<Role>
  /// What it is limited to, where its roles name methods; nil for no limit.
  public let methods: [String]?
  /// When its token expires.
  public let expiresAt: UnixTime
  /// Where it came from, as the transport names it; for the audit trail.
  public let peer: String?
  /// Whether it came with a secret that has a successor already: such a one makes nothing that lasts.
  public let usesPreviousSecret: Bool

  /// - Parameters:
  ///   - token: the token that was presented.
  ///   - grant: the API token behind it, where an access token was presented.
  ///   - subject: whom it speaks for.
  ///   - tenant: the tenant of that subject.
  ///   - scopes: everything it is granted.
  ///   - roles: its roles.
  ///   - methods: what it is limited to.
  ///   - expiresAt: when its token expires.
  ///   - peer: where it came from.
  ///   - usesPreviousSecret: whether its secret has a successor already.
  public init(
    token: TokenID,
    grant: TokenID? = nil,
    subject: Subject,
    tenant: Tenant,
    scopes: Set<Scope>,
    roles: Set<Role>,
    methods: [String]? = nil,
    expiresAt: UnixTime,
    peer: String? = nil,
    usesPreviousSecret: Bool = false
  ) {
    self.token = token
    self.grant = grant
    self.subject = subject
    self.tenant = tenant
    self.scopes = scopes
    self.roles = roles
    self.methods = methods
    self.expiresAt = expiresAt
    self.peer = peer
    self.usesPreviousSecret = usesPreviousSecret
  }

  /// Whether its token has a permission. The authority also asks whether the API token behind it has
  /// it still.
  public func may(_ permission: Permission) -> Bool { self.scopes.contains(permission.scope) }

  /// The API token that everything of it comes from.
  package var root: TokenID { self.grant ?? self.token }

  /// Its owner; nil if its subject is not one of its tenant.
  var owner: Owner? {
    let prefix = "\(self.tenant.text)/".utf8
    guard self.subject.text.utf8.starts(with: prefix) else { return nil }
    let name = String(decoding: self.subject.text.utf8.dropFirst(prefix.count), as: UTF8.self)
    return AuthorityLimits.isName(name) ? Owner(name) : nil
  }
}
