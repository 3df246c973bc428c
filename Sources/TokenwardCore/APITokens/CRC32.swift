// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// CRC-32 of ISO 3309 (as in gzip, RFC 1952 §8).
enum CRC32 {
  private static let table: [UInt32] = (0 ..< 256).map { index in
    var value = UInt32(index)
    for _ in 0 ..< 8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    return value
  }

  static func checksum(of bytes: Span<UInt8>) -> UInt32 {
    var value = UInt32.max
    for index in bytes.indices {
      value = Self.table[Int((value ^ UInt32(bytes[index])) & 0xFF)] ^ (value >> 8)
    }
    return ~value
  }
}
