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
  /// and paragraph separators, bidirectional controls, U+FEFF, and characters that are shown as
  /// nothing.
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
      case _ where self.mustEscape(scalar):
        for unit in scalar.utf16 { self.append(escaped: unit, to: &text) }
      default:
        text.append(contentsOf: scalar.utf8)
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  private static func append(escaped unit: UInt16, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\\"))
    text.append(UInt8(ascii: "u"))
    for shift in [12, 8, 4, 0] as [UInt16] {
      let digit = UInt8(truncatingIfNeeded: unit >> shift & 0xF)
      text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }

  /// By the Unicode standard's own classes: controls and format characters (bidirectional ones among
  /// them), separators of lines and paragraphs, and whatever is shown as nothing: fillers, variation
  /// selectors, tags.
  private static func mustEscape(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x80 { return scalar.value < 0x20 || scalar.value == 0x7F }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: return true
    default: return scalar.properties.isDefaultIgnorableCodePoint
    }
  }
}
