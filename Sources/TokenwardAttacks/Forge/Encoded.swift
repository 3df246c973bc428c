// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// base64url text (RFC 4648 §5) spoilt in one way.
enum Encoded {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
  )

  /// The same bytes for a lenient decoder: a bit that belongs to no byte is set (RFC 4648 §3.5).
  /// The text must not end on a full group of four.
  static func withStrayBits(_ text: String) -> String {
    guard let last = text.utf8.last, let index = self.alphabet.firstIndex(of: last),
      text.utf8.count % 4 != 0
    else { return text }
    return text.dropLast() + String(decoding: [self.alphabet[index | 1]], as: UTF8.self)
  }

  /// The alphabet of RFC 4648 §4 instead.
  static func inStandardAlphabet(_ text: String) -> String {
    String(
      decoding: text.utf8.map { byte in
        switch byte {
        case UInt8(ascii: "-"): UInt8(ascii: "+")
        case UInt8(ascii: "_"): UInt8(ascii: "/")
        default: byte
        }
      },
      as: UTF8.self
    )
  }
}
