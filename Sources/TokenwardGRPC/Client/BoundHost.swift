// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// A host that a credential may be presented to: a name or an address, and a port.
///
/// A token is a secret that its receiver can use. A client that presents it to whatever host a
/// configuration, a redirect or a copied line names gives it to the owner of that host. Hosts are
/// compared by the bytes of their lower-case form: no wildcard, no trailing dot, no other port.
public struct BoundHost: Sendable, Hashable, CustomStringConvertible {
  /// In lower case; an IPv6 address without brackets.
  public let host: String
  /// From 1 to 65,535.
  public let port: Int

  /// - Parameters:
  ///   - host: letters, digits, hyphens and dots, or an IPv6 address without brackets.
  ///   - port: 443 unless given.
  /// - Throws: `ConfigurationError` for anything else.
  public init(_ host: String, port: Int = 443) throws(ConfigurationError) {
    let bytes = Array(host.utf8)
    let isAddress = bytes.contains(UInt8(ascii: ":"))
    guard (1 ... 253).contains(bytes.count), (1 ... 65_535).contains(port),
      bytes.first != UInt8(ascii: "."), bytes.last != UInt8(ascii: "."),
      bytes.allSatisfy(isAddress ? Self.isAddressByte : Self.isNameByte)
    else {
      throw ConfigurationError(
        path: "client.bound_to",
        problem: "a credential cannot be bound to this host",
        hint: "name one host without scheme, path, wildcard or brackets, and its port: "
          + "orders.example.com and 8443"
      )
    }
    self.host = String(
      decoding: bytes.map { (65 ... 90).contains($0) ? $0 + 32 : $0 },
      as: UTF8.self
    )
    self.port = port
  }

  /// Host and port.
  public var description: String {
    let isAddress = self.host.utf8.contains(UInt8(ascii: ":"))
    return isAddress ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
  }

  /// Whether both are the same, byte for byte.
  public static func == (lhs: Self, rhs: Self) -> Bool {
    lhs.port == rhs.port && lhs.host.hasSameBytes(as: rhs.host)
  }

  /// Hashes what is compared.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(self.port)
    self.host.hashBytes(into: &hasher)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    Self.isDigit(byte) || (UInt8(ascii: "a") ... UInt8(ascii: "z")).contains(byte | 0x20)
      || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
  }

  private static func isAddressByte(_ byte: UInt8) -> Bool {
    Self.isDigit(byte) || (UInt8(ascii: "a") ... UInt8(ascii: "f")).contains(byte | 0x20)
      || byte == UInt8(ascii: ":")
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0") ... UInt8(ascii: "9")).contains(byte)
  }
}
