// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

/// What is refused of an API token without looking anything up (catalogue O02, O03, O10).
@Suite("format of API tokens")
struct APITokenFormatTests {
  static let id = Array("0123456789ABCDEF".utf8)
  static let secret = Array("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG".utf8)

  private static func problem(_ token: [UInt8]) -> DenialReason? {
    do throws(DenialReason) {
      try APITokenFormat.check(token.span)
      return nil
    } catch {
      return error
    }
  }

  private static func problem(_ token: String) -> DenialReason? { Self.problem(Array(token.utf8)) }

  static let good = String(
    decoding: APITokenFormat.token(id: Self.id, secret: Self.secret),
    as: UTF8.self
  )

  @Test("a token that was put together is accepted, whatever its digits")
  func accepted() {
    #expect(Self.problem(Self.good) == nil)
    #expect(Self.good.utf8.count == APITokenFormat.length)
    for digit in APITokenFormat.digits {
      let token = APITokenFormat.token(
        id: [UInt8](repeating: digit, count: 16),
        secret: [UInt8](repeating: digit, count: 43)
      )
      #expect(Self.problem(token) == nil)
    }
  }

  @Test("the checksum is CRC-32 as zlib computes it, in base62")
  func checksum() {
    // zlib.crc32(b"twk_0123456789ABCDEF_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")
    #expect(Self.good.hasSuffix(Self.knownChecksum))
  }

  static let knownChecksum = "1VBISI"

  @Test("every byte that is changed, added or missing is noticed")
  func changed() {
    let good = Array(Self.good.utf8)
    for index in good.indices {
      for bit in 0 ..< 8 {
        var token = good
        token[index] ^= 1 << UInt8(bit)
        let isDigit = APITokenFormat.digits.contains(token[index])
        let isFixed = index < 4 || index == 20
        let expected: DenialReason =
          isDigit && !isFixed ? .checksumInvalid : .tokenMalformed
        #expect(Self.problem(token) == expected, "bit \(bit) of byte \(index)")
      }
      var shorter = good
      shorter.remove(at: index)
      #expect(Self.problem(shorter) == .tokenMalformed)
      var longer = good
      longer.insert(UInt8(ascii: "0"), at: index)
      #expect(Self.problem(longer) == .tokenMalformed)
    }
  }

  @Test("every byte outside base62 is refused at every place")
  func bytes() {
    let good = Array(Self.good.utf8)
    for index in good.indices where index > 3 && index != 20 {
      for byte in UInt8.min ... .max where !APITokenFormat.digits.contains(byte) {
        var token = good
        token[index] = byte
        #expect(Self.problem(token) == .tokenMalformed, "\(byte) at \(index)")
      }
    }
  }

  static let strange: [String] = [
    "", "twk_", "twk_0123456789ABCDEF", "twk_0123456789ABCDEF_", "0123456789ABCDEF",
    "\(good)\n", "\(good) ", "\(good)\u{0}", "\n\(good)", " \(good)", "\(good)\(good)",
    "twk-\(good.dropFirst(4))", "TWK_\(good.dropFirst(4))", "ghp_\(good.dropFirst(4))",
    "twx_\(good.dropFirst(4))", good.replacing("_a", with: "-a"),
    good.replacing("0", with: "\u{660}"), good.replacing("1", with: "\u{FF11}"),
    good.replacing("A", with: "\u{410}"), good.replacing("a", with: "\u{212A}"),
    "' OR '1'='1", "twk_'; DROP TABLE tokens;--_\(good.dropFirst(21))",
    "twk_{\"$gt\":\"\"}012345_\(good.dropFirst(21))", "twk_../../../../etc/_x",
    "twk_%00%00%00%00%00%_\(good.dropFirst(21))", String(repeating: "twk_", count: 2_000),
  ]

  @Test("what is no token is malformed", arguments: Self.strange)
  func malformed(token: String) {
    #expect(Self.problem(token) == .tokenMalformed)
  }

  @Test("a checksum that is a larger number than any CRC-32 is refused")
  func overflow() {
    // 2^32 and the CRC are the same in 32 bits.
    let good = Array(Self.good.utf8)
    var value = UInt64(1) << 32
    for digit in good.suffix(6).reversed().enumerated() {
      let place = (0 ..< digit.offset).reduce(UInt64(1)) { power, _ in power * 62 }
      value += place * UInt64(APITokenFormat.digits.firstIndex(of: digit.element) ?? 0)
    }
    var text: [UInt8] = []
    for _ in 0 ..< 6 {
      text.insert(APITokenFormat.digits[Int(value % 62)], at: 0)
      value /= 62
    }
    #expect(value == 0)
    #expect(Self.problem(good.dropLast(6) + text) == .checksumInvalid)
  }
}
