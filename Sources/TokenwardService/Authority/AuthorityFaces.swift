// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Logging
internal import NIOSSL
internal import ServiceLifecycle
internal import TokenwardAuthority
internal import TokenwardAuthorityAPI
internal import TokenwardCore
internal import TokenwardGRPCHTTP2
internal import TokenwardTelemetry

/// The servers of an authority, guarded by its own tokens.
struct AuthorityFaces {
  let services: [any Service]
  let hangups: [HangupAction]

  init(
    _ settings: Configuration.Authority,
    _ parts: AuthorityParts,
    observers: [any DecisionObserver],
    time: any TimeSource,
    registry: PrometheusRegistry,
    logger: Logger,
    onListening: @escaping @Sendable (AuthorityService.Face, Int) -> Void
  ) throws(ConfigurationError) {
    // Many clients share an address, and each may go on for a moment with a token that was taken back.
    // A hundred guesses a second of 256 bits find nothing; a flood of them is refused unread.
    let guesses = GuessLimiter(guesses: 1_000, seconds: 10)
    let requestGuard = try Self.requestGuard(
      settings,
      parts.authority,
      observers,
      guesses: guesses,
      time
    )
    let presented = Self.presented(guesses, time, registry)
    let listeners = settings.http == nil ? 1 : 2
    let door = try HTTP2Door(
      settings.grpc,
      guardedBy: requestGuard,
      admission: ConnectionShare.admission(
        "grpc",
        of: listeners,
        mostPerAddress: settings.connectionsPerAddress,
        factory: registry
      ),
      streams: StreamMetrics(factory: registry),
      logger: logger
    )
    let transport = door.transport
    let grpc = GRPCServerService(
      GRPCServer(
        transport: transport,
        services: AuthorityServices.all(of: parts.authority, presented: presented)
      )
    ) {
      let address = try await transport.listeningAddress
      let port = address.ipv4?.port ?? address.ipv6?.port ?? 0
      logger.info(
        "the authority is served over gRPC",
        metadata: ["host": "\(settings.grpc.listen.host)", "port": "\(port)"]
      )
      onListening(.grpc, port)
    }
    var services = door.renewals
    var hangups = door.reloads
    if let http = settings.http {
      let files = try ServedTLS(http.transport, logger: logger)
      services += files.renewals
      hangups += files.reloads
      services.append(
        try AuthorityHTTPServer(
          host: http.listen.host,
          port: http.listen.port,
          security: files.httpSecurity,
          operations: parts.authority,
          requestGuard: requestGuard,
          presented: presented,
          admission: ConnectionShare.admission(
            "http",
            of: listeners,
            mostPerAddress: settings.connectionsPerAddress,
            factory: registry
          ),
          keySetAgeSeconds: max(1, settings.schedule.maximumCacheSeconds),
          logger: logger,
          onListening: { onListening(.http, $0) }
        )
      )
    }
    services.append(grpc)
    self.services = services
    self.hangups = hangups
  }

  /// Watches over tokens that no guard sees, with the limiter of the guard, and counts them.
  private static func presented(
    _ guesses: GuessLimiter,
    _ time: any TimeSource,
    _ registry: PrometheusRegistry
  ) -> PresentedTokens {
    registry.describe(
      AuthorityMetricName.refusedTokens,
      "Tokens in requests that came to nothing, by endpoint and reason."
    )
    registry.describe(ConnectionShare.refused, ConnectionShare.help)
    return PresentedTokens(guesses: guesses, time: time) { endpoint, refusal in
      Counter(
        label: AuthorityMetricName.refusedTokens,
        dimensions: [("endpoint", endpoint.rawValue), ("reason", refusal.rawValue)],
        factory: registry
      ).increment()
    }
  }

  /// The guard in front of the authority: its own tokens, meant for itself, and its own rules.
  private static func requestGuard(
    _ settings: Configuration.Authority,
    _ authority: TokenAuthority,
    _ observers: [any DecisionObserver],
    guesses: GuessLimiter,
    _ time: any TimeSource
  ) throws(ConfigurationError) -> RequestGuard {
    let audiences = AudienceRequirement.oneOf([settings.domain.audience])
    let trust = AuthorityTrust(issuer: settings.domain.issuer, audiences: audiences)
    trust.open(authority)
    let issuer = try TrustedIssuer(
      settings.domain.issuer,
      audiences: audiences,
      algorithms: settings.algorithms,
      keys: trust,
      maximumLifetimeSeconds: settings.domain.limits.maximumAccessLifetimeSeconds
    )
    return RequestGuard(
      policy: try MethodPolicy(AuthorityPolicy.rules),
      verifier: TokenVerifiers(jwt: try JWTVerifier(issuers: [issuer]), opaque: trust),
      revocation: trust,
      guesses: guesses,
      time: time,
      observers: observers
    )
  }
}

extension ServedTLS {
  /// For the HTTP listener. Certificate and authorities are those of the moment at which a connection
  /// begins.
  fileprivate var httpSecurity: AuthorityHTTPServer.Security {
    guard let identity else { return .plaintext(because: self.plaintextReason) }
    guard let clientRoots else { return .tls(identity.followingConfiguration) }
    return .tls(following: {
      var configuration = identity.followingConfiguration
      configuration.certificateVerification = .noHostnameVerification
      configuration.trustRoots = .certificates(clientRoots.presentCertificates)
      return configuration
    })
  }
}
