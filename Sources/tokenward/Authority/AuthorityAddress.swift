// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import GRPCNIOTransportHTTP2
internal import TokenwardCore
internal import TokenwardGRPC

/// Where an authority is: a name or an address, and a port.
struct AuthorityAddress: Sendable, ExpressibleByArgument {
  /// Checked and in lower case.
  let host: BoundHost

  /// Reads `tokens.example.com:8443` and `[::1]:8443`; nil for anything else.
  init?(argument: String) {
    let bytes = Array(argument.utf8)
    guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    let digits = bytes[(colon + 1)...]
    guard (1 ... 5).contains(digits.count),
      digits.allSatisfy((UInt8(ascii: "0") ... UInt8(ascii: "9")).contains),
      let port = Int(String(decoding: digits, as: UTF8.self))
    else { return nil }
    var name = bytes[..<colon]
    let isBracketed = name.first == UInt8(ascii: "[") && name.last == UInt8(ascii: "]")
    if isBracketed { name = name.dropFirst().dropLast() }
    guard name.contains(UInt8(ascii: ":")) == isBracketed,
      let host = try? BoundHost(String(decoding: name, as: UTF8.self), port: port)
    else { return nil }
    self.host = host
  }

  /// As the transport wants it. A name is looked up; an address is not.
  var target: any ResolvableTarget {
    let (name, port) = (self.host.host, self.host.port)
    if name.utf8.contains(UInt8(ascii: ":")) {
      return ResolvableTargets.IPv6(addresses: [.init(host: name, port: port)])
    }
    let isIPv4 = name.utf8.allSatisfy { (0x30 ... 0x39).contains($0) || $0 == 0x2E }
    return isIPv4
      ? ResolvableTargets.IPv4(addresses: [.init(host: name, port: port)])
      : ResolvableTargets.DNS(host: name, port: port)
  }
}
