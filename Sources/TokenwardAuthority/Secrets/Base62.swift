// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Random text of 62 digits, each as likely as any other.
package enum Base62 {
  /// The first 248 values of a byte are four times 62; the other eight would make some digits more
  /// likely and are thrown away.
  private static let fair: UInt8 = 248

  /// - Parameters:
  ///   - count: how many digits.
  ///   - next: fills a buffer with random bytes.
  package static func digits(_ count: Int, from next: () -> [UInt8]) -> [UInt8] {
    var digits: [UInt8] = []
    digits.reserveCapacity(count)
    while digits.count < count {
      var bytes = next()
      for byte in bytes where byte < Self.fair && digits.count < count {
        digits.append(APITokenFormat.digits[Int(byte % 62)])
      }
      bytes.wipe()
    }
    return digits
  }

  /// Digits of the system's generator.
  package static func random(_ count: Int) -> [UInt8] {
    Self.digits(count) {
      var generator = SystemRandomNumberGenerator()
      var bytes: [UInt8] = []
      bytes.reserveCapacity(64)
      for _ in 0 ..< 8 {
        var word = generator.next()
        for _ in 0 ..< 8 {
          bytes.append(UInt8(truncatingIfNeeded: word))
          word >>= 8
        }
      }
      return bytes
    }
  }
}

extension [UInt8] {
  /// Writes over the bytes. A best effort, as that of ``TokenwardCore/SecretBytes``.
  mutating func wipe() {
    unsafe self.withUnsafeMutableBytes { buffer in
      guard let start = buffer.baseAddress else { return }
      #if canImport(Darwin)
      _ = unsafe memset_s(start, buffer.count, 0, buffer.count)
      #else
      unsafe explicit_bzero(start, buffer.count)
      #endif
    }
  }
}
