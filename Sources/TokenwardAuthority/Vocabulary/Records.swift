// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// The keyed digest of one secret: HMAC-SHA256 under a pepper that is kept outside the store.
public struct SecretDigest: Sendable, Hashable {
  /// Which pepper.
  public var pepper: UInt32
  /// 32 bytes.
  public var code: [UInt8]

  /// - Parameters:
  ///   - pepper: which pepper.
  ///   - code: 32 bytes.
  public init(pepper: UInt32, code: [UInt8]) {
    self.pepper = pepper
    self.code = code
  }
}

/// Everything that is kept of an API token. Its secret is not among it.
public struct TokenRecord: Sendable, Hashable {
  /// The public name, part of the token's text. Everything is managed by it.
  public var id: TokenID
  /// What people call it.
  public var name: String
  /// Whose it is: the tenant.
  public var tenant: Tenant
  /// Whom it speaks for, within the tenant.
  public var owner: Owner
  /// Its roles.
  public var roles: [Role] = []
  /// Its scopes, beside those of its roles.
  public var scopes: [Scope] = []
  /// The services that it is for; never empty.
  public var audiences: [Audience]
  /// When it was made.
  public var createdAt: UnixTime
  /// The first moment at which it counts; nil for at once.
  public var notBefore: UnixTime?
  /// The first moment at which it no longer counts.
  public var expiresAt: UnixTime
  /// The networks that it may be used from; empty for all.
  public var networks: [NetworkPrefix] = []
  /// The client certificate that it must come with.
  public var certificate: CertificateThumbprint?
  /// Labels of its users.
  public var labels: [String: String] = [:]
  /// The token that made it; nil for the first one.
  public var createdBy: TokenID?
  /// The generation of its owner when it was made: an owner's next generation ends all before it,
  /// whatever the clock says.
  public var ownerGeneration: Int64
  /// The secret that counts.
  public var secret: SecretDigest
  /// The secret before that, while it still works.
  public var previous: PreviousSecret?
  /// When it was last given a new secret.
  public var rotatedAt: UnixTime?
  /// How often it was given a new secret.
  public var rotations: Int64 = 0
  /// Set once it has been taken back, for good.
  public var revocation: Revocation?
  /// When it was last used, to about a minute.
  public var lastUsedAt: UnixTime?

  /// A secret that has a successor and still works.
  public struct PreviousSecret: Sendable, Hashable {
    /// Its digest.
    public var secret: SecretDigest
    /// The first moment at which it no longer works.
    public var until: UnixTime

    /// - Parameters:
    ///   - secret: its digest.
    ///   - until: the first moment at which it no longer works.
    public init(secret: SecretDigest, until: UnixTime) {
      self.secret = secret
      self.until = until
    }
  }

  /// That and why a token was taken back.
  public struct Revocation: Sendable, Hashable {
    /// When.
    public var at: UnixTime
    /// Why, in the words of who did it; may be empty.
    public var reason: String
    /// The token that did it.
    public var by: TokenID?

    /// - Parameters:
    ///   - at: when.
    ///   - reason: why.
    ///   - by: the token that did it.
    public init(at: UnixTime, reason: String, by: TokenID?) {
      self.at = at
      self.reason = reason
      self.by = by
    }
  }

  /// A token with nothing granted.
  public init(
    id: TokenID,
    name: String,
    tenant: Tenant,
    owner: Owner,
    audiences: [Audience],
    createdAt: UnixTime,
    expiresAt: UnixTime,
    ownerGeneration: Int64,
    secret: SecretDigest
  ) {
    self.id = id
    self.name = name
    self.tenant = tenant
    self.owner = owner
    self.audiences = audiences
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.ownerGeneration = ownerGeneration
    self.secret = secret
  }
}

/// What is kept of an owner that somebody has done something to. An owner without a record is enabled
/// and in generation 0.
public struct OwnerRecord: Sendable, Hashable {
  /// Its tenant.
  public var tenant: Tenant
  /// Its name within the tenant.
  public var owner: Owner
  /// While true, no token of it is accepted and none is made.
  public var isDisabled = false
  /// Tokens of an earlier generation are revoked.
  public var generation: Int64 = 0
  /// Tokens made before this are revoked.
  public var issuedBefore: UnixTime?
  /// Why, in the words of who did the last change.
  public var reason = ""
  /// When the last change was.
  public var changedAt: UnixTime

  /// An enabled owner.
  public init(tenant: Tenant, owner: Owner, changedAt: UnixTime) {
    self.tenant = tenant
    self.owner = owner
    self.changedAt = changedAt
  }
}

/// What is kept of a tenant that somebody has done something to.
public struct TenantRecord: Sendable, Hashable {
  /// Its name.
  public var tenant: Tenant
  /// Tokens of every owner made before this are revoked.
  public var issuedBefore: UnixTime?
  /// Why.
  public var reason = ""
  /// When the last change was.
  public var changedAt: UnixTime

