// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// `application/x-www-form-urlencoded` (RFC 6749 appendix B), byte by byte.
///
/// Everything but letters, digits and `-._*` is escaped: an `&` or a `=` within a value, a secret
/// above all, would otherwise be another parameter of somebody's choice.
struct FormText: Sendable {
  private(set) var bytes: [UInt8] = []

  /// Adds a parameter.
  mutating func add(_ name: StaticString, _ value: some Sequence<UInt8>) {
    if !self.bytes.isEmpty { self.bytes.append(UInt8(ascii: "&")) }
    name.withUTF8Buffer { self.bytes.append(contentsOf: Self.encoded($0)) }
    self.bytes.append(UInt8(ascii: "="))
    self.bytes.append(contentsOf: Self.encoded(value))
  }

  /// Adds a parameter.
  mutating func add(_ name: StaticString, _ value: String) { self.add(name, value.utf8) }

  static func encoded(_ value: some Sequence<UInt8>) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in value {
      switch byte {
      case UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
        UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "*"):
        encoded.append(byte)
      case UInt8(ascii: " "):
        encoded.append(UInt8(ascii: "+"))
      default:
        encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
      }
    }
    return encoded
  }
}

extension FormText: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Nothing of it: it carries secrets.
  var description: String { "<form, \(self.bytes.count) bytes>" }
  var debugDescription: String { self.description }
  var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Base64 with padding (RFC 4648 §4), for `Basic` credentials.
enum PaddedBase64 {
  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start ..< min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
      for position in 0 ..< 4 {
        guard position <= group.count else {
          text.append(UInt8(ascii: "="))
          continue
        }
        text.append(Self.character(UInt8(truncatingIfNeeded: bits >> UInt32(18 - 6 * position))))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Computed instead of looked up: where in a table a secret leads can be seen from outside.
  private static func character(_ value: UInt8) -> UInt8 {
    let value = value & 0x3F
    // All ones where the value is at least the limit.
    func from(_ limit: UInt8) -> UInt8 { ~(((value &- limit) >> 7) &* 0xFF) }
    return value &+ 65 &+ (from(26) & 6) &- (from(52) & 75) &- (from(62) & 15) &+ (from(63) & 3)
  }
}
