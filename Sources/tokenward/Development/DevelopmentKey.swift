// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import Crypto
internal import CryptoExtras
internal import SwiftASN1
internal import TokenwardCore

/// What a development issuer can sign with.
enum DevelopmentAlgorithm: String, CaseIterable, ExpressibleByArgument {
  case es256 = "ES256"
  case eddsa = "EdDSA"
  case rs256 = "RS256"

  /// The file that holds the private key, in a folder of `dev init`.
  var fileName: String {
    switch self {
    case .es256: "issuer-es256.pem"
    case .eddsa: "issuer-eddsa.pem"
    case .rs256: "issuer-rs256.pem"
    }
  }
}

/// A private key of a development issuer.
struct DevelopmentKey {
  private enum Material {
    case es256(P256.Signing.PrivateKey)
    case eddsa(Curve25519.Signing.PrivateKey)
    case rs256(_RSA.Signing.PrivateKey)
  }

  let algorithm: DevelopmentAlgorithm
  private let material: Material

  /// Makes a new key.
  init(_ algorithm: DevelopmentAlgorithm) throws {
    self.algorithm = algorithm
    switch algorithm {
    case .es256: self.material = .es256(P256.Signing.PrivateKey())
    case .eddsa: self.material = .eddsa(Curve25519.Signing.PrivateKey())
    case .rs256: self.material = .rs256(try _RSA.Signing.PrivateKey(keySize: .bits2048))
    }
  }

  /// Reads a key in PEM form.
  /// - Throws: ``CommandFailure`` if it is no key for the algorithm.
  init(_ algorithm: DevelopmentAlgorithm, pem: [UInt8]) throws(CommandFailure) {
    let text = String(decoding: pem, as: UTF8.self)
    let material: Material?
    switch algorithm {
    case .es256:
      material = (try? P256.Signing.PrivateKey(pemRepresentation: text)).map(Material.es256)
    case .eddsa:
      material = Self.edwards(pem: text).map(Material.eddsa)
    case .rs256:
      material = (try? _RSA.Signing.PrivateKey(pemRepresentation: text)).map(Material.rs256)
    }
    guard let material else {
      throw CommandFailure(
        "\(algorithm.fileName) is no key for \(algorithm.rawValue)",
        hint: "make a new folder with `tokenward dev init`"
      )
    }
    self.algorithm = algorithm
    self.material = material
  }

  /// The private key in PEM form.
  var pem: String {
    switch self.material {
    case .es256(let key): key.pemRepresentation + "\n"
    case .eddsa(let key):
      PEMDocument(
        type: "PRIVATE KEY",
        derBytes: Self.edwardsPrefix + key.rawRepresentation
      ).pemString + "\n"
    case .rs256(let key): key.pemRepresentation + "\n"
    }
  }

  /// The public key as a JWK, with the `kid` that its tokens name.
  var publicJWK: JSONObjectText {
    get throws {
      var jwk = JSONObjectText()
      for (name, value) in try self.publicMembers { jwk.add(name, value) }
      jwk.add("use", "sig")
      jwk.add("alg", self.algorithm.rawValue)
      jwk.add("kid", try self.keyID)
      return jwk
    }
  }

  /// A name that follows from the public key (RFC 7638), so that no two keys ever share it.
  var keyID: String {
    get throws {
      var canonical = JSONObjectText()
      for (name, value) in try self.publicMembers { canonical.add(name, value) }
      return Base64URL.encode(Array(SHA256.hash(data: canonical.utf8)))
    }
  }

  /// The signature in the form of a JWS.
  func sign(_ bytes: [UInt8]) throws -> [UInt8] {
    switch self.material {
    case .es256(let key): Array(try key.signature(for: SHA256.hash(data: bytes)).rawRepresentation)
    case .eddsa(let key): Array(try key.signature(for: bytes))
    case .rs256(let key):
      Array(
        try key.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5)
          .rawRepresentation
      )
    }
  }

  /// The members that make the key, in the order of RFC 7638 §3.3.
  private var publicMembers: [(StaticString, String)] {
    get throws {
      switch self.material {
      case .es256(let key):
        let point = Array(key.publicKey.rawRepresentation)
        return [
          ("crv", "P-256"), ("kty", "EC"),
          ("x", Base64URL.encode(Array(point.prefix(32)))),
          ("y", Base64URL.encode(Array(point.dropFirst(32)))),
        ]
      case .eddsa(let key):
        let point = Array(key.publicKey.rawRepresentation)
        return [("crv", "Ed25519"), ("kty", "OKP"), ("x", Base64URL.encode(point))]
      case .rs256(let key):
        let numbers = try key.publicKey.getKeyPrimitives()
        return [
          ("e", Base64URL.encode(Self.minimal(Array(numbers.publicExponent)))),
          ("kty", "RSA"),
          ("n", Base64URL.encode(Self.minimal(Array(numbers.modulus)))),
        ]
      }
    }
  }

  private static func minimal(_ number: [UInt8]) -> [UInt8] { Array(number.drop { $0 == 0 }) }

  /// RFC 8410 §7: SEQUENCE { 0, SEQUENCE { 1.3.101.112 }, OCTET STRING { OCTET STRING } }.
  private static let edwardsPrefix: [UInt8] = [
    0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]

  private static func edwards(pem: String) -> Curve25519.Signing.PrivateKey? {
    guard let der = try? PEMDocument(pemString: pem).derBytes,
      der.starts(with: self.edwardsPrefix)
    else { return nil }
    let seed = Array(der.dropFirst(self.edwardsPrefix.count))
    return try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
  }
}

extension DevelopmentKey: CustomStringConvertible, CustomReflectable {
  /// The algorithm only.
  var description: String { "<development key for \(self.algorithm.rawValue)>" }

  /// Nothing: a mirror would walk down to the key.
  var customMirror: Mirror { Mirror(self, children: [:]) }
}
