// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
package import TokenwardCore

/// The public half of a signing key: its name, its JWK, and whether a signature is its own.
package struct SigningPublicKey: Sendable {
  /// The thumbprint of the key (RFC 7638), in base64url.
  package let id: KeyID
  /// What it signs with: `.es256` or `.eddsa`.
  package let algorithm: Algorithm
  /// The key as it is published (RFC 7517), with `kid`, `alg` and `use`.
  package let jwk: [UInt8]
  private let key: VerificationKey

  /// A key on P-256.
  /// - Parameter point: 64 bytes, x and y (SEC 1 §2.3.3 without its first byte).
  package init?(p256 point: [UInt8]) {
    guard point.count == 64 else { return nil }
    let x = Base64URL.encode(Array(point[..<32]))
    let y = Base64URL.encode(Array(point[32...]))
    self.init(members: #""crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)""#, .es256)
  }

  /// A key on Ed25519 (RFC 8037 §2).
  /// - Parameter key: 32 bytes.
  package init?(ed25519 key: [UInt8]) {
    guard key.count == 32 else { return nil }
    self.init(members: #""crv":"Ed25519","kty":"OKP","x":"\#(Base64URL.encode(key))""#, .eddsa)
  }

  /// The key of a record; nil unless the record is about this key and nothing else.
  package init?(_ record: SigningKeyRecord) {
    guard let document = try? JSONDocument(record.publicJWK, limits: .token),
      let x = Self.octets("x", document)
    else { return nil }
    let key: Self?
    switch record.algorithm {
    case .es256: key = Self.octets("y", document).flatMap { Self(p256: x + $0) }
    case .eddsa: key = Self(ed25519: x)
    default: key = nil
    }
    // Each key has one text: whatever else stands in the record's was not written by the authority.
    guard let key, key.id == record.id, key.jwk == record.publicJWK else { return nil }
    self = key
  }

  /// Whether a signature in the form of JWS is this key's over these bytes.
  package func isValidSignature(_ signature: [UInt8], for input: [UInt8]) -> Bool {
    self.key.isValidSignature(signature, for: input.span, algorithm: self.algorithm)
  }

  /// - Parameter members: those of the thumbprint, in its order (RFC 7638 §3.2).
  private init?(members: String, _ algorithm: Algorithm) {
    let thumbprint = Base64URL.encode(Array(SHA256.hash(data: Array("{\(members)}".utf8))))
    let jwk = Array(
      #"{\#(members),"kid":"\#(thumbprint)","use":"sig","alg":"\#(algorithm.rawValue)"}"#.utf8
    )
    // Read as a verifier will read it: a point off its curve or of small order is found here.
    guard let id = KeyID(thumbprint), let set = try? KeySet(jwk: jwk, trust: .publicKeys),
      let key = try? set.key(for: id, algorithm: algorithm)
    else { return nil }
    self.id = id
    self.algorithm = algorithm
    self.jwk = jwk
    self.key = key
  }

  private static func octets(_ name: StaticString, _ document: JSONDocument) -> [UInt8]? {
    guard let node = document.member(name, of: document.root), let text = document.utf8(node) else {
      return nil
    }
    return Base64URL.decode(text)
  }
}
