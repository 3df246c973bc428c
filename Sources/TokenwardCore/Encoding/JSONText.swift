// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Writes JSON strings for lines that people and log collectors read.
///
/// Values in audit records come from strangers. Written as they are, a line separator forges a
/// record and a bidirectional or invisible character shows an operator another subject than the
/// one that was meant ("Trojan Source", CVE-2021-42574).
package enum JSONText {
  /// The string as a JSON string with its quotes.
  package static func quoted(_ string: String) -> String {
    var text = ""
    self.append(quoted: string, to: &text)
    return text
  }

  /// Appends `string` as a quoted JSON string. Escaped as `\uXXXX`: C0, DEL and C1 controls, line
  /// and paragraph separators, bidirectional controls, zero-width characters and U+FEFF.
  package static func append(quoted string: String, to text: inout String) {
    var bytes: [UInt8] = []
    self.append(quoted: string, to: &bytes)
    text += String(decoding: bytes, as: UTF8.self)
  }

  package static func append(quoted string: String, to text: inout [UInt8]) {
    text.reserveCapacity(text.count + string.utf8.count + 2)
    text.append(UInt8(ascii: "\""))
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        text.append(UInt8(ascii: "\\"))
        text.append(UInt8(truncatingIfNeeded: scalar.value))
      case _ where self.mustEscape(scalar.value):
        text.append(UInt8(ascii: "\\"))
        text.append(UInt8(ascii: "u"))
        for shift in [12, 8, 4, 0] as [UInt32] {
          let digit = UInt8(truncatingIfNeeded: scalar.value >> shift & 0xF)
          text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
      default:
        text.append(contentsOf: scalar.utf8)
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  private static func mustEscape(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x00 ... 0x1F, 0x7F ... 0x9F,  // C0, DEL, C1
      0x2028, 0x2029,  // line and paragraph separator
      0x061C, 0x200E, 0x200F, 0x202A ... 0x202E, 0x2066 ... 0x2069,  // bidirectional controls
      0x200B ... 0x200D, 0x2060 ... 0x2064, 0xFEFF,  // zero width
      0x00AD, 0x180E,  // shown as nothing or as a hyphen
      0xFFF9 ... 0xFFFB:  // interlinear annotation
      true
    default:
      false
    }
  }
}
