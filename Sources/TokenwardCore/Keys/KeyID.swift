// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The name of a key: the `kid` parameter (RFC 7515 §4.1.4, RFC 7517 §4.5).
///
/// It is compared and hashed by its UTF-8 bytes. With `String ==`, `"\u{212A}ey1"` would be
/// `"Key1"` (catalogue K16). It is only ever an exact map key: never a path, a query or a pattern
/// (RFC 8725 §3.10).
public struct KeyID: Hashable, Sendable, CustomStringConvertible {
  /// The longest accepted name, in bytes.
  public static let maximumLength = 128

  package let utf8: [UInt8]

  /// Wraps a name; nil if it is longer than 128 bytes or has a control character.
  public init?(_ text: String) { self.init(utf8: Array(text.utf8)) }

  /// Wraps a name that is UTF-8 already.
  package init?(utf8: [UInt8]) {
    guard utf8.count <= Self.maximumLength, !utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
    else { return nil }
    self.utf8 = utf8
  }

  /// The name as text.
  public var text: String { String(decoding: self.utf8, as: UTF8.self) }

  /// The name as text.
  public var description: String { self.text }
}
