// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// What the attacks are aimed at: issuers with real keys, the methods of a service with its policy,
/// and the time. A server under attack is configured with ``trustedIssuers()`` and ``policy()``.
public struct AttackBench: Sendable {
  /// The present time; dates in tokens are counted from it.
  public let now: UnixTime
  /// The methods that are called.
  public let methods: AttackMethods
  /// The keys of the issuers, and those of nobody.
  let keys: AttackKeys

  /// The audience of the service.
  public static let audience: Audience = "orders"
  /// The issuer that most tokens come from.
  public static let issuer: Issuer = "https://issuer.test"
  /// Another trusted issuer, with one key whose `kid` is also one of the first issuer's.
  public static let otherIssuer: Issuer = "https://other.test"
  /// A trusted issuer whose tokens work once.
  public static let singleUseIssuer: Issuer = "https://once.test"
  /// A local issuer with a shared secret.
  public static let symmetricIssuer: Issuer = "https://local.test"
  /// A trusted issuer with a clock skew of 60 seconds.
  public static let skewedIssuer: Issuer = "https://skewed.test"

  /// - Parameters:
  ///   - now: the present time.
  ///   - methods: the methods that are called.
  /// - Throws: if a key cannot be made.
  public init(now: UnixTime, methods: AttackMethods = AttackMethods()) throws {
    self.now = now
    self.methods = methods
    self.keys = try AttackKeys()
  }

  /// The policy that the attacked service has.
  public func policy() throws(ConfigurationError) -> MethodPolicy {
    try MethodPolicy {
      Allow(self.methods.scoped, .scopes(["orders.read"]))
      Allow(self.methods.authenticated, .authenticated)
      Allow(self.methods.roled, .roles(["admin"]))
      Allow(self.methods.forEndUsers, .authenticated.forEndUsers)
      Allow(self.methods.anonymous, .anonymous)
    }
  }

  /// The issuers that the attacked service trusts.
  public func trustedIssuers() throws -> [TrustedIssuer] {
    let audiences = AudienceRequirement.oneOf([Self.audience])
    return [
      try TrustedIssuer(
        Self.issuer,
        audiences: audiences,
        algorithms: [.es256, .rs256, .ps256, .es384, .es512, .eddsa],
        keys: StaticKeys(try KeySet(jwks: self.keys.primaryJWKS(), trust: .publicKeys))
      ),
      try TrustedIssuer(
        Self.otherIssuer,
        audiences: audiences,
        algorithms: [.es256],
        keys: try self.keys.source(of: self.keys.other, kid: "es256")
      ),
      try TrustedIssuer(
        Self.singleUseIssuer,
        audiences: audiences,
        algorithms: [.es256],
        keys: try self.keys.source(of: self.keys.singleUse, kid: "once"),
        isSingleUse: true
      ),
      try TrustedIssuer(
        Self.symmetricIssuer,
        audiences: audiences,
        algorithms: [.hs256],
        keys: StaticKeys(
          try KeySet(
            jwks: AttackKeys.set([try self.keys.secret.jwk.setting("kid", "\"hs256\"")]),
            trust: .localSymmetric
          )
        )
      ),
      try TrustedIssuer(
        Self.skewedIssuer,
        audiences: audiences,
        algorithms: [.es256],
        keys: try self.keys.source(of: self.keys.skewed, kid: "skewed"),
        clockSkew: ClockSkew(seconds: 60)
      ),
    ]
  }
}

/// The methods of the attacked service, as `package.Service/Method`, by what the policy asks for.
public struct AttackMethods: Sendable, Hashable {
  /// Requires the scope `orders.read`.
  public var scoped: String
  /// Requires a verified caller.
  public var authenticated: String
  /// Requires the role `admin`. Its name has a `K`, for which U+212A (Kelvin) is tried.
  public var roled: String
  /// Requires an end user.
  public var forEndUsers: String
  /// Anyone may call it.
  public var anonymous: String
  /// No rule names it, as if it had been added later. A server that compares its methods with its
  /// policy cannot have it.
  public var unlisted: String

  /// - Parameters: see the properties.
  public init(
    scoped: String = "attacks.v1.Orders/Get",
    authenticated: String = "attacks.v1.Orders/List",
    roled: String = "attacks.v1.Orders/RevokeKey",
    forEndUsers: String = "attacks.v1.Orders/Confirm",
    anonymous: String = "attacks.v1.Status/Check",
    unlisted: String = "attacks.v1.Orders/AddedLater"
  ) {
    self.scoped = scoped
    self.authenticated = authenticated
    self.roled = roled
    self.forEndUsers = forEndUsers
    self.anonymous = anonymous
    self.unlisted = unlisted
  }
}
