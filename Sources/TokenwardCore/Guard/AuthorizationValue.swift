// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Reads the one `authorization` value: `Bearer`, one space, one token (RFC 6750 §2.1).
///
/// The scheme's letter case does not matter (RFC 9110 §11.1); everything else does. A second token,
/// a comma, a tab or a second space is refused instead of repaired: whatever stands behind this
/// guard may repair it another way.
package enum AuthorizationValue {
  /// The token, with every byte of the value checked.
  package static func token(_ value: String) throws(DenialReason) -> PresentedToken {
    let token = try self.candidate(value)
    try self.check(value)
    return token
  }

  /// What stands behind the scheme, whatever it is made of: enough to ask a memory of tokens that
  /// were checked before. ``check(_:)`` has to follow unless the memory knows it.
  package static func candidate(_ value: String) throws(DenialReason) -> PresentedToken {
    let bytes = value.utf8.span
    guard bytes.count > 7, bytes[6] == UInt8(ascii: " "), Self.startsWithBearer(bytes) else {
      throw .credentialMalformed
    }
    guard bytes.count - 7 <= BearerToken.maximumLength else { throw .tokenTooLarge }
    return PresentedToken(value, from: 7)
  }

  /// Checks the bytes of a value that ``candidate(_:)`` accepted.
  package static func check(_ value: String) throws(DenialReason) {
    let bytes = value.utf8.span
    guard bytes.count > 7, Self.isTokenText(bytes.extracting(7 ..< bytes.count)) else {
      throw .credentialMalformed
    }
  }

  /// `b64token` (RFC 6750 §2.1): letters, digits and `-._~+/`, then padding.
  private static func isTokenText(_ text: Span<UInt8>) -> Bool {
    var end = text.count
    while end > 0, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
    guard end > 0 else { return false }
    // Eight bytes at a time: this runs on every call, before the cache is asked.
    var offences: UInt64 = 0
    var index = 0
    while index + 8 <= end {
      offences |= Self.offences(text.word(at: index))
      index += 8
    }
    guard offences == 0 else { return false }
    while index < end {
      switch text[index] {
      case UInt8(ascii: "A") ... UInt8(ascii: "Z"), UInt8(ascii: "a") ... UInt8(ascii: "z"),
        UInt8(ascii: "-") ... UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        index += 1
      default:
        return false
      }
    }
    return true
  }

  /// The high bit of each of eight bytes that is no letter, digit or one of `-._~+/`.
  private static func offences(_ bytes: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highBits = ones &* 0x80
    // The high bit of each lane says whether the byte is at least `limit`, or is this one. No lane
    // carries into the next while all are below 0x80, and a byte that is not is an offence itself.
    func reach(_ lanes: UInt64, _ limit: UInt64) -> UInt64 { lanes &+ ones &* (0x80 - limit) }
    func equal(_ lanes: UInt64, _ byte: UInt64) -> UInt64 { highBits &- (lanes ^ ones &* byte) }
    let lowered = bytes | ones &* 0x20
    let letters = reach(lowered, 0x61) & ~reach(lowered, 0x7B)
    let digitsAndMarks = reach(bytes, 0x2D) & ~reach(bytes, 0x3A)  // - . / 0 to 9
    let others = equal(bytes, 0x2B) | equal(bytes, 0x5F) | equal(bytes, 0x7E)
    return (bytes | ~(letters | digitsAndMarks | others)) & highBits
  }

  private static func startsWithBearer(_ bytes: Span<UInt8>) -> Bool {
    let scheme: StaticString = "bearer"
    return scheme.withUTF8Buffer { expected in
      for index in 0 ..< 6 where unsafe bytes[index] | 0x20 != expected[index] { return false }
      return true
    }
  }
}
