// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The IP address of a caller. IPv4-mapped IPv6 addresses are the IPv4 addresses in them.
public struct PeerAddress: Hashable, Sendable {
  let bits: AddressBits

  init(_ bits: AddressBits) { self.bits = bits }

  /// Reads what a transport says of its peer: `ipv4:127.0.0.1:1234` or `ipv6:[::1]:1234`, as
  /// grpc-swift writes it.
  ///
  /// Nil for everything else: a Unix domain socket has no address, and neither has `<unknown>`, a
  /// host name or a text with a zone. What is unclear is no address; a token that is limited to
  /// networks is denied then.
  public init?(peer: String) {
    let bytes = peer.utf8.span
    guard (6 ... 64).contains(bytes.count), bytes[0] == UInt8(ascii: "i"),
      bytes[1] == UInt8(ascii: "p"), bytes[2] == UInt8(ascii: "v"), bytes[4] == UInt8(ascii: ":")
    else { return nil }
    // The port is behind the last colon.
    var colon = bytes.count - 1
    while colon > 4, bytes[colon] != UInt8(ascii: ":") { colon -= 1 }
    guard colon > 5,
      AddressBits.decimal(bytes.extracting(colon + 1 ..< bytes.count), atMost: 65_535) != nil
    else { return nil }
    var host = 5 ..< colon
    let isIPv4: Bool
    switch bytes[3] {
    case UInt8(ascii: "4"):
      isIPv4 = true
    case UInt8(ascii: "6"):
      isIPv4 = false
      guard host.count > 2, bytes[5] == UInt8(ascii: "["), bytes[colon - 1] == UInt8(ascii: "]")
      else { return nil }
      host = 6 ..< colon - 1
    default:
      return nil
    }
    guard let parsed = AddressBits.parse(bytes.extracting(host)), parsed.isIPv4 == isIPv4 else {
      return nil
    }
    self.bits = parsed.bits
  }

  /// Reads an address by itself, in the forms of ``NetworkPrefix/init(_:)``. Nil for other text.
  public init?(_ text: String) {
    guard let parsed = AddressBits.parse(text.utf8.span) else { return nil }
    self.bits = parsed.bits
  }

  /// Whether it is an IPv4 address.
  public var isIPv4: Bool { self.bits.isIPv4 }
}

extension PeerAddress: CustomStringConvertible {
  /// The one canonical text of it (RFC 5952 §4).
  public var description: String {
    self.bits.isIPv4 ? self.bits.ipv4Text : self.bits.ipv6Text
  }
}
