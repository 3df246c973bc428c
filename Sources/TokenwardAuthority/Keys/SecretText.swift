// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Base64url of secrets of 32 bytes: 43 characters, one text for every value (RFC 4648 §5).
///
/// Arithmetic instead of tables: which line of a table is in the processor's cache tells another
/// process on it about the secret.
enum SecretText {
  static let byteCount = 32
  static let characterCount = 43

  /// Appends the text of a key.
  static func append(_ key: SymmetricKey, to text: inout [UInt8]) {
    key.withUnsafeBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: 3) {
        let left = min(bytes.count - start, 3)
        var bits = 0
        for index in 0 ..< 3 { bits = bits << 8 | (index < left ? Int(bytes[start + index]) : 0) }
        for index in 0 ... left { text.append(Self.character(bits >> (18 - 6 * index) & 63)) }
      }
    }
  }

  /// The key whose text this is; nil for any other text.
  static func key(_ text: [UInt8]) -> SymmetricKey? {
    guard text.count == Self.characterCount else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount + 1)
    defer { Self.wipe(&bytes) }
    var refused = 0
    for start in stride(from: 0, to: text.count, by: 4) {
      var bits = 0
      for index in start ..< start + 4 {
        let value = index < text.count ? Self.value(Int(text[index])) : 0
        refused |= value
        bits = bits << 6 | value & 63
      }
      for shift in [16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
    }
    // 43 characters have two bits more than 32 bytes, and those are zero.
    guard refused >= 0, bytes.count == Self.byteCount + 1, bytes[Self.byteCount] == 0 else {
      return nil
    }
    return bytes.withUnsafeBytes { buffer in
      SymmetricKey(data: UnsafeRawBufferPointer(rebasing: buffer.prefix(Self.byteCount)))
    }
  }

  /// Writes over bytes that nobody else shares. Not an ordinary write, which the optimiser may drop.
  static func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { buffer in Self.wipe(buffer) }
  }

  static func wipe(_ buffer: UnsafeMutableRawBufferPointer) {
    guard let start = buffer.baseAddress else { return }
    #if canImport(Darwin)
    _ = memset_s(start, buffer.count, 0, buffer.count)
    #else
    explicit_bzero(start, buffer.count)
    #endif
  }

  // A difference of two numbers below 256, shifted by 8, is all ones where it is negative.
  private static func character(_ value: Int) -> UInt8 {
    var offset = 65
    offset += (25 - value) >> 8 & 6
    offset -= (51 - value) >> 8 & 75
    offset -= (61 - value) >> 8 & 13
    offset += (62 - value) >> 8 & 49
    return UInt8(truncatingIfNeeded: value + offset)
  }

  /// 0 to 63; negative for what is no character of the alphabet.
  private static func value(_ character: Int) -> Int {
    var value = -1
    value += ((0x40 - character) & (character - 0x5B)) >> 8 & (character - 64)
    value += ((0x60 - character) & (character - 0x7B)) >> 8 & (character - 70)
    value += ((0x2F - character) & (character - 0x3A)) >> 8 & (character + 5)
    value += ((0x2C - character) & (character - 0x2E)) >> 8 & 63
    value += ((0x5E - character) & (character - 0x60)) >> 8 & 64
    return value
  }
}
