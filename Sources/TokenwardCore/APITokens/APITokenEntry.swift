// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// What verification needs to know of one API token. Its secret is not among it.
public struct APITokenEntry: Sendable, Hashable {
  /// The keyed digest of one secret.
  public struct Digest: Sendable, Hashable {
    /// Which ``Pepper`` it was made under.
    public var pepper: UInt32
    /// HMAC-SHA256 of id and secret: 32 bytes.
    public var code: [UInt8]

    /// - Parameters:
    ///   - pepper: which pepper it was made under.
    ///   - code: 32 bytes.
    public init(pepper: UInt32, code: [UInt8]) {
      self.pepper = pepper
      self.code = code
    }
  }

  /// A secret that has a successor and works beside it for a while.
  public struct Previous: Sendable, Hashable {
    /// Its digest.
    public var digest: Digest
    /// The first moment at which it no longer works.
    public var until: UnixTime

    /// - Parameters:
    ///   - digest: its digest.
    ///   - until: the first moment at which it no longer works.
    public init(digest: Digest, until: UnixTime) {
      self.digest = digest
      self.until = until
    }
  }

  /// The public name within the token's text: 16 characters of base62.
  public var id: TokenID
  /// The tenant of its owner.
  public var tenant: Tenant
  /// Whom it speaks for.
  public var owner: Owner
  /// Its roles.
  public var roles: [Role]
  /// Its scopes, beside those of its roles.
  public var scopes: [Scope]
  /// The services that it is for.
  public var audiences: [Audience]
  /// When it was made.
  public var createdAt: UnixTime
  /// The first moment at which it counts; nil for at once.
  public var notBefore: UnixTime?
  /// The first moment at which it no longer counts.
  public var expiresAt: UnixTime
  /// The networks that it may be used from; empty for all.
  public var networks: [NetworkPrefix]
  /// The client certificate that it must come with.
  public var certificate: CertificateThumbprint?
  /// The generation of its owner that it belongs to.
  public var ownerGeneration: Int64
  /// Whether it was taken back.
  public var isRevoked: Bool
  /// The secret that counts.
  public var secret: Digest
  /// The secret before that, while it still works.
  public var previous: Previous?

  /// - Parameters: see the properties.
  public init(
    id: TokenID,
    tenant: Tenant,
    owner: Owner,
    roles: [Role] = [],
    scopes: [Scope] = [],
    audiences: [Audience],
    createdAt: UnixTime,
    notBefore: UnixTime? = nil,
    expiresAt: UnixTime,
    networks: [NetworkPrefix] = [],
    certificate: CertificateThumbprint? = nil,
    ownerGeneration: Int64 = 0,
    isRevoked: Bool = false,
    secret: Digest,
    previous: Previous? = nil
  ) {
    self.id = id
    self.tenant = tenant
    self.owner = owner
    self.roles = roles
    self.scopes = scopes
    self.audiences = audiences
    self.createdAt = createdAt
    self.notBefore = notBefore
    self.expiresAt = expiresAt
    self.networks = networks
    self.certificate = certificate
    self.ownerGeneration = ownerGeneration
    self.isRevoked = isRevoked
    self.secret = secret
    self.previous = previous
  }
}

/// What an API token is worth at a moment, for those who know its id only.
public enum APITokenState: String, Sendable, Hashable, CaseIterable {
  /// There is none of that id.
  case unknown
  /// It works.
  case active
  /// Its `notBefore` is still to come.
  case notYetValid = "not_yet_valid"
  /// It has expired.
  case expired
  /// It was taken back, or everything of its owner or tenant that is as old.
  case revoked
  /// Its owner is disabled.
  case ownerDisabled = "owner_disabled"
}
