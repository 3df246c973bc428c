// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import Crypto
internal import CryptoExtras
internal import Foundation
internal import JWTKit
internal import TokenwardCore

extension VerificationSubject {
  /// The algorithms of DESIGN, with keys made here.
  static func all() async throws -> [VerificationSubject] {
    [
      try await self.es256(), try await self.eddsa(), try await self.rs256(),
      try await self.hs256(),
    ]
  }

  private static func es256() async throws -> VerificationSubject {
    let key = P256.Signing.PrivateKey()
    return try await VerificationSubject(
      .es256,
      asked: 1.05,
      iterations: 200,
      jwk: BenchToken.jwk(of: key.publicKey),
      sign: { try key.signature(for: $0).rawRepresentation },
      bare: { [key = key.publicKey] signature, input in
        guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: input)
      }
    )
  }

  private static func eddsa() async throws -> VerificationSubject {
    let key = Curve25519.Signing.PrivateKey()
    return try await VerificationSubject(
      .eddsa,
      asked: 1.05,
      iterations: 200,
      jwk: #"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"key-1","#
        + #""x":"\#(BenchToken.base64URL(key.publicKey.rawRepresentation))"}"#,
      sign: { try key.signature(for: $0) },
      bare: { [key = key.publicKey] in key.isValidSignature($0, for: $1) }
    )
  }

  private static func rs256() async throws -> VerificationSubject {
    let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
    let numbers = try key.publicKey.getKeyPrimitives()
    return try await VerificationSubject(
      .rs256,
      asked: 1.20,
      iterations: 600,
      jwk: #"{"kty":"RSA","alg":"RS256","use":"sig","kid":"key-1","#
        + #""n":"\#(BenchToken.base64URL(numbers.modulus))","#
        + #""e":"\#(BenchToken.base64URL(numbers.publicExponent))"}"#,
      sign: { try key.signature(for: $0, padding: .insecurePKCS1v1_5).rawRepresentation },
      bare: { [key = key.publicKey] signature, input in
        key.isValidSignature(
          _RSA.Signing.RSASignature(rawRepresentation: signature),
          for: input,
          padding: .insecurePKCS1v1_5
        )
      }
    )
  }

  private static func hs256() async throws -> VerificationSubject {
    let key = SymmetricKey(size: .bits256)
    let secret = BenchToken.base64URL(key.withUnsafeBytes { Data($0) })
    let jwtKit = JWTKeyCollection()
    await jwtKit.add(hmac: .init(key: key), digestAlgorithm: .sha256, kid: "key-1")
    return try await VerificationSubject(
      .hs256,
      asked: 1.5,
      iterations: 5_000,
      jwk: #"{"kty":"oct","alg":"HS256","kid":"key-1","k":"\#(secret)"}"#,
      sign: { Data(HMAC<SHA256>.authenticationCode(for: $0, using: key)) },
      bare: { HMAC<SHA256>.isValidAuthenticationCode($0, authenticating: $1, using: key) },
      jwtKit: jwtKit
    )
  }
}
