// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The encoded header of the tokens of one key (RFC 9068 §2.1), with its dot: written once.
struct AccessTokenHeader: Sendable {
  /// The length of every signature of ES256 and EdDSA, in bytes.
  static let signatureLength = 64

  private let segment: [UInt8]

  init(_ key: SigningKeyRecord) {
    var text = Array("{\"alg\":\"\(key.algorithm.rawValue)\",\"kid\":".utf8)
    JSONText.append(quoted: key.id.text, to: &text)
    text += Array(",\"typ\":\"at+jwt\"}".utf8)
    self.segment = Array(Base64URL.encode(text).utf8) + [UInt8(ascii: ".")]
  }

  /// The signing input (RFC 7515 §5.1), with room for the signature.
  /// - Throws: ``AuthorityError/invalid(field:problem:)`` if the token would be longer than what
  ///   verifiers accept.
  func signingInput(_ claims: [UInt8]) throws(AuthorityError) -> [UInt8] {
    let length = self.segment.count + (claims.count * 4 + 2) / 3
    let longest = BearerToken.maximumLength - 1 - (Self.signatureLength * 4 + 2) / 3
    guard length <= longest else {
      throw .invalid(field: "scopes", problem: "and the other grants are too long for one token")
    }
    var input: [UInt8] = []
    input.reserveCapacity(BearerToken.maximumLength - longest + length)
    input.append(contentsOf: self.segment)
    input.append(contentsOf: Base64URL.encode(claims).utf8)
    return input
  }

  /// The token (RFC 7515 §7.1).
  static func token(_ input: consuming [UInt8], signature: [UInt8]) -> [UInt8] {
    var token = input
    token.append(UInt8(ascii: "."))
    token.append(contentsOf: Base64URL.encode(signature).utf8)
    return token
  }
}