  /// A tenant.
  public init(tenant: Tenant, changedAt: UnixTime) {
    self.tenant = tenant
    self.changedAt = changedAt
  }
}

/// A role, defined once: what a token that has it may do.
public struct RoleRecord: Sendable, Hashable {
  /// Its name.
  public var role: Role
  /// What it is for.
  public var description = ""
  /// The scopes that it stands for.
  public var scopes: [Scope]
  /// The methods that it is limited to, as patterns of a policy (`package.Service/Method` or
  /// `package.Service/*`); empty for no limit of its own. A token whose roles name methods may call
  /// those only.
  public var methods: [String]
  /// When it was last changed.
  public var changedAt: UnixTime

  /// - Parameters:
  ///   - role: its name.
  ///   - scopes: the scopes that it stands for.
  ///   - methods: the methods that it is limited to.
  ///   - changedAt: when it was last changed.
  public init(role: Role, scopes: [Scope], methods: [String], changedAt: UnixTime) {
    self.role = role
    self.scopes = scopes
    self.methods = methods
    self.changedAt = changedAt
  }
}

/// One signing key, its state, and how to sign with it.
public struct SigningKeyRecord: Sendable, Hashable {
  /// Its public name.
  public var id: KeyID
  /// What it signs with.
  public var algorithm: Algorithm
  /// Where it is in its life.
  public var state: State
  /// The public key as a JWK (RFC 7517), with `kid`, `alg` and `use`.
  public var publicJWK: [UInt8]
  /// How to sign with it.
  public var material: Material
  /// When it was made and published.
  public var createdAt: UnixTime
  /// When it began to sign.
  public var activatedAt: UnixTime?
  /// When it ceased to sign.
  public var retiredAt: UnixTime?

  /// Where a key is in its life.
  public enum State: String, Sendable, Hashable, CaseIterable {
    /// Published, so that verifiers have it before the first token; signs nothing yet.
    case next
    /// Signs. There is one for each algorithm.
    case active
    /// Signs no more; published until the last token that it signed has expired.
    case retired
  }

  /// How to sign with a key.
  public enum Material: Sendable, Hashable {
    /// The private key, encrypted under a key of the vault.
    case sealed(SealedKey)
    /// A key that never leaves the vault: the name of the vault's key and its version.
    case transit(name: String, version: Int64)
  }

  /// A private key, encrypted with AES-256-GCM (NIST SP 800-38D).
  public struct SealedKey: Sendable, Hashable {
    /// Which key of the vault it is encrypted under.
    public var sealingKey: UInt32
    /// Nonce, ciphertext and tag.
    public var box: [UInt8]

    /// - Parameters:
    ///   - sealingKey: which key of the vault it is encrypted under.
    ///   - box: nonce, ciphertext and tag.
    public init(sealingKey: UInt32, box: [UInt8]) {
      self.sealingKey = sealingKey
      self.box = box
    }
  }

  /// A key that has just been made.
  public init(
    id: KeyID,
    algorithm: Algorithm,
    publicJWK: [UInt8],
    material: Material,
    createdAt: UnixTime
  ) {
    self.id = id
    self.algorithm = algorithm
    self.state = .next
    self.publicJWK = publicJWK
    self.material = material
    self.createdAt = createdAt
  }
}

/// That a request with an idempotency key was answered, and with which token. Neither the key nor
/// the secret is in it.
public struct ReceiptRecord: Sendable, Hashable {
  /// HMAC of the caller, the operation and the idempotency key.
  public var key: [UInt8]
  /// HMAC of the whole request: the same key with another request is refused.
  public var request: [UInt8]
  /// The token that the request made or rotated.
  public var token: TokenID
  /// ``TokenRecord/rotations`` after it.
  public var rotations: Int64
  /// Which pepper was current.
  public var pepper: UInt32
  /// The first moment at which the answer can no longer be repeated.
  public var expiresAt: UnixTime

  /// - Parameters:
  ///   - key: HMAC of the caller, the operation and the idempotency key.
  ///   - request: HMAC of the whole request.
  ///   - token: the token that the request made or rotated.
  ///   - rotations: how often it had been rotated after it.
  ///   - pepper: which pepper was current.
  ///   - expiresAt: the first moment at which the answer can no longer be repeated.
  public init(
    key: [UInt8],
    request: [UInt8],
    token: TokenID,
    rotations: Int64,
    pepper: UInt32,
    expiresAt: UnixTime
  ) {
    self.key = key
    self.request = request
    self.token = token
    self.rotations = rotations
    self.pepper = pepper
    self.expiresAt = expiresAt
  }
}

/// An access token (JWT) that was taken back before it expired.
public struct WithdrawnAccessToken: Sendable, Hashable {
  /// Its `jti`.
  public var id: TokenID
  /// Its expiry, after which the record may be forgotten.
  public var expiresAt: UnixTime

  /// - Parameters:
  ///   - id: its `jti`.
  ///   - expiresAt: its expiry.
  public init(id: TokenID, expiresAt: UnixTime) {
    self.id = id
    self.expiresAt = expiresAt
  }
}
