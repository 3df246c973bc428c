// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

@Suite("authorization values")
struct AuthorizationValueTests {
  @Test(
    "one scheme, one space, one token",
    arguments: [
      "Bearer a", "bearer a", "BEARER a", "bEaReR a", "Bearer a.b.c", "Bearer -._~+/", "Bearer a=",
      "Bearer a==", "Bearer 0123456789",
    ]
  )
  func good(value: String) throws {
    let token = try AuthorizationValue.token(value)
    #expect(token.bytes == Array(value.utf8.dropFirst(7)))
    #expect(token.fingerprint == BearerToken(bytes: token.bytes).fingerprint)
  }

  @Test(
    "everything else is malformed",
    arguments: [
      "", "Bearer", "Bearer ", "Bearer  a", "Bearer\ta", " Bearer a", "Bearer a ", "Bearer a b",
      "Bearer a,", "Bearer a, Bearer b", "Bearera", "Bearer=a", "Basic a", "Token a", "a",
      "Bearer =",
      "Bearer =a", "Bearer a=b", "Bearer ==", "Bearer a\0", "Bearer \na", "Bearer a\r\n",
      "Bearer \"a\"",
      "Bearer a:b", "Bearer a;b", "Bearer {}", "Bearer a%20", "Bearer a\u{200B}", "Bearer \u{FF41}",
      "B\u{E9}arer a", "\u{212A}earer a", "Bearer\u{A0}a", "Bearer a?", "Bearer a#", "Bearer a@",
      "Bearer a`", "Bearer a[", "Bearer a!",
    ]
  )
  func bad(value: String) {
    #expect(throws: DenialReason.credentialMalformed) { try AuthorizationValue.token(value) }
  }

  @Test("every byte of the scheme counts")
  func scheme() {
    for position in 0 ..< 7 {
      for byte in UInt8.min ..< 0x80 {
        var value = Array("Bearer a".utf8)
        value[position] = byte
        let expected =
          position == 6 ? [UInt8(ascii: " ")] : Self.cases(Array("Bearer".utf8)[position])
        let isGood = (try? AuthorizationValue.token(String(decoding: value, as: UTF8.self))) != nil
        #expect(isGood == expected.contains(byte), "byte \(byte) at \(position)")
      }
    }
  }

  private static func cases(_ letter: UInt8) -> [UInt8] { [letter | 0x20, letter & 0xDF] }

  @Test("every byte of the token counts")
  func tokenBytes() {
    let allowed = Set(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=".utf8
    )
    for byte in UInt8.min ..< 0x80 {
      let value = "Bearer a" + String(decoding: [byte], as: UTF8.self)
      #expect(((try? AuthorizationValue.token(value)) != nil) == allowed.contains(byte), "\(byte)")
    }
  }

  @Test("every character counts at every place of a long token, beside any other")
  func longTokens() {
    let allowed = Set(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/".utf8
    )
    let others = [0x2B, 0x39, 0x41, 0x5A, 0x61, 0x7A, 0x7E] as [UInt8]
    for position in 0 ..< 20 {
      for scalar in 0 ..< 0x100 as Range<UInt32> {
        let character = Character(Unicode.Scalar(scalar) ?? " ")
        for other in others {
          var text = String(repeating: Character(Unicode.Scalar(other)), count: 20)
          let index = text.index(text.startIndex, offsetBy: position)
          text.replaceSubrange(index ... index, with: [character])
          let isGood = (try? AuthorizationValue.token("Bearer \(text)")) != nil
          let isAllowed = scalar < 0x80 && allowed.contains(UInt8(scalar))
          let isPadding = scalar == 0x3D && position == 19
          if isGood != (isAllowed || isPadding) {
            Issue.record("scalar \(scalar) at \(position) among \(other)")
          }
        }
      }
    }
  }

  @Test("8,192 bytes are the longest token, and the length is judged before the characters")
  func length() throws {
    let longest = String(repeating: "a", count: BearerToken.maximumLength)
    #expect(BearerToken.maximumLength == 8_192)
    #expect(try AuthorizationValue.token("Bearer \(longest)").bytes.count == 8_192)
    #expect(throws: DenialReason.tokenTooLarge) {
      try AuthorizationValue.token("Bearer \(longest)a")
    }
    #expect(throws: DenialReason.tokenTooLarge) {
      try AuthorizationValue.token("Bearer \(longest) ")
    }
  }
}
