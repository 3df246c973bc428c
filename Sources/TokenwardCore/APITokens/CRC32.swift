// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// CRC-32 of ISO 3309 (as in gzip, RFC 1952 §8).
///
/// Eight bytes a step ("slicing by eight"): byte by byte each step waits for the one before it, and
/// that took longer than everything else that is checked of a token without its secret.
enum CRC32 {
  /// Eight tables of 256: the k-th says what a byte becomes with k bytes of zero behind it.
  private static let tables: [UInt32] = {
    var tables = (0 ..< 256).map { index in
      var value = UInt32(truncatingIfNeeded: index)
      for _ in 0 ..< 8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
      return value
    }
    for index in 0 ..< 7 * 256 {
      let shorter = tables[index]
      tables.append(shorter >> 8 ^ tables[Int(shorter & 0xFF)])
    }
    return tables
  }()

  static func checksum(of bytes: Span<UInt8>) -> UInt32 {
    let tables = Self.tables.span
    var value = UInt32.max
    var index = 0
    while index + 8 <= bytes.count {
      let word = bytes.word(at: index) ^ UInt64(value)
      value = 0
      for place in 0 ..< 8 {
        let byte = Int(truncatingIfNeeded: word >> UInt64(place * 8) & 0xFF)
        value ^= tables[(7 - place) * 256 + byte]
      }
      index += 8
    }
    while index < bytes.count {
      value = tables[Int((value ^ UInt32(bytes[index])) & 0xFF)] ^ (value >> 8)
      index += 1
    }
    return ~value
  }
}
