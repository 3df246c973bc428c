// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import Foundation
internal import JWTKit
internal import TokenwardCore

/// One algorithm, three ways: the bare swift-crypto operation, Tokenward, jwt-kit. All three see the
/// same token under the same key.
struct VerificationSubject {
  let name: String
  /// The most that Tokenward may take, as a multiple of the bare operation.
  let asked: Double
  /// Calls of one measurement: enough for some ten milliseconds.
  let iterations: Int
  let token: BenchToken
  /// The cryptography and nothing else: the key is an object already, the signature and the bytes
  /// that it is about are decoded and at hand.
  let bare: (_ signature: Data, _ signingInput: Data) -> Bool
  /// Without a cache.
  let tokenward: JWTVerifier
  let jwtKit: JWTKeyCollection

  init(
    _ algorithm: Algorithm,
    asked: Double,
    iterations: Int,
    jwk: String,
    sign: (Data) throws -> Data,
    bare: @escaping (_ signature: Data, _ signingInput: Data) -> Bool,
    jwtKit: JWTKeyCollection? = nil
  ) async throws {
    self.name = algorithm.rawValue
    self.asked = asked
    self.iterations = iterations
    self.token = try BenchToken(algorithm: algorithm, sign: sign)
    self.bare = bare
    self.tokenward = try JWTVerifier.uncached(algorithm, jwk: jwk)
    if let jwtKit {
      self.jwtKit = jwtKit
    } else {
      self.jwtKit = JWTKeyCollection()
      try await self.jwtKit.add(jwksJSON: #"{"keys":[\#(jwk)]}"#)
    }
  }
}

// MARK: - Whether each does its work

extension VerificationSubject {
  /// Every way accepts the token, and refuses it with one bit flipped in its signature, and with one
  /// flipped in its claims.
  func prove() async throws {
    try await self.expect(true, of: self.token, "the good token")
    try await self.expect(false, of: self.token.withForgedSignature, "a forged signature")
    try await self.expect(false, of: self.token.withForgedSubject, "a forged subject")
  }

  private func expect(_ isGood: Bool, of token: BenchToken, _ what: String) async throws {
    let verb = isGood ? "refuses" : "accepts"
    guard self.bare(token.signature, token.signingInput) == isGood else {
      throw BenchFailure("\(self.name): swift-crypto \(verb) \(what)")
    }
    guard let now = SystemTime().now() else { throw BenchFailure("there is no clock") }
    do throws(VerificationFailure) {
      _ = try self.tokenward.verify(PresentedToken(BearerToken(token.text)), at: now)
      guard isGood else { throw VerificationFailure(.internalInvariant) }
    } catch {
      // Any other reason would mean that the signature was not what gave it away.
      guard !isGood, error.reason == .signatureInvalid else {
        throw BenchFailure("\(self.name): tokenward \(verb) \(what) (\(error.reason))")
      }
    }
    let isAccepted = (try? await self.jwtKit.verify(token.text, as: JWTKitClaims.self)) != nil
    guard isAccepted == isGood else {
      throw BenchFailure("\(self.name): jwt-kit \(verb) \(what)")
    }
  }
}

extension JWTVerifier {
  /// Trusts the issuer of ``BenchToken`` with one key, and remembers nothing.
  static func uncached(_ algorithm: Algorithm, jwk: String) throws -> JWTVerifier {
    let issuer = try TrustedIssuer(
      BenchToken.issuer,
      audiences: .oneOf([BenchToken.audience]),
      algorithms: [algorithm],
      keys: StaticKeys(
        KeySet(
          jwks: Array(#"{"keys":[\#(jwk)]}"#.utf8),
          trust: algorithm.isSymmetric ? .localSymmetric : .publicKeys
        )
      )
    )
    return try JWTVerifier(issuers: [issuer], cache: nil)
  }
}

/// What jwt-kit decodes and checks: the claims that Tokenward judges.
struct JWTKitClaims: JWTPayload {
  var iss: IssuerClaim
  var sub: SubjectClaim
  var aud: AudienceClaim
  var exp: ExpirationClaim
  var iat: IssuedAtClaim
  var jti: IDClaim
  var scope: String

  func verify(using algorithm: some JWTAlgorithm) throws {
    try self.exp.verifyNotExpired()
    try self.aud.verifyIntendedAudience(includes: BenchToken.audience.text)
    guard self.iss.value == BenchToken.issuer.text else {
      throw JWTError.claimVerificationFailure(failedClaim: self.iss, reason: "issuer")
    }
  }
}
