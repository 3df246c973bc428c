// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore
public import NIOSSL
public import ServiceLifecycle
public import TokenwardAuthority
public import TokenwardCore

/// The HTTP face of an authority, on a listener of its own.
///
/// | path, behind the path of the issuer | method | answer |
/// |---|---|---|
/// | `/.well-known/jwks.json` | GET, HEAD | the public keys (RFC 7517 §5) |
/// | `/.well-known/oauth-authorization-server` | GET, HEAD | where everything is (RFC 8414) |
/// | `/.well-known/openid-configuration` | GET, HEAD | the same, for clients that look there |
/// | `/oauth2/token` | POST | an access token for an API token (RFC 8693, RFC 6749 §4.4) |
/// | `/oauth2/introspect` | POST | what a token is (RFC 7662) |
/// | `/oauth2/revoke` | POST | takes a token back (RFC 7009) |
///
/// The documents about the issuer are found with its path inserted behind their name, too (RFC 8414
/// §3.1). There is nothing else. HTTP/1.1 only. Nothing of a request is ever logged.
public struct AuthorityHTTPServer: Service {
  /// Most connections at a time, unless there are too few descriptors for that. Further ones are
  /// closed at once.
  public static let maximumConnections = ConnectionAdmission.mostByDefault
  /// Most connections of one address at a time.
  public static let maximumConnectionsPerAddress = ConnectionAdmission.mostPerAddressByDefault
  /// How long a connection may be idle, in seconds.
  public static let idleSeconds: Int64 = 30
  /// How long a request may take to arrive, in seconds.
  public static let requestSeconds: Int64 = 10

  /// How the connections are protected.
  public struct Security: Sendable {
    fileprivate enum Kind: Sendable {
      case tls(TLSConfiguration)
      case following(@Sendable () -> TLSConfiguration)
      case plaintext(because: String)
    }

    fileprivate let kind: Kind

    /// TLS. If the configuration verifies client certificates, tokens that are bound to one can be
    /// exchanged here by who proves it; no session is resumed then, because a client that resumes
    /// one proves nothing anew.
    public static func tls(_ configuration: TLSConfiguration) -> Self {
      Self(kind: .tls(configuration))
    }

    /// TLS with verified client certificates, where each connection has what is trusted when it
    /// begins.
    /// - Parameter configuration: asked for each connection.
    package static func tls(
      following configuration: @escaping @Sendable () -> TLSConfiguration
    ) -> Self {
      Self(kind: .following(configuration))
    }

    /// No TLS: tokens cross the network in the clear. Only behind something that ends TLS on the same
    /// machine, or on loopback.
    /// - Parameter reason: why that is safe; for who reads the code.
    public static func plaintext(because reason: String) -> Self {
      Self(kind: .plaintext(because: reason))
    }
  }

  private let host: String
  private let port: Int
  private let tls: ConnectionTLS?
  private let admission: ConnectionAdmission
  private let routes: AuthorityRoutes
  private let onListening: @Sendable (Int) -> Void
  private let logger: Logger

  /// - Parameters:
  ///   - host: the address to listen on.
  ///   - port: the port; 0 for any that is free.
  ///   - security: how the connections are protected.
  ///   - authority: what does the work. Its issuer must be the address of this listener as clients
  ///     see it.
  ///   - requestGuard: judges who may introspect, with ``AuthorityPolicy/rules``.
  ///   - presented: watches over tokens in requests; with a limiter of its own unless given.
  ///   - keySetAgeSeconds: how long verifiers may keep the keys: at most half the time for which a
  ///     key is published before it signs, so that nobody meets a token of a key that it does not have.
  ///   - logger: told when it listens, and nothing about requests.
  ///   - onListening: told the port, once there is one.
  /// - Throws: `ConfigurationError` for TLS below 1.2, plaintext without a reason, an age outside 1
  ///   to 86,400 and an issuer that is no address.
  public init(
    host: String,
    port: Int,
    security: Security,
    authority: TokenAuthority,
    requestGuard: RequestGuard,
    presented: PresentedTokens = PresentedTokens(),
    keySetAgeSeconds: Int64,
    logger: Logger,
    onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
  ) throws(ConfigurationError) {
    try self.init(
      host: host,
      port: port,
      security: security,
      operations: authority,
      requestGuard: requestGuard,
      presented: presented,
      keySetAgeSeconds: keySetAgeSeconds,
      logger: logger,
      onListening: onListening
    )
  }

  package init(
    host: String,
    port: Int,
    security: Security,
    operations: any AuthorityOperations,
    requestGuard: RequestGuard,
    presented: PresentedTokens = PresentedTokens(),
    admission: ConnectionAdmission = ConnectionAdmission(),
    keySetAgeSeconds: Int64,
    logger: Logger,
    onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
  ) throws(ConfigurationError) {
    let address = try IssuerAddress(operations.issuer)
    let tls = try security.checked()
    guard (1 ... 86_400).contains(keySetAgeSeconds) else {
      throw ConfigurationError([
        .init(
          path: "authority.http.key_set_age",
          problem: "is outside 1 s to 1 day",
          hint: "half the time for which a key is published before it signs"
        )
      ])
    }
    self.host = host
    self.port = port
    self.tls = tls
    self.admission = admission
    self.routes = AuthorityRoutes(
      operations,
      at: address,
      requestGuard: requestGuard,
      presented: presented,
      keySetAgeSeconds: keySetAgeSeconds,
      asksForCertificates: tls?.asksForCertificates ?? false
    )
    self.logger = logger
    self.onListening = onListening
  }

  /// Serves until the service group shuts down.
  public func run() async throws { try await self.application().run() }

  package func application() throws -> some ApplicationProtocol {
    // A client that sends nothing, slowly, or ever more headers is cut off before it costs anything.
    let http1 = HTTP1Channel.Configuration(
      additionalChannelHandlers: [RequestDeadline(.seconds(Self.requestSeconds))],
      idleTimeout: .seconds(Self.idleSeconds),
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: 12_288,
        maxHeaderListSize: 16_384,
        maxHeaderFieldCount: 64
      )
    )
    let (tls, admission) = (self.tls, self.admission)
    return Application(
      responder: self.routes,
      server: HTTPServerBuilder { responder in
        AdmittedChannel(
          base: HTTP1Channel(responder: responder, configuration: http1),
          admission: admission,
          tls: tls
        )
      },
      configuration: .init(address: .hostname(self.host, port: self.port)),
      onServerRunning: { channel in
        let port = channel.localAddress?.port ?? self.port
        self.logger.info(
          "the authority is served over HTTP",
          metadata: ["host": "\(self.host)", "port": "\(port)", "tls": "\(self.tls != nil)"]
        )
        self.onListening(port)
      },
      logger: self.logger
    )
  }
}

extension AuthorityHTTPServer.Security {
  /// How connections are set up; nil for plaintext.
  fileprivate func checked() throws(ConfigurationError) -> ConnectionTLS? {
    switch self.kind {
    case .plaintext(let reason):
      guard reason.utf8.contains(where: { $0 > 0x20 && $0 != 0x7F }) else {
        throw ConfigurationError([
          .init(
            path: "authority.http.tls",
            problem: "is missing, so tokens would cross the network in the clear",
            hint: "give a certificate and a key, or say why not"
          )
        ])
      }
      return nil
    case .tls(let configuration): return try ConnectionTLS(configuration)
    case .following(let configuration): return try ConnectionTLS(following: configuration)
    }
  }
}
