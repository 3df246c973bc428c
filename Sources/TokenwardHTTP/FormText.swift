// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// `application/x-www-form-urlencoded`, byte for byte.
package enum FormText {
  /// Appends text with everything escaped but letters, digits and `*-._`; a space becomes `+`.
  package static func append(_ text: [UInt8], to form: inout [UInt8]) {
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text {
      switch byte {
      case UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
        UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "*"), UInt8(ascii: "-"),
        UInt8(ascii: "."), UInt8(ascii: "_"):
        form.append(byte)
      case UInt8(ascii: " "):
        form.append(UInt8(ascii: "+"))
      default:
        form += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
  }
}

/// Base64 with padding (RFC 4648 §4), as HTTP Basic wants it.
package enum Base64Text {
  package static func encode(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start ..< min(start + 3, bytes.count)]
      var word = UInt32(0)
      for offset in 0 ..< 3 {
        word = word << 8 | (offset < group.count ? UInt32(group[start + offset]) : 0)
      }
      for position in 0 ..< 4 {
        let index = Int(word >> UInt32(18 - 6 * position)) & 63
        text.append(position <= group.count ? alphabet[index] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
