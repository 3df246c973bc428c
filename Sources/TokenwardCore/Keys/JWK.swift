// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras

extension VerificationKey {
  /// Reads one JWK (RFC 7517 §4). Whatever is present must be right: a wrong `use` or `x5c` is a
  /// mistake of somebody, and a key that is misdescribed is not used.
  convenience init(
    jwk node: JSONDocument.Node,
    in document: JSONDocument,
    budget: inout ModulusBudget
  ) throws(KeyProblem) {
    let jwk = try JWKReader(node, in: document)
    let id = try jwk.keyID()
    try jwk.checkUse()
    try jwk.checkOperations()
    let algorithm = try jwk.algorithm()

    let material: KeyMaterial
    let suitable: AlgorithmSet
    let publicKeyInfo: [UInt8]?
    switch try jwk.keyType() {
    case .rsa: (material, suitable, publicKeyInfo) = try Self.rsa(jwk, &budget)
    case .ec: (material, suitable, publicKeyInfo) = try Self.ellipticCurve(jwk)
    case .okp: (material, suitable, publicKeyInfo) = try Self.edwards(jwk)
    case .oct: (material, suitable, publicKeyInfo) = try Self.secret(jwk, algorithm)
    }
    if let algorithm, !suitable.contains(algorithm) { throw .algorithmMismatch }
    try jwk.checkCertificates(publicKeyInfo: publicKeyInfo)
    self.init(id: id, algorithms: algorithm.map { [$0] } ?? suitable, material: material)
  }

  /// The key, the algorithms it can do, and its DER SubjectPublicKeyInfo (RFC 5280 §4.1).
  private typealias Parsed = (KeyMaterial, AlgorithmSet, [UInt8]?)

  /// RFC 7518 §6.3.1.
  private static func rsa(
    _ jwk: JWKReader,
    _ budget: inout ModulusBudget
  ) throws(KeyProblem) -> Parsed {
    let modulus = try jwk.unsignedInteger("n")
    let exponent = try jwk.unsignedInteger("e")
    try RSAPublicNumbers.check(modulus: modulus, exponent: exponent, budget: &budget)
    guard let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent) else {
      throw .memberMalformed
    }
    let verifier = RSAVerifier(key: key, modulusLength: modulus.count)
    return (.rsa(verifier), .rsa, Array(key.derRepresentation))
  }

  /// RFC 7518 §6.2.1. BoringSSL refuses coordinates outside the field and points off the curve,
  /// and the uncompressed form has no code for the point at infinity.
  private static func ellipticCurve(_ jwk: JWKReader) throws(KeyProblem) -> Parsed {
    switch try jwk.curve() {
    case "P-256":
      let point = try jwk.point(fieldLength: 32)
      guard let key = try? P256.Signing.PublicKey(x963Representation: point) else {
        throw .pointInvalid
      }
      return (.p256(key), [.es256], Array(key.derRepresentation))
    case "P-384":
      let point = try jwk.point(fieldLength: 48)
      guard let key = try? P384.Signing.PublicKey(x963Representation: point) else {
        throw .pointInvalid
      }
      return (.p384(key), [.es384], Array(key.derRepresentation))
    case "P-521":
      let point = try jwk.point(fieldLength: 66)
      guard let key = try? P521.Signing.PublicKey(x963Representation: point) else {
        throw .pointInvalid
      }
      return (.p521(key), [.es512], Array(key.derRepresentation))
    default: throw .keyTypeUnsupported
    }
  }

  /// RFC 8037 §2.
  private static func edwards(_ jwk: JWKReader) throws(KeyProblem) -> Parsed {
    guard try jwk.curve() == "Ed25519" else { throw .keyTypeUnsupported }
    let point = try jwk.octets("x")
    try EdwardsPoint.check(point)
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: point) else {
      throw .pointInvalid
    }
    // RFC 8410 §4: SEQUENCE { SEQUENCE { 1.3.101.112 }, BIT STRING }.
    let prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
    return (.ed25519(key), .edwards, prefix + point)
  }

  /// RFC 7518 §6.4. A secret does fewer algorithms the shorter it is (RFC 7518 §3.2).
  private static func secret(
    _ jwk: JWKReader,
    _ algorithm: Algorithm?
  ) throws(KeyProblem) -> Parsed {
    let secret = try jwk.octets("k")
    let suitable: AlgorithmSet
    switch secret.count {
    case ..<32: throw .secretTooShort
    case ..<48: suitable = [.hs256]
    case ..<64: suitable = [.hs256, .hs384]
    default: suitable = .symmetric
    }
    if let algorithm, algorithm.isSymmetric, !suitable.contains(algorithm) {
      throw .secretTooShort
    }
    guard secret.contains(where: { $0 != 0 }) else { throw .secretZero }
    return (.secret(SecretVerifier(secret: secret)), suitable, nil)
  }
}
