// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The address of something that is fetched: `https`, a host, perhaps a port, a path and perhaps a
/// query, in a grammar that every parser reads the same way.
///
/// There is no user part (`https://issuer.example.com@evil.example`), no fragment, no percent-encoded
/// host, no empty or numeric-looking host other than a plain IP address: those are how two parsers
/// come to see two hosts in one address (CWE-918).
public struct RemoteURL: Hashable, Sendable, CustomStringConvertible {
  /// The longest accepted address, in bytes.
  public static let maximumLength = 2_048

  /// Why `http` without TLS is accepted, and then for loopback addresses only.
  public struct Plaintext: Hashable, Sendable {
    let reason: String
    /// - Parameter reason: why nobody can listen; for the reader of the configuration.
    public init(because reason: String) { self.reason = reason }
  }

  /// What is wrong with an address.
  public enum Problem: Error, Hashable, Sendable {
    /// Outside the grammar above, or longer than ``RemoteURL/maximumLength``.
    case malformed
    /// `http`, where nothing says why.
    case plaintext
    /// `http` to a host that is not a loopback address.
    case plaintextToElsewhere
  }

  /// Whether the connection is protected by TLS.
  public let isTLS: Bool
  /// The host in lower case; an IPv6 address without brackets.
  public let host: String
  /// The port; 443 or 80 unless the address says otherwise.
  public let port: Int
  /// The path with its query, from the first slash on.
  public let target: String

  /// - Parameters:
  ///   - text: the address.
  ///   - plaintext: why `http` is accepted; it is not unless given.
  public init(_ text: String, plaintext: Plaintext? = nil) throws(Problem) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.maximumLength, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw .malformed
    }
    let rest: ArraySlice<UInt8>
    if bytes.starts(with: "https://".utf8) {
      self.isTLS = true
      rest = bytes.dropFirst(8)
    } else if bytes.starts(with: "http://".utf8) {
      self.isTLS = false
      rest = bytes.dropFirst(7)
    } else {
      throw .malformed
    }
    let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
    let target = rest.dropFirst(authority.count)
    guard let (host, port) = Self.authority(authority, isTLS: self.isTLS),
      target.allSatisfy(Self.isTargetByte), target.first != UInt8(ascii: "?")
    else { throw .malformed }
    self.host = host
    self.port = port
    self.target = target.isEmpty ? "/" : String(decoding: target, as: UTF8.self)
    if !self.isTLS {
      // Blank is empty: U+0020 and the ASCII controls are not a reason.
      guard let plaintext, plaintext.reason.utf8.contains(where: { $0 > 0x20 && $0 != 0x7F })
      else { throw .plaintext }
      guard self.isLoopback else { throw .plaintextToElsewhere }
    }
  }

  /// Whether the host is a loopback address, written as such. A name may resolve to anything.
  public var isLoopback: Bool {
    self.host.hasSameBytes(as: "::1")
      || (Self.isIPv4(Array(self.host.utf8)) && self.host.utf8.starts(with: "127.".utf8))
  }

  /// Whether the host is an IP address instead of a name.
  public var isAddress: Bool {
    self.host.utf8.contains(UInt8(ascii: ":")) || Self.isIPv4(Array(self.host.utf8))
  }

  /// Whether both addresses lead to the same port of the same host with the same protection.
  public func hasSameOrigin(as other: RemoteURL) -> Bool {
    self.isTLS == other.isTLS && self.port == other.port && self.host.hasSameBytes(as: other.host)
  }

  /// The path without its query.
  public var path: String {
    String(decoding: self.target.utf8.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
  }

  /// The same host with another path.
  /// - Parameter path: begins with a slash.
  package func replacing(path: String) throws(Problem) -> RemoteURL {
    try RemoteURL(
      "\(self.origin)\(path)",
      plaintext: self.isTLS ? nil : Plaintext(because: "the same host")
    )
  }

  /// Scheme, host and port.
  package var origin: String {
    let host = self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]" : self.host
    let isDefault = self.port == (self.isTLS ? 443 : 80)
    return "\(self.isTLS ? "https" : "http")://\(host)\(isDefault ? "" : ":\(self.port)")"
  }

  /// The whole address.
  package var text: String { "\(self.origin)\(self.target)" }

  /// The address without its query, which may name somebody.
  public var description: String { "\(self.origin)\(self.path)" }

  /// Whether the addresses are the same, byte for byte after the default port is filled in.
  public static func == (lhs: Self, rhs: Self) -> Bool {
    lhs.hasSameOrigin(as: rhs) && lhs.target.hasSameBytes(as: rhs.target)
  }

  /// Hashes what is compared.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(self.port)
    self.host.hashBytes(into: &hasher)
    self.target.hashBytes(into: &hasher)
  }
}

