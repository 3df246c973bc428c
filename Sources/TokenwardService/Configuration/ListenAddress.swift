// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// An address and a port to listen on.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// An IPv4 or IPv6 address, without brackets.
  public let host: String
  /// 0 to 65,535; 0 lets the system choose.
  public let port: Int

  /// Reads `127.0.0.1:8443` or `[::1]:8443`; nil for anything else. Names are not resolved: what
  /// `localhost` means is for another file to say, and may change.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    let digits = bytes[(colon + 1)...]
    guard (1 ... 5).contains(digits.count),
      digits.allSatisfy((UInt8(ascii: "0") ... UInt8(ascii: "9")).contains)
    else { return nil }
    let port = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    guard port <= 65_535 else { return nil }

    var host = bytes[..<colon]
    let isIPv6 = host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]")
    if isIPv6 { host = host.dropFirst().dropLast() }
    self.host = String(decoding: host, as: UTF8.self)
    self.port = port
    guard Self.parse(self.host, isIPv6: isIPv6) != nil else { return nil }
  }

  /// Whether only processes of this machine can connect: 127.0.0.0/8 and ::1 (RFC 1122 §3.2.1.3,
  /// RFC 4291 §2.5.3).
  public var isLoopback: Bool {
    if let bytes = Self.parse(self.host, isIPv6: false) { return bytes.first == 127 }
    guard let bytes = Self.parse(self.host, isIPv6: true) else { return false }
    return bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
  }

  /// `host:port`, with brackets around an IPv6 address.
  public var description: String {
    self.host.utf8.contains(UInt8(ascii: ":"))
      ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
  }

  /// The address in network order. `inet_pton` reads no octal, hexadecimal or short forms, which
  /// other readers take for other addresses.
  private static func parse(_ host: String, isIPv6: Bool) -> [UInt8]? {
    // The system's reader ends at a NUL.
    guard !host.utf8.contains(0) else { return nil }
    var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
    let result = bytes.withUnsafeMutableBytes {
      inet_pton(isIPv6 ? AF_INET6 : AF_INET, host, $0.baseAddress)
    }
    return result == 1 ? bytes : nil
  }
}
