// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore

@Suite("Base64url")
struct EncodingBase64URLTests {
  @Test(
    "the vectors of RFC 4648 section 10 decode and encode, without padding",
    arguments: [
      ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
      ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
    ]
  )
  func vectors(plain: String, encoded: String) {
    #expect(Base64URL.decode(Array(encoded.utf8)) == Array(plain.utf8))
    #expect(Base64URL.encode(Array(plain.utf8)) == encoded)
  }

  @Test("the last two characters of the alphabet are those for URLs")
  func alphabet() {
    #expect(Base64URL.decode(Array("-_-_".utf8)) == [0xFB, 0xFF, 0xBF])
    #expect(Base64URL.decode(Array("+/+/".utf8)) == nil)
  }

  @Test("every value of every length up to 70 survives, as Foundation encodes it")
  func roundTrip() {
    var generator = SystemRandomNumberGenerator()
    for length in 0 ... 70 {
      for _ in 0 ..< 20 {
        let bytes = (0 ..< length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let encoded = Base64URL.encode(bytes)
        let expected = Data(bytes).base64EncodedString()
          .replacingOccurrences(of: "+", with: "-")
          .replacingOccurrences(of: "/", with: "_")
          .replacingOccurrences(of: "=", with: "")
        #expect(encoded == expected)
        #expect(Base64URL.decode(Array(encoded.utf8)) == bytes)
      }
    }
  }

  @Test(
    "a text that is not canonical is refused, and its canonical twin is not",
    arguments: [
      ("Zg==", "Zg"), ("Zm8=", "Zm8"),  // padding
      ("Zh", "Zg"), ("Zv", "Zg"),  // four trailing bits
      ("Zm9", "Zm8"), ("Zm-", "Zm8"),  // two trailing bits
      ("Zm9vY", "Zm9vYg"), ("Z", "Zg"),  // 4k + 1 characters
      ("Zm9 ", "Zm9v"), ("Zm9v\n", "Zm9v"), (" Zm9v", "Zm9v"), ("Zm9v\r\n", "Zm9v"),
      ("Zm9\0", "Zm9v"), ("Zm9vZm9vZm9vZm9\0", "Zm9vZm9vZm9vZm9v"),
      ("Zm9vZm9é", "Zm9vZm9v"), ("Zm.v", "Zm9v"),
    ]
  )
  func refused(text: String, twin: String) {
    #expect(Base64URL.decode(Array(text.utf8)) == nil)
    #expect(Base64URL.decode(Array(twin.utf8)) != nil)
  }

  @Test("a byte outside the alphabet is refused at every position of every length")
  func everyByteEverywhere() {
    let alphabet = Set(
      Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    )
    for length in [2, 3, 4, 6, 7, 8, 10, 11, 12, 16, 18, 24, 27] {
      let twin = [UInt8](repeating: UInt8(ascii: "A"), count: length)
      #expect(Base64URL.decode(twin)?.allSatisfy { $0 == 0 } == true)
      for position in 0 ..< length {
        for byte in UInt8.min ... .max where !alphabet.contains(byte) {
          var text = twin
          text[position] = byte
          if Base64URL.decode(text) != nil { Issue.record("\(byte) at \(position) of \(length)") }
        }
      }
    }
  }

  @Test("no two texts of up to four characters decode to the same bytes")
  func injective() {
    let alphabet = Array("ABgwQx09-_".utf8)
    var seen: [[UInt8]: [UInt8]] = [:]
    var texts: [[UInt8]] = [[]]
    for _ in 0 ..< 4 {
      texts = texts.flatMap { text in alphabet.map { text + [$0] } }
      for text in texts {
        guard let bytes = Base64URL.decode(text) else { continue }
        if let other = seen.updateValue(text, forKey: bytes) {
          Issue.record("\(text) and \(other)")
        }
        #expect(Array(Base64URL.encode(bytes).utf8) == text)
      }
    }
  }

  @Test("a part of a longer text decodes alone")
  func part() {
    let token = Array("Zm9v.YmFy.".utf8)
    #expect(Base64URL.decode(token.span.extracting(5 ..< 9)) == Array("bar".utf8))
    #expect(Base64URL.decode(token.span.extracting(0 ..< 5)) == nil)
  }
}