extension RemoteURL {
  private static func authority(
    _ bytes: ArraySlice<UInt8>,
    isTLS: Bool
  ) -> (host: String, port: Int)? {
    var host = bytes
    var port = isTLS ? 443 : 80
    if bytes.first == UInt8(ascii: "[") {
      guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      host = bytes[bytes.index(after: bytes.startIndex) ..< close]
      let rest = bytes[bytes.index(after: close)...]
      guard Self.isIPv6(host) else { return nil }
      if !rest.isEmpty {
        guard rest.first == UInt8(ascii: ":"), let given = Self.port(rest.dropFirst()) else {
          return nil
        }
        port = given
      }
    } else {
      if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
        guard let given = Self.port(bytes[bytes.index(after: colon)...]) else { return nil }
        port = given
        host = bytes[..<colon]
      }
      guard Self.isName(host) || Self.isIPv4(Array(host)) else { return nil }
    }
    let lowered = host.map { (65 ... 90).contains($0) ? $0 + 32 : $0 }
    return (String(decoding: lowered, as: UTF8.self), port)
  }

  private static func port(_ digits: ArraySlice<UInt8>) -> Int? {
    guard (1 ... 5).contains(digits.count), digits.allSatisfy(Self.isDigit),
      digits.first != UInt8(ascii: "0")
    else { return nil }
    let port = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    return port <= 65_535 ? port : nil
  }

  /// Labels of letters, digits and hyphens (RFC 1123 §2.1). The last label has a letter: what looks
  /// like a number is an address to some resolvers, in octal, hexadecimal or with fewer parts
  /// (`0x7f.1`, `2130706433`).
  private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard (1 ... 253).contains(bytes.count) else { return false }
    let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let areLabels = labels.allSatisfy { label in
      (1 ... 63).contains(label.count) && label.first != UInt8(ascii: "-")
        && label.last != UInt8(ascii: "-")
        && label.allSatisfy { Self.isLetter($0) || Self.isDigit($0) || $0 == UInt8(ascii: "-") }
    }
    guard areLabels, let last = labels.last else { return false }
    let looksHexadecimal = last.starts(with: "0x".utf8) || last.starts(with: "0X".utf8)
    return !looksHexadecimal && last.contains(where: Self.isLetter)
  }

  private static func isIPv4(_ bytes: [UInt8]) -> Bool {
    let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        (1 ... 3).contains(part.count) && part.allSatisfy(Self.isDigit)
          && (part.count == 1 || part.first != UInt8(ascii: "0"))
          && part.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } <= 255
      }
  }

  /// Hexadecimal groups and colons; no zone, no embedded IPv4. Whether the groups make an address is
  /// for the system to say.
  private static func isIPv6(_ bytes: ArraySlice<UInt8>) -> Bool {
    (2 ... 39).contains(bytes.count) && bytes.contains(UInt8(ascii: ":"))
      && bytes.allSatisfy { byte in
        Self.isDigit(byte) || byte == UInt8(ascii: ":")
          || (UInt8(ascii: "a") ... UInt8(ascii: "f")).contains(byte | 0x20)
      }
  }

  /// The bytes of a path and a query (RFC 3986 §3.3 and §3.4). No fragment, no backslash.
  private static func isTargetByte(_ byte: UInt8) -> Bool {
    Self.isLetter(byte) || Self.isDigit(byte) || "/?-._~%!$&'()*+,;=:@".utf8.contains(byte)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0") ... UInt8(ascii: "9")).contains(byte)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a") ... UInt8(ascii: "z")).contains(byte | 0x20)
  }
}
