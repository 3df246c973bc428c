// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
public import GRPCNIOTransportHTTP2
internal import NIOCore
public import NIOPosix
public import TokenwardCore
public import TokenwardGRPC

extension ServerTransport where Self == GuardedServerTransport<HTTP2ServerTransport.Posix> {
  /// A guarded HTTP/2 transport.
  ///
  /// ```swift
  /// let server = GRPCServer(
  ///   transport: try .http2NIOPosix(
  ///     guardedBy: requestGuard,
  ///     address: .ipv4(host: "0.0.0.0", port: 8443),
  ///     transportSecurity: .tls(certificateChain: [chain], privateKey: key)
  ///   ),
  ///   services: [orders]
  /// )
  /// ```
  ///
  /// With mutual TLS the client's certificate is handed to the guard, and tokens that are bound to
  /// a certificate (RFC 8705) are accepted with that certificate only.
  ///
  /// - Parameters:
  ///   - requestGuard: what decides about every call.
  ///   - address: where to listen.
  ///   - transportSecurity: TLS, or the reason why there is none.
  ///   - config: the transport's own limits, hardened unless given.
  ///   - streams: told about calls that are let in; nobody unless given.
  ///   - eventLoopGroup: the event loops to run on.
  /// - Throws: `ConfigurationError` if plaintext is asked for without a reason.
  public static func http2NIOPosix(
    guardedBy requestGuard: RequestGuard,
    address: GRPCNIOTransportHTTP2.SocketAddress,
    transportSecurity: GuardedTransportSecurity,
    config: HTTP2ServerTransport.Posix.Config = .hardened,
    streams: (any StreamObserver)? = nil,
    eventLoopGroup: MultiThreadedEventLoopGroup = .singletonMultiThreadedEventLoopGroup
  ) throws(ConfigurationError) -> Self {
    try GuardedServerTransport(
      wrapping: HTTP2ServerTransport.Posix(
        address: address,
        transportSecurity: transportSecurity.posix,
        config: transportSecurity.prepared(config),
        eventLoopGroup: eventLoopGroup
      ),
      guardedBy: requestGuard,
      security: transportSecurity.security,
      streams: streams,
      peerCertificate: transportSecurity.peerCertificate
    )
  }
}

extension GuardedServerTransport: ListeningServerTransport where Base: ListeningServerTransport {
  /// Where the transport listens, as soon as it does.
  ///
  /// Throws the `ConfigurationError` of a server that refuses to start.
  public var listeningAddress: GRPCNIOTransportHTTP2.SocketAddress {
    get async throws {
      try await self.proven()
      return try await self.base.listeningAddress
    }
  }
}

/// How a guarded HTTP/2 transport protects tokens on their way. Unlike the transport's own type it
/// has no plain `.plaintext`.
public struct GuardedTransportSecurity: Sendable {
  let posix: HTTP2ServerTransport.Posix.TransportSecurity
  let security: TransportSecurity
  /// Reads the verified client certificate, where there can be one: looking costs time in every call.
  let peerCertificate: @Sendable (ServerContext) -> CertificateThumbprint?
  /// Prepares each accepted connection, where something about it has to be decided then.
  var onAccept: (@Sendable (any Channel) -> EventLoopFuture<Void>)?

  /// The configuration, in which what the caller wants to do with a connection comes second.
  func prepared(
    _ config: HTTP2ServerTransport.Posix.Config
  ) -> HTTP2ServerTransport.Posix.Config {
    guard let onAccept = self.onAccept else { return config }
    var config = config
    let next = config.channelDebuggingCallbacks.onAcceptTCPConnection
    config.channelDebuggingCallbacks.onAcceptTCPConnection = { channel in
      let prepared = onAccept(channel)
      guard let next else { return prepared }
      return prepared.flatMap { next(channel) }
    }
    return config
  }

  /// TLS with the given configuration.
  public static func tls(
    _ tls: HTTP2ServerTransport.Posix.TransportSecurity.TLS
  ) -> Self {
    guard tls.clientCertificateVerification != .noVerification else {
      return Self(posix: .tls(tls), security: .tls, peerCertificate: { _ in nil })
    }
    return Self(posix: .tls(tls), security: .tls, peerCertificate: { $0.posixPeerCertificate })
  }

  /// TLS. Clients have to agree on HTTP/2 by ALPN (RFC 9113 §3.3), so that no client can be talked
  /// into another protocol with the same certificate.
  ///
  /// - Parameters:
  ///   - certificateChain: the server's certificates, its own first.
  ///   - privateKey: the key of the first one.
  ///   - configure: changes the configuration before it is used.
  public static func tls(
    certificateChain: [TLSConfig.CertificateSource],
    privateKey: TLSConfig.PrivateKeySource,
    configure: (inout HTTP2ServerTransport.Posix.TransportSecurity.TLS) -> Void = { _ in }
  ) -> Self {
    .tls(
      .defaults(certificateChain: certificateChain, privateKey: privateKey) { tls in
        tls.requireALPN = true
        configure(&tls)
      }
    )
  }

  /// TLS with verified client certificates.
  ///
  /// A client that comes back may resume its session (RFC 8446 §2.2), for up to a week: its
  /// certificate is then the one that was verified before, and its dates are not looked at again.
  /// With ``mTLS(identity:clientRoots:)`` they are, in every handshake.
  ///
  /// - Parameters:
  ///   - certificateChain: the server's certificates, its own first.
  ///   - privateKey: the key of the first one.
  ///   - clientRoots: who may have signed a client's certificate. There is no default: the
  ///     system's roots would let in anyone who owns a domain name.
  ///   - configure: changes the configuration before it is used.
  public static func mTLS(
    certificateChain: [TLSConfig.CertificateSource],
    privateKey: TLSConfig.PrivateKeySource,
    clientRoots: TLSConfig.TrustRootsSource,
    configure: (inout HTTP2ServerTransport.Posix.TransportSecurity.TLS) -> Void = { _ in }
  ) -> Self {
    .tls(
      .mTLS(certificateChain: certificateChain, privateKey: privateKey) { tls in
        tls.requireALPN = true
        tls.trustRoots = clientRoots
        configure(&tls)
      }
    )
  }

  /// No protection. Everybody on the way can read the tokens and use them.
  /// - Parameter reason: why nobody is on the way; not empty.
  public static func plaintext(because reason: String) -> Self {
    Self(
      posix: .plaintext,
      security: .plaintext(because: reason),
      peerCertificate: { _ in nil }
    )
  }
}

extension GuardedTransportSecurity: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// Whether there is TLS.
  public var description: String { "<\(self.security)>" }
  /// Whether there is TLS.
  public var debugDescription: String { self.description }
  /// Nothing: a mirror would walk down to the bytes of the key.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
