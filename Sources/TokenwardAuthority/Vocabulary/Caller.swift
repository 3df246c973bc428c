// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Who asks the authority for something: the principal that the guard has proven, read as what it may
/// do here.
public struct Caller: Sendable {
  /// The token that was presented.
  public let token: TokenID
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

  /// - Parameters:
  ///   - token: the token that was presented.
  ///   - subject: whom it speaks for.
  ///   - tenant: the tenant of that subject.
  ///   - scopes: everything it is granted.
  ///   - roles: its roles.
  ///   - methods: what it is limited to.
  ///   - expiresAt: when its token expires.
  ///   - peer: where it came from.
  public init(
    token: TokenID,
    subject: Subject,
    tenant: Tenant,
    scopes: Set<Scope>,
    roles: Set<Role>,
    methods: [String]? = nil,
    expiresAt: UnixTime,
    peer: String? = nil
  ) {
    self.token = token
    self.subject = subject
    self.tenant = tenant
    self.scopes = scopes
    self.roles = roles
    self.methods = methods
    self.expiresAt = expiresAt
    self.peer = peer
  }

  /// Whether it has a permission.
  public func may(_ permission: Permission) -> Bool { self.scopes.contains(permission.scope) }
}
