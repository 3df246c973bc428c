// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

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
    let requestGuard = try Self.requestGuard(settings, parts.authority, observers, time)
    let door = try HTTP2Door(
      settings.grpc,
      guardedBy: requestGuard,
      streams: StreamMetrics(factory: registry),
      logger: logger
    )
    let transport = door.transport
    let grpc = GRPCServerService(
      GRPCServer(transport: transport, services: AuthorityServices.all(of: parts.authority))
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
          authority: parts.authority,
          requestGuard: requestGuard,
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

  /// The guard in front of the authority: its own tokens, meant for itself, and its own rules.
  private static func requestGuard(
    _ settings: Configuration.Authority,
    _ authority: TokenAuthority,
    _ observers: [any DecisionObserver],
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
      time: time,
      observers: observers
    )
  }
}

extension ServedTLS {
  /// For the HTTP listener. The authorities of clients are those of the start; the certificate is
  /// followed.
  fileprivate var httpSecurity: AuthorityHTTPServer.Security {
    guard let identity else { return .plaintext(because: self.plaintextReason) }
    var configuration = identity.followingConfiguration
    if let clientRoots {
      configuration.certificateVerification = .noHostnameVerification
      configuration.trustRoots = .certificates(clientRoots.presentCertificates)
    }
    return .tls(configuration)
  }
}
