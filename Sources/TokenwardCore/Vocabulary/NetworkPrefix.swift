// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// An IP network: an address and how many of its leading bits count (RFC 4632 §3.1, RFC 4291 §2.3).
///
/// An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is the IPv4 address in it: a listener that takes
/// both families names IPv4 callers that way, and a rule about them must not depend on the listener.
public struct NetworkPrefix: Hashable, Sendable {
  private let bits: AddressBits
  /// Leading bits of the IPv6 form that count, 96 more than of an IPv4 address.
  private let bitCount: UInt8

  /// - Parameters:
  ///   - address: 4 or 16 bytes.
  ///   - length: how many leading bits count. Nil if there are not that many, or if a bit behind them
  ///     is set: `10.0.0.1/8` is a typing error, and which of its two halves is wrong would be a guess.
  package init?(address: [UInt8], length: Int) {
    guard let bits = AddressBits(bytes: address) else { return nil }
    self.init(bits, length: length, of: address.count * 8)
  }

  private init?(_ bits: AddressBits, length: Int, of width: Int) {
    guard (0 ... width).contains(length) else { return nil }
    let bitCount = length + 128 - width
    guard bits.masked(to: bitCount) == bits else { return nil }
    self.bits = bits
    self.bitCount = UInt8(bitCount)
  }

  /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address. Numbers are decimal without leading
  /// zeros, which others read as octal (CVE-2021-28918); IPv6 addresses have the forms of RFC 4291
  /// §2.2, without a zone. Nil for any other text, and for an address with bits behind the prefix.
  public init?(_ text: String) {
    let bytes = text.utf8.span
    guard bytes.count <= 49 else { return nil }
    var end = bytes.count
    for index in bytes.indices where bytes[index] == UInt8(ascii: "/") {
      end = index
      break
    }
    guard let parsed = AddressBits.parse(bytes.extracting(0 ..< end)) else { return nil }
    let width = parsed.isIPv4 ? 32 : 128
    guard end < bytes.count else {
      self.init(parsed.bits, length: width, of: width)
      return
    }
    guard
      let length = AddressBits.decimal(bytes.extracting(end + 1 ..< bytes.count), atMost: width)
    else { return nil }
    self.init(parsed.bits, length: length, of: width)
  }

  /// Whether it is a network of IPv4 addresses.
  public var isIPv4: Bool { self.bits.isIPv4 && self.bitCount >= 96 }

  /// How many leading bits count: up to 32 for IPv4, up to 128 for IPv6.
  public var length: Int { Int(self.bitCount) - (self.isIPv4 ? 96 : 0) }

  /// 4 bytes for IPv4, 16 for IPv6; the bits behind the prefix are zero.
  package var address: [UInt8] { self.isIPv4 ? Array(self.bits.bytes.suffix(4)) : self.bits.bytes }

  /// Whether an address is in the network. One of the other family never is: `::/0` is no IPv4
  /// network.
  package func contains(_ other: PeerAddress) -> Bool {
    guard self.isIPv4 == other.bits.isIPv4 else { return false }
    return other.bits.masked(to: Int(self.bitCount)) == self.bits
  }

  /// Whether an address of 4 or 16 bytes is in the network.
  package func contains(_ other: [UInt8]) -> Bool {
    guard let bits = AddressBits(bytes: other) else { return false }
    return self.contains(PeerAddress(bits))
  }
}

extension NetworkPrefix: CustomStringConvertible {
  /// The one canonical text of it: RFC 5952 §4 and a length, that of a single address too.
  public var description: String {
    "\(self.isIPv4 ? self.bits.ipv4Text : self.bits.ipv6Text)/\(self.length)"
  }
}
