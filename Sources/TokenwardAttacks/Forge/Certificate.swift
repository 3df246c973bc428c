// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras

/// The least X.509 certificate there can be (RFC 5280 §4.1), for key sets and headers that carry
/// one.
enum Certificate {
  /// A self-signed certificate in DER form, valid through 2049.
  static func selfSigned(by key: SigningKey) throws -> [UInt8] {
    guard case .p256(let p256) = key.material else { throw SigningKey.Problem.kind(key.kind) }
    // ecdsa-with-SHA256 (RFC 5758 §3.2)
    let algorithm = Self.node(0x30, [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02])
    // CN=attacks
    let name = Self.node(
      0x30,
      Self.node(
        0x31,
        Self.node(0x30, [0x06, 0x03, 0x55, 0x04, 0x03] + Self.node(0x0C, Array("attacks".utf8)))
      )
    )
    let validity = Self.node(
      0x30,
      Self.node(0x17, Array("200101000000Z".utf8)) + Self.node(0x17, Array("491231235959Z".utf8))
    )
    let tbs = Self.node(
      0x30,
      [0xA0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01] + algorithm + name + validity + name
        + Array(p256.publicKey.derRepresentation)
    )
    let signature = Array(try p256.signature(for: tbs).derRepresentation)
    return Self.node(0x30, tbs + algorithm + Self.node(0x03, [0] + signature))
  }

  /// The value of `x5c`: base64 with padding (RFC 7517 §4.7).
  static func x5c(_ certificates: [[UInt8]]) -> String {
    "[" + certificates.map { "\"\(Self.base64($0))\"" }.joined(separator: ",") + "]"
  }

  static func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }

  private static func node(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    let count = content.count
    let length: [UInt8] =
      count < 0x80
      ? [UInt8(count)]
      : count < 0x100 ? [0x81, UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 0xFF)]
    return [tag] + length + content
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start ..< min(start + 3, bytes.count)]
      let word = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
      for position in 0 ..< 4 {
        let digit = Int(word >> UInt32(18 - 6 * position) & 0x3F)
        text.append(position <= group.count ? alphabet[digit] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
