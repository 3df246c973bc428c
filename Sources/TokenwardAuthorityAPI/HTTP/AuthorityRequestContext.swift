// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Hummingbird
internal import NIOCore
internal import NIOSSL
internal import TokenwardCore

/// What is known of the connection that a request came over.
struct AuthorityRequestContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  private let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    self.coreContext = .init(source: source)
    self.channel = source.channel
  }

  /// The caller's address as the gRPC transports write it; nil if it has none.
  var peer: String? {
    guard let address = self.channel.remoteAddress, let host = address.ipAddress,
      let port = address.port
    else { return nil }
    return switch address {
    case .v4: "ipv4:\(host):\(port)"
    case .v6: "ipv6:[\(host)]:\(port)"
    case .unixDomainSocket: nil
    }
  }

  /// The certificate that the client has proven in the handshake; nil if there is none. Only where
  /// the listener verifies certificates: one that nobody has verified proves nothing.
  func peerCertificate() async -> CertificateThumbprint? {
    guard let certificate = try? await self.channel.nioSSL_peerCertificate().get(),
      let der = try? certificate.toDERBytes()
    else { return nil }
    return CertificateThumbprint(der: der)
  }
}
