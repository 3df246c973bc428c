// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import Crypto
package import Foundation
package import TokenwardCore

/// A token in the parts that a signature is about.
package struct BenchToken: Sendable {
  /// The issuer of every token here.
  package static let issuer: Issuer = "https://issuer.example.com"
  /// The audience of every token here.
  package static let audience: Audience = "orders"

  /// What is signed.
  package let signingInput: Data
  /// The signature as the algorithm makes it.
  package let signature: Data

  /// The compact serialization.
  package var text: String {
    "\(String(decoding: self.signingInput, as: UTF8.self)).\(Self.base64URL(self.signature))"
  }

  package init(signingInput: Data, signature: Data) {
    self.signingInput = signingInput
    self.signature = signature
  }

  /// Signs claims as an OAuth server would issue them, for 50 minutes.
  /// - Parameters:
  ///   - algorithm: the algorithm of the signature.
  ///   - keyID: the key that the token names.
  ///   - seconds: how long it has still to live.
  ///   - id: its `jti`.
  ///   - sign: signs.
  package init(
    algorithm: Algorithm,
    keyID: String = "key-1",
    seconds: Int = 3_000,
    id: String = "6f2c1d0a-58de-4b0c-9a55-0d7f7cf2d9d1",
    sign: (Data) throws -> Data
  ) rethrows {
    let expiry = Int(Date().timeIntervalSince1970) + seconds
    let header = #"{"alg":"\#(algorithm.rawValue)","kid":"\#(keyID)","typ":"at+jwt"}"#
    let payload =
      #"{"iss":"\#(Self.issuer.text)","sub":"service-account-7","aud":["orders"],"#
      + #""exp":\#(expiry),"iat":\#(expiry - 3_000),"jti":"\#(id)","#
      + #""client_id":"checkout","scope":"orders.read orders.write"}"#
    let input = Data(
      "\(Self.base64URL(Data(header.utf8))).\(Self.base64URL(Data(payload.utf8)))".utf8
    )
    self.init(signingInput: input, signature: try sign(input))
  }

  /// The same token with one bit of its signature flipped.
  package var withForgedSignature: BenchToken {
    var signature = self.signature
    signature[signature.startIndex + signature.count / 2] ^= 1
    return BenchToken(signingInput: self.signingInput, signature: signature)
  }

  /// The same token with one bit of its claims flipped: it speaks for service-account-6.
  package var withForgedSubject: BenchToken {
    let parts = self.text.split(separator: ".")
    let payload = String(decoding: Self.decoded(parts[1]), as: UTF8.self)
      .replacingOccurrences(of: "service-account-7", with: "service-account-6")
    let input = "\(parts[0]).\(Self.base64URL(Data(payload.utf8)))"
    return BenchToken(signingInput: Data(input.utf8), signature: self.signature)
  }

  /// The public key of ES256, as an issuer publishes it.
  package static func jwk(of key: P256.Signing.PublicKey) -> String {
    let point = key.rawRepresentation
    return #"{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"key-1","#
      + #""x":"\#(Self.base64URL(point.prefix(32)))","y":"\#(Self.base64URL(point.suffix(32)))"}"#
  }

  /// Base64url without padding (RFC 7515 §2).
  package static func base64URL(_ data: Data) -> String {
    data.base64EncodedString()
      .replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_")
      .replacingOccurrences(of: "=", with: "")
  }

  private static func decoded(_ text: Substring) -> Data {
    let padded = text + String(repeating: "=", count: (4 - text.count % 4) % 4)
    return Data(
      base64Encoded: padded.replacingOccurrences(of: "-", with: "+")
        .replacingOccurrences(of: "_", with: "/")
    ) ?? Data()
  }
}
