// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

@Suite("grpc-timeout")
struct CallTimeoutTests {
  static let legal: [(String, Duration)] = [
    ("0S", .zero), ("1S", .seconds(1)), ("10m", .milliseconds(10)), ("5u", .microseconds(5)),
    ("7n", .nanoseconds(7)), ("2M", .seconds(120)), ("3H", .seconds(10_800)),
    ("00000001S", .seconds(1)), ("12345678S", .seconds(12_345_678)),
    ("99999999n", .nanoseconds(99_999_999)), ("99999999m", .milliseconds(99_999_999)),
    ("24000H", .seconds(86_400_000)),
  ]

  @Test("the grammar is read", arguments: Self.legal)
  func good(value: String, duration: Duration) throws {
    #expect(try #require(CallTimeout(value)).duration == duration)
  }

  @Test(
    "everything outside it is not",
    arguments: [
      "", "S", "1", "-1S", "+1S", "1.5S", "123456789S", "1s", "1h", "1 S", " 1S", "1S ", "1SS",
      "1ms",
      "0x1S", "1e3S", "\u{661}S", "\u{FF11}S", "1\u{FF33}", "1\0S", "1S\0", "\u{2212}1S", "1_0S",
      "1S,2S", "NaNS", "infS", "1:S", "1/S",
    ]
  )
  func bad(value: String) {
    #expect(CallTimeout(value) == nil)
  }

  @Test("every byte before and as the unit is judged")
  func bytes() {
    for byte in UInt8.min ..< 0x80 {
      let character = String(decoding: [byte], as: UTF8.self)
      let isUnit = "HMSmun".utf8.contains(byte)
      #expect((CallTimeout("1\(character)") != nil) == isUnit, "unit, byte \(byte)")
      let isDigit = (0x30 ... 0x39).contains(byte)
      #expect((CallTimeout("\(character)1S") != nil) == isDigit, "digit, byte \(byte)")
    }
  }

  @Test(
    "longer timeouts than 1,000 days are cut to it",
    arguments: [
      "99999999H", "99999999M", "24001H", "99999999S",
    ]
  )
  func cap(value: String) throws {
    let timeout = try #require(CallTimeout(value))
    #expect(timeout.duration == .seconds(CallTimeout.longestSeconds))
    #expect(CallTimeout.longestSeconds == 86_400_000)
  }

  @Test(
    "the canonical value fits, is legal and never shorter",
    arguments: ["H", "M", "S", "m", "u", "n"]
  )
  func canonical(unit: String) throws {
    var random = SeededGenerator(seed: 7)
    var amounts = (0 ... 8).flatMap { digits -> [Int] in
      let power = (0 ..< digits).reduce(1) { value, _ in value * 10 }
      return [power - 1, power, power + 1, 9 * power]
    }
    amounts += (0 ..< 2_000).map { _ in Int.random(in: 0 ... 99_999_999, using: &random) }
    for amount in amounts where amount >= 0 && amount <= 99_999_999 {
      let given = try #require(CallTimeout("\(amount)\(unit)"))
      let text = given.canonicalValue
      #expect(text.utf8.count <= 8, "\(amount)\(unit) gives \(text)")
      let canonical = try #require(CallTimeout(text))
      #expect(canonical.duration >= given.duration, "\(amount)\(unit) gives \(text)")
      // Rounded up by less than a thousandth, or a minute in more than a hundred days.
      let slack = max(given.duration / 1_000, .microseconds(1))
      #expect(canonical.duration - given.duration <= slack, "\(amount)\(unit)")
    }
  }

}

/// Random numbers that are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { self.state = seed }

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var word = self.state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
