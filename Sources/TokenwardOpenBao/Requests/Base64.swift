// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The alphabet of RFC 4648 §4 with padding, which OpenBao uses, by way of the strict decoder for the
/// one of §5.
enum Base64 {
  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var text = Base64URL.encode(bytes).utf8.map { byte in
      switch byte {
      case UInt8(ascii: "-"): UInt8(ascii: "+")
      case UInt8(ascii: "_"): UInt8(ascii: "/")
      default: byte
      }
    }
    while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
    return text
  }

  /// Nil for anything but what ``encode(_:)`` gives.
  static func decode(_ text: [UInt8]) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    var translated: [UInt8] = []
    let padding = text.reversed().prefix(2).prefix { $0 == UInt8(ascii: "=") }.count
    for byte in text.dropLast(padding) {
      switch byte {
      case UInt8(ascii: "+"): translated.append(UInt8(ascii: "-"))
      case UInt8(ascii: "/"): translated.append(UInt8(ascii: "_"))
      case UInt8(ascii: "-"), UInt8(ascii: "_"): return nil
      default: translated.append(byte)
      }
    }
    return Base64URL.decode(translated)
  }
}

/// A public key on P-256 in PEM (RFC 7468 §13), as OpenBao writes it.
enum P256PublicKeyPEM {
  /// SubjectPublicKeyInfo of an uncompressed point on P-256, up to the point (RFC 5480 §2).
  private static let prefix: [UInt8] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A,
    0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
  ]
  private static let begin = Array("-----BEGIN PUBLIC KEY-----\n".utf8)
  private static let end = Array("\n-----END PUBLIC KEY-----".utf8)

  /// x and y, 64 bytes; nil for anything else than one such key.
  static func point(in text: [UInt8]) -> [UInt8]? {
    let text = text.last == UInt8(ascii: "\n") ? text.dropLast() : text[...]
    guard text.starts(with: Self.begin), text.suffix(Self.end.count).elementsEqual(Self.end),
      text.count >= Self.begin.count + Self.end.count
    else { return nil }
    let body = text.dropFirst(Self.begin.count).dropLast(Self.end.count)
    guard let der = Base64.decode(body.filter { $0 != UInt8(ascii: "\n") }),
      der.count == Self.prefix.count + 64, der.starts(with: Self.prefix)
    else { return nil }
    return Array(der.dropFirst(Self.prefix.count))
  }
}
