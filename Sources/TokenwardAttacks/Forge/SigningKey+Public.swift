// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras
internal import TokenwardCore

extension SigningKey {
  /// The members of the key's public JWK (RFC 7518 §6, RFC 8037 §2), as JSON text; of a secret, the
  /// secret itself.
  public var jwk: RawObject {
    get throws {
      switch self.material {
      case .rsa:
        RawObject([("kty", "\"RSA\"")])
          .setting("n", Self.quoted(try self.modulus))
          .setting("e", Self.quoted(try self.exponent))
      case .p256(let key): Self.ec("P-256", Array(key.publicKey.rawRepresentation))
      case .p384(let key): Self.ec("P-384", Array(key.publicKey.rawRepresentation))
      case .p521(let key): Self.ec("P-521", Array(key.publicKey.rawRepresentation))
      case .ed25519(let key):
        RawObject([("kty", "\"OKP\""), ("crv", "\"Ed25519\"")])
          .setting("x", Self.quoted(Array(key.publicKey.rawRepresentation)))
      case .secret(let bytes):
        RawObject([("kty", "\"oct\"")]).setting("k", Self.quoted(bytes))
      }
    }
  }

  /// The members of the private JWK as well: what nobody may publish (RFC 7517 §9.2).
  var privateJWK: RawObject {
    get throws {
      switch self.material {
      case .p256(let key): try self.jwk.setting("d", Self.quoted(Array(key.rawRepresentation)))
      case .ed25519(let key): try self.jwk.setting("d", Self.quoted(Array(key.rawRepresentation)))
      default: throw Problem.kind(self.kind)
      }
    }
  }

  /// The bytes of the public key that an attacker can read: what RS→HS and ES→HS confusion use as
  /// the HMAC secret.
  var publicForms: [(name: String, bytes: [UInt8])] {
    get throws {
      var forms: [(name: String, bytes: [UInt8])] = [("JWK text", Array(try self.jwk.text.utf8))]
      switch self.material {
      case .rsa(let key, _):
        let pem = key.publicKey.pemRepresentation
        let pkcs1 = key.publicKey.pkcs1PEMRepresentation
        forms += [
          ("PEM", Array(pem.utf8)),
          ("PEM with a line end", Array(pem.utf8) + [0x0A]),
          ("PEM with CRLF", Self.withCRLF(pem)),
          ("PKCS#1 PEM", Array(pkcs1.utf8)),
          ("DER", Array(key.publicKey.derRepresentation)),
          ("PKCS#1 DER", Array(key.publicKey.pkcs1DERRepresentation)),
          ("the modulus", try self.modulus),
        ]
      case .p256(let key):
        let raw = Array(key.publicKey.rawRepresentation)
        forms += [
          ("x and y", raw), ("the uncompressed point", [0x04] + raw), ("x", Array(raw.prefix(32))),
          ("PEM", Array(key.publicKey.pemRepresentation.utf8)),
          ("DER", Array(key.publicKey.derRepresentation)),
        ]
      case .ed25519(let key): forms += [("x", Array(key.publicKey.rawRepresentation))]
      default: throw Problem.kind(self.kind)
      }
      return forms
    }
  }

  /// The RSA modulus, without leading zeros.
  var modulus: [UInt8] {
    get throws {
      guard case .rsa(let key, _) = self.material else { throw Problem.kind(self.kind) }
      return Array(try key.publicKey.getKeyPrimitives().modulus)
    }
  }

  private var exponent: [UInt8] {
    get throws {
      guard case .rsa(let key, _) = self.material else { throw Problem.kind(self.kind) }
      return Array(try key.publicKey.getKeyPrimitives().publicExponent)
    }
  }

  private static func ec(_ curve: String, _ raw: [UInt8]) -> RawObject {
    RawObject([("kty", "\"EC\""), ("crv", "\"\(curve)\"")])
      .setting("x", self.quoted(Array(raw.prefix(raw.count / 2))))
      .setting("y", self.quoted(Array(raw.suffix(raw.count / 2))))
  }

  static func quoted(_ bytes: [UInt8]) -> String { "\"\(Base64URL.encode(bytes))\"" }

  private static func withCRLF(_ pem: String) -> [UInt8] {
    pem.utf8.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
  }
}
