// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

extension AttackBench {
  /// How a token of one issuer is signed.
  struct Signer: Sendable {
    let key: SigningKey
    let algorithm: String
    let kid: String?
    let issuer: Issuer
  }

  var es256: Signer {
    Signer(key: self.keys.es256, algorithm: "ES256", kid: "es256", issuer: Self.issuer)
  }
  var rs256: Signer {
    Signer(key: self.keys.rsa, algorithm: "RS256", kid: "rsa", issuer: Self.issuer)
  }
  var ps256: Signer {
    Signer(key: self.keys.ps256, algorithm: "PS256", kid: "ps256", issuer: Self.issuer)
  }
  var es384: Signer {
    Signer(key: self.keys.es384, algorithm: "ES384", kid: "es384", issuer: Self.issuer)
  }
  var es512: Signer {
    Signer(key: self.keys.es512, algorithm: "ES512", kid: "es512", issuer: Self.issuer)
  }
  var eddsa: Signer {
    Signer(key: self.keys.ed, algorithm: "EdDSA", kid: "ed", issuer: Self.issuer)
  }
  var other: Signer {
    Signer(key: self.keys.other, algorithm: "ES256", kid: "es256", issuer: Self.otherIssuer)
  }
  var singleUse: Signer {
    Signer(key: self.keys.singleUse, algorithm: "ES256", kid: "once", issuer: Self.singleUseIssuer)
  }
  var symmetric: Signer {
    Signer(key: self.keys.secret, algorithm: "HS256", kid: "hs256", issuer: Self.symmetricIssuer)
  }
  var skewed: Signer {
    Signer(key: self.keys.skewed, algorithm: "ES256", kid: "skewed", issuer: Self.skewedIssuer)
  }

  /// The header of a good token.
  func header(_ signer: Signer? = nil) -> RawObject {
    let signer = signer ?? self.es256
    let header = RawObject()
      .setting("alg", string: signer.algorithm)
      .setting("typ", "\"at+jwt\"")
    return signer.kid.map { header.setting("kid", string: $0) } ?? header
  }

  /// The claims of a good token, which may call every method that the policy names.
  func claims(_ signer: Signer? = nil) -> RawObject {
    RawObject()
      .setting("iss", string: (signer ?? self.es256).issuer.text)
      .setting("aud", string: Self.audience.text)
      .setting("sub", "\"alice\"")
      .setting("client_id", "\"shop\"")
      .setting("jti", "\"token-1\"")
      .setting("iat", "\(self.now.seconds - 10)")
      .setting("exp", "\(self.now.seconds + 600)")
      .setting("scope", "\"orders.read\"")
      .setting("roles", "[\"admin\"]")
  }

  /// A signed token.
  /// - Parameters:
  ///   - header: the header as text; a good one unless given.
  ///   - claims: the payload as text; good ones unless given.
  ///   - signer: whose key signs; `es256` of the first issuer unless given.
  ///   - algorithm: what the key really does, where it is not what the signer's header says.
  func token(
    header: String? = nil,
    claims: String? = nil,
    by signer: Signer? = nil,
    algorithm: String? = nil
  ) throws -> String {
    try self.token(
      headerBytes: Array((header ?? self.header(signer).text).utf8),
      claimsBytes: Array((claims ?? self.claims(signer).text).utf8),
      by: signer,
      algorithm: algorithm
    )
  }

  func token(
    headerBytes: [UInt8],
    claimsBytes: [UInt8],
    by signer: Signer? = nil,
    algorithm: String? = nil
  ) throws -> String {
    try self.signed(
      "\(Base64URL.encode(headerBytes)).\(Base64URL.encode(claimsBytes))",
      by: signer,
      algorithm: algorithm
    )
  }

  /// Signs a signing input as it is, encoded rightly or not.
  func signed(_ input: String, by signer: Signer? = nil, algorithm: String? = nil) throws -> String
  {
    let signer = signer ?? self.es256
    let signature = try signer.key.signature(
      over: Array(input.utf8),
      algorithm: algorithm ?? signer.algorithm
    )
    return "\(input).\(Base64URL.encode(signature))"
  }

  /// The header and claims of a good token, encoded and joined: what a signature is made over.
  func signingInput(_ signer: Signer? = nil, header: RawObject? = nil) -> String {
    let header = header ?? self.header(signer)
    return Base64URL.encode(Array(header.text.utf8)) + "."
      + Base64URL.encode(Array(self.claims(signer).text.utf8))
  }

  /// The signing input with any bytes as its signature.
  func forged(_ input: String, _ signature: [UInt8]) -> String {
    "\(input).\(Base64URL.encode(signature))"
  }
}

// MARK: - Requests

extension AttackBench {
  /// A call with this token.
  /// - Parameter method: `package.Service/Method`; the one that requires a scope unless given.
  func call(
    _ token: String,
    _ method: String? = nil,
    _ carriage: AttackRequest.Carriage = .client
  ) -> AttackRequest {
    self.request([AttackHeader("authorization", "Bearer \(token)")], method, carriage)
  }

  /// A call with these headers.
  func request(
    _ headers: [AttackHeader],
    _ method: String? = nil,
    _ carriage: AttackRequest.Carriage = .client
  ) -> AttackRequest {
    AttackRequest(
      path: "/\(method ?? self.methods.scoped)",
      headers: headers,
      carriage: carriage
    )
  }

  /// A call with a good token to any path.
  func path(_ path: String, _ carriage: AttackRequest.Carriage = .client) throws -> AttackRequest {
    AttackRequest(
      path: path,
      headers: [AttackHeader("authorization", "Bearer \(try self.token())")],
      carriage: carriage
    )
  }

  /// A call with a good token.
  func good(_ signer: Signer? = nil, _ method: String? = nil) throws -> AttackRequest {
    self.call(try self.token(by: signer), method)
  }
}
