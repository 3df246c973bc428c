// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras
internal import TokenwardCore

/// A private key that signs anything it is asked to, under any algorithm name its mathematics
/// allows. It shares no code with the verifier: a mistake made twice would cancel out.
///
/// For tests and probes only; it has no readable description.
public struct SigningKey: Sendable {
  /// The kinds of keys that sign tokens.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// RSA with a modulus of 2,048 bits.
    case rsa
    /// ECDSA over P-256.
    case p256
    /// ECDSA over P-384.
    case p384
    /// ECDSA over P-521.
    case p521
    /// Ed25519.
    case ed25519
    /// A shared secret of 64 bytes.
    case secret
  }

  /// Why a signature could not be made.
  public enum Problem: Error, Sendable, Hashable {
    /// The kind of key cannot sign under this algorithm name.
    case algorithm(String, Kind)
    /// The operation needs another kind of key.
    case kind(Kind)
  }

  enum Material: Sendable {
    case rsa(_RSA.Signing.PrivateKey, _RSA.BlindSigning.PrivateKey<SHA384>)
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case p521(P521.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
    case secret([UInt8])
  }

  let material: Material

  /// A new key. An RSA key takes a good part of a second; see ``sharedRSA(_:)``.
  public init(generating kind: Kind) throws {
    switch kind {
    case .rsa:
      let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
      let raw = try _RSA.BlindSigning.PrivateKey<SHA384>(
        derRepresentation: key.derRepresentation,
        parameters: .RSABSSA_SHA384_PSS_Deterministic
      )
      self.material = .rsa(key, raw)
    case .p256: self.material = .p256(P256.Signing.PrivateKey())
    case .p384: self.material = .p384(P384.Signing.PrivateKey())
    case .p521: self.material = .p521(P521.Signing.PrivateKey())
    case .ed25519: self.material = .ed25519(Curve25519.Signing.PrivateKey())
    case .secret:
      self.material = .secret((0 ..< 64).map { _ in UInt8.random(in: 1 ... 255) })
    }
  }

  /// A shared secret of these bytes.
  public init(secret: [UInt8]) { self.material = .secret(secret) }

  /// One of four RSA keys that are made once for each process, because making one is slow.
  /// - Parameter number: 0 to 3; other numbers wrap around.
  public static func sharedRSA(_ number: Int) throws -> SigningKey {
    switch number & 3 {
    case 0: try Self.rsa0.get()
    case 1: try Self.rsa1.get()
    case 2: try Self.rsa2.get()
    default: try Self.rsa3.get()
    }
  }

  private static let rsa0 = Result { try SigningKey(generating: .rsa) }
  private static let rsa1 = Result { try SigningKey(generating: .rsa) }
  private static let rsa2 = Result { try SigningKey(generating: .rsa) }
  private static let rsa3 = Result { try SigningKey(generating: .rsa) }

  /// What kind of key this is.
  public var kind: Kind {
    switch self.material {
    case .rsa: .rsa
    case .p256: .p256
    case .p384: .p384
    case .p521: .p521
    case .ed25519: .ed25519
    case .secret: .secret
    }
  }

  /// The signature in the form that JWS asks for (RFC 7518 §3, RFC 8037 §3.1).
  /// - Parameters:
  ///   - message: the signing input.
  ///   - algorithm: a name such as `ES256`, exactly.
  /// - Throws: ``Problem`` if this kind of key cannot sign so.
  public func signature(over message: [UInt8], algorithm: String) throws -> [UInt8] {
    switch (self.material, algorithm) {
    case (.rsa, "RS256"): try self.raw(RSAEncoding.pkcs1(SHA256.self, of: message))
    case (.rsa, "RS384"): try self.raw(RSAEncoding.pkcs1(SHA384.self, of: message))
    case (.rsa, "RS512"): try self.raw(RSAEncoding.pkcs1(SHA512.self, of: message))
    case (.rsa, "PS256"): try self.raw(RSAEncoding.pss(SHA256.self, of: message))
    case (.rsa, "PS384"): try self.raw(RSAEncoding.pss(SHA384.self, of: message))
    case (.rsa, "PS512"): try self.raw(RSAEncoding.pss(SHA512.self, of: message))
    case (.p256(let key), "ES256"): try Array(key.signature(for: message).rawRepresentation)
    case (.p384(let key), "ES384"): try Array(key.signature(for: message).rawRepresentation)
    case (.p521(let key), "ES512"): try Array(key.signature(for: message).rawRepresentation)
    case (.ed25519(let key), "EdDSA"), (.ed25519(let key), "Ed25519"):
      try Array(key.signature(for: message))
    case (.secret(let bytes), "HS256"): Self.hmac(SHA256.self, bytes, message)
    case (.secret(let bytes), "HS384"): Self.hmac(SHA384.self, bytes, message)
    case (.secret(let bytes), "HS512"): Self.hmac(SHA512.self, bytes, message)
    default: throw Problem.algorithm(algorithm, self.kind)
    }
  }

  /// The RSA private operation on an encoded message, whatever its padding.
  func raw(_ encoded: [UInt8]) throws -> [UInt8] {
    guard case .rsa(_, let key) = self.material else { throw Problem.kind(self.kind) }
    return try Array(key.blindSignature(for: encoded).rawRepresentation)
  }

  private static func hmac<Hash: HashFunction>(
    _: Hash.Type,
    _ key: [UInt8],
    _ message: [UInt8]
  ) -> [UInt8] {
    Array(HMAC<Hash>.authenticationCode(for: message, using: SymmetricKey(data: key)))
  }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
  /// The kind only.
  public var description: String { "<signing key \(self.kind.rawValue)>" }
  /// Nothing: a mirror would walk down to the key.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
