// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import NIOCore
internal import NIOSSL
internal import SwiftASN1
internal import TokenwardCore
internal import TokenwardGRPC
internal import X509

/// Whom a server's certificate has to name.
///
/// The TLS library also accepts a certificate for the *address* that a name led to, and one that has
/// the name only as a common name. Whoever can make a name lead to an address of his own can have a
/// certificate for that address; it proves nothing about the name (RFC 9525 §6.1).
enum ExpectedServer: Sendable, Hashable {
  /// In lower case.
  case name(String)
  /// As the system writes it.
  case address(String)

  /// - Parameter host: a name, or an address without brackets; nil if it is neither.
  init?(_ host: String) {
    guard let bound = try? BoundHost(host) else { return nil }
    if let address = try? SocketAddress(ipAddress: bound.host, port: 0).ipAddress {
      self = .address(address)
    } else if bound.host.utf8.contains(UInt8(ascii: ":")) {
      return nil
    } else {
      self = .name(bound.host)
    }
  }
}

/// The alternative names of a certificate.
struct CertificateNames: Sendable {
  private let names: SubjectAlternativeNames

  /// - Parameter certificate: nil if it cannot be read, or has no alternative names.
  init?(_ certificate: NIOSSLCertificate) {
    guard let der = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: der),
      let names = try? parsed.extensions.subjectAlternativeNames
    else { return nil }
    self.names = names
  }

  /// A name is proven by a name, and an address by an address.
  func contain(_ server: ExpectedServer) -> Bool {
    self.names.contains { name in
      switch (name, server) {
      case (.dnsName(let pattern), .name(let host)):
        ServerName.matches(pattern, host)
      case (.ipAddress(let octets), .address(let address)):
        Self.text(octets)?.hasSameBytes(as: address) ?? false
      default:
        false
      }
    }
  }

  /// Whether the TLS library could take it for that of a host by its address.
  var containAddress: Bool {
    self.names.contains { if case .ipAddress = $0 { true } else { false } }
  }

  private static func text(_ octets: ASN1OctetString) -> String? {
    try? SocketAddress(packedIPAddress: ByteBuffer(bytes: octets.bytes), port: 0).ipAddress
  }
}
