// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import NIOCore
internal import NIOSSL
internal import SwiftASN1
internal import TokenwardCore
internal import X509

/// The TLS library also accepts a certificate for the *address* that the name led to, and one that
/// has the name only as a common name. Whoever can make a name lead to an address of his own can have
/// a certificate for that address; it proves nothing about the name (catalogue J15, RFC 9525 §6.1).
extension ServerName {
  /// - Parameters:
  ///   - der: the server's certificate.
  ///   - host: a name in lower case, or an address: that the library compares itself.
  static func isNamed(in der: [UInt8], _ host: RemoteURL) -> Bool {
    if host.isAddress { return true }
    guard let certificate = try? Certificate(derEncoded: der),
      let names = try? certificate.extensions.subjectAlternativeNames
    else { return false }
    return names.contains { name in
      if case .dnsName(let pattern) = name { Self.matches(pattern, host.host) } else { false }
    }
  }
}

extension Channel {
  /// Closes the connection and fails unless the server's certificate is for this host.
  func checkServerName(_ host: RemoteURL) -> EventLoopFuture<Void> {
    self.nioSSL_peerCertificate().flatMapThrowing { certificate in
      guard let certificate, let der = try? certificate.toDERBytes(),
        ServerName.isNamed(in: der, host)
      else { throw HTTPFailure.tlsFailed }
    }.flatMapError { error in
      self.close().recover { _ in }.flatMapThrowing { throw error }
    }
  }
}
