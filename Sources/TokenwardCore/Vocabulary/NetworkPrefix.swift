// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// An IP network: an address and how many of its leading bits count (RFC 4632 §3.1, RFC 4291 §2.3).
public struct NetworkPrefix: Hashable, Sendable {
  /// 4 bytes for IPv4, 16 for IPv6; the bits behind the prefix are zero.
  package let address: [UInt8]
  /// How many leading bits count.
  public let length: Int

  /// - Parameters:
  ///   - address: 4 or 16 bytes.
  ///   - length: how many leading bits count. Nil if there are not that many, or if a bit behind them
  ///     is set: `10.0.0.1/8` is a typing error, and which of its two halves is wrong would be a guess.
  package init?(address: [UInt8], length: Int) {
    guard address.count == 4 || address.count == 16, (0 ... address.count * 8).contains(length)
    else { return nil }
    for index in address.indices {
      let kept = min(max(length - index * 8, 0), 8)
      guard kept == 8 || address[index] & (0xFF >> UInt8(kept)) == 0 else { return nil }
    }
    self.address = address
    self.length = length
  }

  /// Whether an address is in the network. One of the other family never is.
  package func contains(_ other: [UInt8]) -> Bool {
    guard other.count == self.address.count else { return false }
    for index in other.indices {
      let kept = min(max(self.length - index * 8, 0), 8)
      guard kept > 0 else { return true }
      let mask = UInt8(truncatingIfNeeded: 0xFF00 >> kept)
      guard (other[index] ^ self.address[index]) & mask == 0 else { return false }
    }
    return true
  }
}
