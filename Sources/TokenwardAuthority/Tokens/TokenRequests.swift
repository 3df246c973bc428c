// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// A new API token, as a caller asks for it.
public struct NewToken: Sendable, Hashable {
  /// What people call it.
  public var name: String
  /// The tenant; the caller's own unless given.
  public var tenant: Tenant?
  /// Whom it is to speak for.
  public var owner: Owner
  /// Its roles.
  public var roles: [Role] = []
  /// Its scopes, beside those of its roles.
  public var scopes: [Scope] = []
  /// The services that it is for; at least one.
  public var audiences: [Audience]
  /// How long it lives, in seconds; ``AuthorityLimits/defaultTokenLifetimeSeconds`` unless given.
  public var lifetimeSeconds: Int64?
  /// The first moment at which it counts; at once unless given.
  public var notBefore: UnixTime?
  /// The networks that it may be used from; all unless given.
  public var networks: [NetworkPrefix] = []
  /// The client certificate that it must come with.
  public var certificate: CertificateThumbprint?
  /// Labels.
  public var labels: [String: String] = [:]

  /// - Parameters:
  ///   - name: what people call it.
  ///   - owner: whom it is to speak for.
  ///   - audiences: the services that it is for.
  public init(name: String, owner: Owner, audiences: [Audience]) {
    self.name = name
    self.owner = owner
    self.audiences = audiences
  }
}

/// How an API token is to be given a new secret.
public struct Rotation: Sendable, Hashable {
  /// How long the old secret works beside the new one, in seconds; 0 for not at all. A secret that is
  /// older still ends at once: never more than two work.
  public var graceSeconds: Int64
  /// How long the token lives from now on, in seconds; as long as it was made for unless given.
  public var lifetimeSeconds: Int64?

  /// - Parameters:
  ///   - graceSeconds: how long the old secret works beside the new one.
  ///   - lifetimeSeconds: how long the token lives from now on.
  public init(graceSeconds: Int64, lifetimeSeconds: Int64? = nil) {
    self.graceSeconds = graceSeconds
    self.lifetimeSeconds = lifetimeSeconds
  }
}

/// A random value by which a request that is sent again is known (`Idempotency-Key`). It is a secret
/// of its sender: whoever has it and may make tokens can have the same answer again for an hour.
public struct IdempotencyKey: Sendable {
  /// The value.
  package let bytes: [UInt8]

  /// - Parameter text: 22 to 128 bytes of `[A-Za-z0-9_-]`: 128 random bits or more. Nil otherwise.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard (22 ... 128).contains(bytes.count),
      bytes.allSatisfy({ APITokenFormat.digits.contains($0) || $0 == 0x5F || $0 == 0x2D })
    else { return nil }
    self.bytes = bytes
  }
}

extension IdempotencyKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// That there is one, not which.
  public var description: String { "<idempotency key>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing (catalogue L08).
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// An API token with its secret, which is shown this once.
public struct IssuedAPIToken: Sendable {
  /// What is kept of it.
  public let record: TokenRecord
  /// The token itself.
  public let token: BearerToken

  package init(record: TokenRecord, token: BearerToken) {
    self.record = record
    self.token = token
  }
}

/// What an access token is asked for with (RFC 8693 §2.1, RFC 6749 §4.4.2).
public struct AccessRequestParameters: Sendable, Hashable {
  /// The services that it is for; must be among those of the API token. All of those unless given.
  public var audiences: [Audience] = []
  /// The scopes; must be among those of the API token. All of those unless given.
  public var scopes: [Scope]?
  /// How long it lives, in seconds; never longer than the API token.
  public var lifetimeSeconds: Int64?
  /// The signature algorithm; the authority's default unless given.
  public var algorithm: Algorithm?
  /// Where the caller came from, as the transport names it.
  public var peer: String?
  /// The caller's verified client certificate.
  public var peerCertificate: CertificateThumbprint?

  /// Everything that the API token is granted, for the usual time.
  public init() {}
}

/// A signed access token (RFC 9068).
public struct IssuedAccessToken: Sendable {
  /// The token itself.
  public let token: BearerToken
  /// Its `jti`.
  public let id: TokenID
  /// What it is granted.
  public let scopes: [Scope]
  /// When it expires.
  public let expiresAt: UnixTime
  /// How long it lives, in seconds.
  public let lifetimeSeconds: Int64

  package init(
    token: BearerToken,
    id: TokenID,
    scopes: [Scope],
    expiresAt: UnixTime,
    lifetimeSeconds: Int64
  ) {
    self.token = token
    self.id = id
    self.scopes = scopes
    self.expiresAt = expiresAt
    self.lifetimeSeconds = lifetimeSeconds
  }
}
