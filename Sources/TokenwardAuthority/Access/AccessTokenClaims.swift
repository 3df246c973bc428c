// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// What an access token says (RFC 9068 §2.2). ``SigningKeys/sign(_:algorithm:)`` writes and signs it,
/// and refuses what no verifier would accept or what another reader could take for more.
public struct AccessTokenClaims: Sendable, Hashable {
  /// `iss`: the authority.
  public var issuer: Issuer
  /// `sub`: whom the token speaks for.
  public var subject: Subject
  /// `client_id`: to whom it was given. Equal to the subject where no person is behind it (RFC 9068
  /// §5): such a token is no end user's.
  public var clientID: ClientID
  /// `aud`: the services that it is for, 1 to 64; a string if it is one.
  public var audiences: [Audience]
  /// `jti`: its name.
  public var id: TokenID
  /// `iat`: when it is made, rounded down to whole seconds.
  public var issuedAt: UnixTime
  /// How long it lives, in seconds; at least 1.
  public var lifetimeSeconds: Int64
  /// `nbf`: the first moment at which it counts, rounded up to whole seconds; at once unless given.
  public var notBefore: UnixTime?
  /// `scope`: its scopes, separated by spaces. The claim is left out if there are none.
  public var scopes: [Scope] = []
  /// `roles`: its roles. The claim is left out if there are none.
  public var roles: [Role] = []
  /// `tenant`: the tenant of its subject.
  public var tenant: Tenant
  /// `grant_id`: the API token that it was exchanged for.
  public var grantID: TokenID
  /// `tokenward_methods`: the only methods that it may call, as patterns of a policy; nil for no such
  /// limit. An empty list is refused: a reader could take it for no limit.
  public var methods: [String]?
  /// `tokenward_networks`: the only networks that it may be used from; empty for no such limit.
  public var networks: [NetworkPrefix] = []
  /// `cnf` with `x5t#S256`: the client certificate that it must come with (RFC 8705 §3.1).
  public var certificate: CertificateThumbprint?

  /// - Parameters:
  ///   - issuer: the authority.
  ///   - subject: whom the token speaks for.
  ///   - clientID: to whom it was given.
  ///   - audiences: the services that it is for.
  ///   - id: its name.
  ///   - issuedAt: when it is made.
  ///   - lifetimeSeconds: how long it lives.
  ///   - tenant: the tenant of its subject.
  ///   - grantID: the API token that it was exchanged for.
  public init(
    issuer: Issuer,
    subject: Subject,
    clientID: ClientID,
    audiences: [Audience],
    id: TokenID,
    issuedAt: UnixTime,
    lifetimeSeconds: Int64,
    tenant: Tenant,
    grantID: TokenID
  ) {
    self.issuer = issuer
    self.subject = subject
    self.clientID = clientID
    self.audiences = audiences
    self.id = id
    self.issuedAt = issuedAt
    self.lifetimeSeconds = lifetimeSeconds
    self.tenant = tenant
    self.grantID = grantID
  }

  /// `exp`: the first moment at which it no longer counts, in whole seconds.
  public var expiresAt: UnixTime {
    UnixTime(seconds: self.issuedAt.seconds).adding(seconds: self.lifetimeSeconds)
  }
}
