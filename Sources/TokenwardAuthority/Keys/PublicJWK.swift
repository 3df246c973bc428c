// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
package import TokenwardCore

/// The public half of a signing key, as it is published (RFC 7517 §4): always the same text for the
/// same key.
package struct PublicJWK {
  /// The thumbprint of the key (RFC 7638) in base64url: its name says nothing but which key it is,
  /// and no two keys have the same.
  package let id: KeyID
  package let text: [UInt8]

  /// An EC key on P-256 (RFC 7518 §6.2.1).
  /// - Parameter point: 64 bytes, x and y.
  package init?(p256 point: [UInt8]) {
    guard point.count == 64 else { return nil }
    let x = Base64URL.encode(point.span.extracting(0 ..< 32))
    let y = Base64URL.encode(point.span.extracting(32 ..< 64))
    self.init(#""crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)""#, .es256)
  }

  /// An Ed25519 key (RFC 8037 §2).
  /// - Parameter key: 32 bytes.
  package init?(ed25519 key: [UInt8]) {
    guard key.count == 32 else { return nil }
    self.init(#""crv":"Ed25519","kty":"OKP","x":"\#(Base64URL.encode(key))""#, .eddsa)
  }

  /// - Parameter members: those that the thumbprint is made of (RFC 7638 §3.2), in its order.
  private init?(_ members: String, _ algorithm: Algorithm) {
    let thumbprint = Base64URL.encode(Array(SHA256.hash(data: Array("{\(members)}".utf8))))
    guard let id = KeyID(thumbprint) else { return nil }
    self.id = id
    self.text = Array(
      #"{\#(members),"kid":"\#(thumbprint)","use":"sig","alg":"\#(algorithm.rawValue)"}"#.utf8
    )
  }
}
