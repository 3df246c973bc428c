// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAttacks
public import TokenwardCore

/// An issuer for tests: a real key made in this process, its published key set, and tokens that are
/// signed with it, good ones and as broken as a test likes.
///
/// ```swift
/// let issuer = try TestIssuer()
/// let verifier = try JWTVerifier(issuers: [issuer.trusted()])
/// let token = try issuer.token(subject: "alice", scopes: ["orders.read"])
/// ```
///
/// Its keys live as long as the value and are known to nobody else; nothing about them is fit for
/// production. RSA keys are made once for each process and shared, because making one takes a good
/// part of a second.
public struct TestIssuer: Sendable {
  /// The value of `iss`.
  public let name: Issuer
  /// The value of `aud` unless a token asks for another.
  public let audience: Audience
  /// What tokens are signed with.
  public let algorithm: Algorithm
  /// The `kid` of tokens and of the published key; nil leaves it out of both.
  public let keyID: String?

  private let key: SigningKey

  /// - Parameters:
  ///   - name: the value of `iss`.
  ///   - audience: the value of `aud` unless a token asks for another.
  ///   - algorithm: what tokens are signed with; the key is made for it.
  ///   - keyID: the `kid` of tokens and of the published key; nil leaves it out of both.
  ///   - rsaKey: which of four shared RSA keys to use, 0 to 3; without meaning for other algorithms.
  public init(
    _ name: Issuer = "https://issuer.test",
    audience: Audience = "orders",
    algorithm: Algorithm = .es256,
    keyID: String? = "test-1",
    rsaKey: Int = 0
  ) throws {
    self.name = name
    self.audience = audience
    self.algorithm = algorithm
    self.keyID = keyID
    self.key =
      switch algorithm {
      case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: try .sharedRSA(rsaKey)
      case .es256: try SigningKey(generating: .p256)
      case .es384: try SigningKey(generating: .p384)
      case .es512: try SigningKey(generating: .p521)
      case .eddsa, .ed25519: try SigningKey(generating: .ed25519)
      case .hs256, .hs384, .hs512: try SigningKey(generating: .secret)
      }
  }

  /// The JWK of the key with `kid`, `use` and `alg` (RFC 7517 §4): public, except for HMAC.
  public var jwk: String {
    get throws {
      var jwk = try self.key.jwk
      if let keyID { jwk = jwk.setting("kid", string: keyID) }
      return jwk.setting("use", string: "sig")
        .setting("alg", string: self.algorithm.rawValue).text
    }
  }

  /// The key set that the issuer publishes (RFC 7517 §5), as a server would send it.
  public var jwks: [UInt8] {
    get throws { Array("{\"keys\":[\(try self.jwk)]}".utf8) }
  }

  /// The parsed key set.
  public var keySet: KeySet {
    get throws {
      try KeySet(
        jwks: self.jwks,
        trust: self.algorithm.isSymmetric ? .localSymmetric : .publicKeys
      )
    }
  }

  /// This issuer as a verifier trusts it.
  /// - Parameters:
  ///   - keys: where the keys come from; the issuer's own key set unless given.
  ///   - type: the header type.
  ///   - clockSkew: the tolerated difference of clocks.
  ///   - maximumLifetimeSeconds: the longest lifetime of a token, in seconds.
  ///   - isSingleUse: whether every token works once only.
  public func trusted(
    keys: (any KeySource)? = nil,
    type: TokenType = .accessToken,
    clockSkew: ClockSkew = .none,
    maximumLifetimeSeconds: Int64 = TrustedIssuer.defaultLifetimeSeconds,
    isSingleUse: Bool = false
  ) throws -> TrustedIssuer {
    try TrustedIssuer(
      self.name,
      audiences: .oneOf([self.audience]),
      algorithms: [self.algorithm],
      keys: keys ?? StaticKeys(self.keySet),
      type: type,
      clockSkew: clockSkew,
      maximumLifetimeSeconds: maximumLifetimeSeconds,
      isSingleUse: isSingleUse
    )
  }
}

// MARK: - Tokens

extension TestIssuer {
  /// A token with everything that an RFC 9068 access token needs.
  /// - Parameters:
  ///   - subject: `sub`.
  ///   - audience: `aud`; the issuer's own unless given.
  ///   - scopes: `scope`, separated by spaces; left out if empty.
  ///   - roles: `roles`; left out if empty.
  ///   - tokenID: `jti`; left out if nil.
  ///   - expiresIn: seconds from `now` to `exp`; may be negative.
  ///   - now: when the token is issued; the clock of the system unless given.
  ///   - type: `typ` of the header.
  ///   - claims: further claims as JSON text, by name; they replace those above.
  public func token(
    subject: Subject = "alice",
    audience: Audience? = nil,
    scopes: [Scope] = [],
    roles: [Role] = [],
    tokenID: TokenID? = nil,
    expiresIn: Int64 = 300,
    at now: UnixTime? = nil,
    type: String = "at+jwt",
    claims: KeyValuePairs<String, String> = [:]
  ) throws -> String {
    guard let now = now ?? SystemTime().now()?.unix else { throw TestKitProblem.clockUnreadable }
    var payload = RawObject()
      .setting("iss", string: self.name.text)
      .setting("aud", string: (audience ?? self.audience).text)
      .setting("sub", string: subject.text)
      .setting("iat", "\(now.seconds)")
      .setting("exp", "\(now.adding(seconds: expiresIn).seconds)")
    if let tokenID { payload = payload.setting("jti", string: tokenID.text) }
    if !scopes.isEmpty {
      payload = payload.setting("scope", string: scopes.map(\.text).joined(separator: " "))
    }
    if !roles.isEmpty {
      let list = roles.map { RawObject.quoted($0.text) }.joined(separator: ",")
      payload = payload.setting("roles", "[\(list)]")
    }
    for (name, value) in claims { payload = payload.setting(name, value) }
    return try self.sign(header: self.header(type: type), payload: payload.text)
  }

  /// The header of the issuer's good tokens, as JSON text.
  /// - Parameter type: `typ`.
  public func header(type: String = "at+jwt") -> String {
    var header = RawObject()
      .setting("alg", string: self.algorithm.rawValue)
      .setting("typ", string: type)
    if let keyID { header = header.setting("kid", string: keyID) }
    return header.text
  }

  /// Signs any header and payload, JSON or not, with the issuer's key and algorithm, whatever the
  /// header says.
  /// - Parameters:
  ///   - header: the text of the header, encoded as it is.
  ///   - payload: the text of the payload, encoded as it is.
  public func sign(header: String, payload: String) throws -> String {
    try self.sign(header: Array(header.utf8), payload: Array(payload.utf8))
  }

  /// Signs any bytes as header and payload.
  public func sign(header: [UInt8], payload: [UInt8]) throws -> String {
    let input = "\(Base64URL.encode(header)).\(Base64URL.encode(payload))"
    return "\(input).\(Base64URL.encode(try self.signature(over: Array(input.utf8))))"
  }

  /// The issuer's signature over any bytes, in the form of JWS (RFC 7518 §3).
  public func signature(over bytes: [UInt8]) throws -> [UInt8] {
    try self.key.signature(over: bytes, algorithm: self.algorithm.rawValue)
  }
}

/// What can go wrong with a test's own tools.
public enum TestKitProblem: Error, Sendable, Hashable {
  /// The clock of the system cannot be read; pass a time.
  case clockUnreadable
}
