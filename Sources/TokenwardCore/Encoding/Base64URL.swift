// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Base64url without padding (RFC 4648 §5, RFC 7515 §2), with exactly one text for every value.
///
/// A lenient decoder gives one token many spellings, and each passes a revocation list or a cache
/// keyed by the text of another. `Data(base64Encoded:)` accepts non-zero trailing bits.
///
/// Not for secrets: the tables are indexed by the data, so the time taken can tell about it.
package enum Base64URL {
  /// The decoded bytes, or nil if the text is refused: another alphabet, `=`, whitespace, a length
  /// of 4k + 1, or trailing bits that are not zero. An empty text is an empty value.
  package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
    let (groups, rest) = text.count.quotientAndRemainder(dividingBy: 4)
    guard rest != 1 else { return nil }
    // Two characters left over are one byte, three are two.
    let size = groups * 3 + (rest == 0 ? 0 : rest - 1)
    var isValid = true
    let result = unsafe [UInt8](unsafeUninitializedCapacity: size) { output, count in
      let exact = unsafe UnsafeMutableBufferPointer(rebasing: output[..<size])
      isValid = unsafe Self.decode(text, rest: rest, into: exact)
      count = isValid ? size : 0
    }
    return isValid ? result : nil
  }

  package static func decode(_ text: [UInt8]) -> [UInt8]? {
    self.decode(text.span)
  }

  package static func encode(_ bytes: Span<UInt8>) -> String {
    let (groups, rest) = bytes.count.quotientAndRemainder(dividingBy: 3)
    let size = groups * 4 + (rest == 0 ? 0 : rest + 1)
    return unsafe String(unsafeUninitializedCapacity: size) { output in
      unsafe Self.encode(bytes, groups: groups, rest: rest, into: output)
      return size
    }
  }

  package static func encode(_ bytes: [UInt8]) -> String {
    self.encode(bytes.span)
  }
}

extension Base64URL {
  /// Writes three bytes for every four characters, and one less than `rest` if that is not zero:
  /// exactly the size `output` was made for. Reading is checked by the span.
  private static func decode(
    _ text: Span<UInt8>,
    rest: Int,
    into output: UnsafeMutableBufferPointer<UInt8>
  ) -> Bool {
    // The values of refused characters have the two high bits set; they are collected, not tested.
    var refused: UInt32 = 0
    var source = 0
    var target = 0
    // Two groups at a time, while the two bytes stored beyond them still lie in `output`.
    while target <= output.count - 8, source <= text.count - 8 {
      let word = text.word(at: source)
      var bits: UInt64 = 0
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        let value = value(UInt8(truncatingIfNeeded: word >> shift))
        refused |= value
        bits = bits << 6 | UInt64(value)
      }
      let bytes = UnsafeMutableRawBufferPointer(output)
      unsafe bytes.storeBytes(of: (bits << 16).bigEndian, toByteOffset: target, as: UInt64.self)
      source += 8
      target += 6
    }
    while source <= text.count - 4 {
      let first = value(text[source])
      let second = value(text[source + 1])
      let third = value(text[source + 2])
      let fourth = value(text[source + 3])
      refused |= first | second | third | fourth
      let bits = first << 18 | second << 12 | third << 6 | fourth
      unsafe output[target] = UInt8(truncatingIfNeeded: bits >> 16)
      unsafe output[target + 1] = UInt8(truncatingIfNeeded: bits >> 8)
      unsafe output[target + 2] = UInt8(truncatingIfNeeded: bits)
      source += 4
      target += 3
    }
    if rest != 0 {
      let first = value(text[source])
      let second = value(text[source + 1])
      let third = rest == 3 ? value(text[source + 2]) : 0
      refused |= first | second | third
      let bits = first << 12 | second << 6 | third
      unsafe output[target] = UInt8(truncatingIfNeeded: bits >> 10)
      if rest == 3 {
        unsafe output[target + 1] = UInt8(truncatingIfNeeded: bits >> 2)
        guard bits & 0x3 == 0 else { return false }
      } else {
        guard bits & 0x3FF == 0 else { return false }
      }
    }
    return refused < 64
  }

  /// Writes 4 · `groups` characters, and one more than `rest` if that is not zero.
  private static func encode(
    _ bytes: Span<UInt8>,
    groups: Int,
    rest: Int,
    into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    var source = 0
    var target = 0
    for _ in 0 ..< groups {
      let bits =
        UInt32(bytes[source]) << 16 | UInt32(bytes[source + 1]) << 8 | UInt32(bytes[source + 2])
      unsafe output[target] = character(bits >> 18)
      unsafe output[target + 1] = character(bits >> 12)
      unsafe output[target + 2] = character(bits >> 6)
      unsafe output[target + 3] = character(bits)
      source += 3
      target += 4
    }
    guard rest != 0 else { return }
    let bits = UInt32(bytes[source]) << 16 | (rest == 2 ? UInt32(bytes[source + 1]) << 8 : 0)
    unsafe output[target] = character(bits >> 18)
    unsafe output[target + 1] = character(bits >> 12)
    if rest == 2 { unsafe output[target + 2] = character(bits >> 6) }
  }

  private static func value(_ character: UInt8) -> UInt32 {
    UInt32(values[Int(character)])
  }

  private static func character(_ bits: UInt32) -> UInt8 {
    alphabet[Int(bits & 63)]
  }
}

/// The value of every character, 255 for those outside the alphabet.
private let values: [256 of UInt8] = [
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 62, 255, 255,
  52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 255, 255, 255, 255, 255, 255,
  255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
  15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 255, 255, 255, 255, 63,
  255, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
  41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
]

private let alphabet: [64 of UInt8] = [
  65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80,
  81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 97, 98, 99, 100, 101, 102,
  103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118,
  119, 120, 121, 122, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 45, 95,
]
