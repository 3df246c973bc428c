// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCNIOTransportHTTP2
internal import NIOCore
internal import NIOSSL
public import TokenwardCore
internal import TokenwardGRPC

extension GuardedTransportSecurity {
  /// TLS 1.2 or later with a certificate that is renewed without a restart. Clients have to agree on
  /// HTTP/2 by ALPN.
  ///
  /// - Parameter identity: the server's certificates and key. Run it beside the server.
  /// - Throws: `ConfigurationError` if the transport refuses them.
  public static func tls(identity: ReloadingIdentity) throws(ConfigurationError) -> Self {
    Self(
      posix: try Self.posix {
        try .tls(certificateReloader: PresentIdentity(identity: identity)) { $0.requireALPN = true }
      },
      security: .tls,
      peerCertificate: { _ in nil }
    )
  }

  /// TLS 1.2 or later with verified client certificates, where the server's certificate and the
  /// authorities of the clients are renewed without a restart.
  ///
  /// No session is resumed: a client that has a session from before would be let in without its
  /// certificate being looked at, long after its authority was taken out of the file (RFC 8446
  /// §4.6.1 binds a ticket to the earlier handshake). Each connection is a full handshake.
  ///
  /// - Parameters:
  ///   - identity: the server's certificates and key. Run it beside the server.
  ///   - clientRoots: who may have signed a client's certificate. Run it beside the server.
  /// - Throws: `ConfigurationError` if the transport refuses them.
  public static func mTLS(
    identity: ReloadingIdentity,
    clientRoots: ReloadingTrustRoots
  ) throws(ConfigurationError) -> Self {
    let initial = clientRoots.present
    return Self(
      posix: try Self.posix {
        try .mTLS(certificateReloader: PresentIdentity(identity: identity)) { tls in
          tls.requireALPN = true
          tls.trustRoots = initial.source
        }
      },
      security: .tls,
      peerCertificate: { $0.posixPeerCertificate },
      onAccept: FreshHandshakes(identity: identity, clientRoots: clientRoots).prepare
    )
  }

  private static func posix(
    _ make: () throws -> HTTP2ServerTransport.Posix.TransportSecurity
  ) throws(ConfigurationError) -> HTTP2ServerTransport.Posix.TransportSecurity {
    do {
      return try make()
    } catch {
      throw ConfigurationError(
        path: "tls.certificate",
        problem: "the transport refuses the certificate or its key",
        hint: "use an RSA, ECDSA or Ed25519 key"
      )
    }
  }
}

extension TrustRoots {
  /// The same for the transport's configuration, which has them for the time before the first
  /// handshake only.
  var source: TLSConfig.TrustRootsSource {
    .certificates(
      self.certificates.compactMap { certificate in
        (try? certificate.toDERBytes()).map { .bytes($0, format: .der) }
      }
    )
  }
}

/// Gives each accepted connection a TLS context of its own, made of what is trusted at that moment.
///
/// The transport has one context for its lifetime, and neither its roots nor its tickets can be
/// replaced. A context also holds the keys of its session tickets, so that one of its own for each
/// connection is what forbids resumption.
struct FreshHandshakes: Sendable {
  let identity: ReloadingIdentity
  let clientRoots: ReloadingTrustRoots

  /// Replaces the transport's own TLS handler before the first byte is read. If that fails, the
  /// connection is closed.
  func prepare(_ channel: any Channel) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      let stale = try pipeline.handler(type: NIOSSLServerHandler.self)
      let fresh = NIOSSLServerHandler(context: try NIOSSLContext(configuration: self.configuration))
      try pipeline.addHandler(fresh, position: .before(stale))
      return pipeline.removeHandler(stale)
    }.flatMap { $0 }
  }

  private var configuration: TLSConfiguration {
    var configuration = self.identity.present.serverConfiguration
    configuration.certificateVerification = .noHostnameVerification
    configuration.trustRoots = .certificates(self.clientRoots.present.certificates)
    return configuration
  }
}
