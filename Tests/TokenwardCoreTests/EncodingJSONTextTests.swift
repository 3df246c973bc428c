// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

@Suite("JSON text for logs")
struct EncodingJSONTextTests {
  @Test(
    "what could forge or disguise a log line is escaped",
    arguments: [
      0x00, 0x07, 0x08, 0x09, 0x0A, 0x0D, 0x1B, 0x1F,  // C0
      0x7F, 0x80, 0x85, 0x9B, 0x9F,  // DEL, C1
      0x061C, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2028, 0x2029,
      0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0xFEFF,
      0x00AD, 0x180E, 0x2060, 0x2064, 0x2065, 0x206A, 0x206F, 0xFFF9, 0xFFFB,
      0x034F, 0x115F, 0x1160, 0x17B4, 0x3164, 0xFE0F, 0xFFA0,
    ] as [UInt32]
  )
  func escaped(value: UInt32) throws {
    let scalar = try #require(Unicode.Scalar(value))
    let digits = String(value, radix: 16)
    let code = String(repeating: "0", count: 4 - digits.count) + digits
    #expect(quoted("a\(scalar)b") == "\"a\\u\(code)b\"")
  }

  @Test(
    "everything else is written as it is",
    arguments: [
      0x20, 0x21, 0x2F, 0x7E, 0xA0, 0xAC, 0xAE, 0xE9, 0x061B, 0x061D, 0x200A, 0x2010, 0x2027,
      0x202F, 0x034E, 0x0350, 0x115E, 0x1161, 0x2070, 0x3163, 0x3165, 0xFF9F, 0xFFA1, 0xFE10,
      0xFEFE,
      0xDFFFF, 0xE1000,
      0xFFFD, 0x1F511, 0x10FFFF,
    ] as [UInt32]
  )
  func unchanged(value: UInt32) throws {
    let scalar = try #require(Unicode.Scalar(value))
    #expect(Array(quoted("a\(scalar)b").utf8) == Array("\"a\(scalar)b\"".utf8))
  }

  @Test("tags, which spell ASCII unseen, are escaped as surrogates", arguments: [0, 0x41, 0x7F])
  func tags(offset: UInt32) throws {
    let scalar = try #require(Unicode.Scalar(0xE0000 + offset))
    let low = String(0xDC00 + offset, radix: 16)
    #expect(quoted("\(scalar)") == "\"\\udb40\\u\(low)\"")
  }

  @Test("quotes and backslashes cannot end the string early")
  func quotes() {
    #expect(quoted(#"","admin":true,"x":"\"#) == #""\",\"admin\":true,\"x\":\"\\""#)
    #expect(quoted("") == "\"\"")
  }

  @Test("the text is appended, and to a string the same as to bytes")
  func appended() {
    var bytes = Array("a=".utf8)
    JSONText.append(quoted: "é\n", to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == "a=\"é\\u000a\"")
    var text = "a="
    JSONText.append(quoted: "é\n", to: &text)
    #expect(Array(text.utf8) == bytes)
  }

  @Test("our own reader and Foundation read back what was written")
  func readBack() throws {
    for value in UInt32(0) ... 0x2_FFFF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let string = String(String.UnicodeScalarView([scalar]))
      let document = try JSONDocument(Array(quoted(string).utf8), limits: .token)
      if document.utf8(document.root) != Array(string.utf8) { Issue.record("\(value)") }
    }
    let mixed = "a\"\\\u{0}\u{2028}\u{202E}\u{FEFF}é🔑"
    let decoded = try JSONDecoder().decode([String].self, from: Data("[\(quoted(mixed))]".utf8))
    #expect(decoded.map { Array($0.utf8) } == [Array(mixed.utf8)])
  }

  private func quoted(_ string: String) -> String {
    var text = ""
    JSONText.append(quoted: string, to: &text)
    return text
  }
}
