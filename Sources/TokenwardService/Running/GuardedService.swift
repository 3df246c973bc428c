// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
public import Logging
public import ServiceLifecycle
public import TokenwardCore
public import TokenwardTelemetry

/// Puts the parts of one process together: the guard with its metrics and audit, the admin listener,
/// and an orderly end.
///
/// ```swift
/// let registry = GuardedService.bootstrap()
/// let configuration = try Configuration(contentsOf: path)
/// let service = try GuardedService(configuration, registry: registry, logger: logger)
/// let transport = … // guarded by service.requestGuard
/// try await service.run([server])
/// ```
public struct GuardedService: Sendable {
  /// The guard, observed by metrics and audit.
  public let requestGuard: RequestGuard
  /// The verifier of JWTs behind the guard; nil if every token is asked about.
  public let verifier: JWTVerifier?
  /// Counts streams.
  public let streams: StreamMetrics
  /// Told about every decision: metrics, and the record of decisions if there is one. Hand them to
  /// other guards of this process.
  public var observers: [any DecisionObserver] { self.frame.observers }
  /// The record of decisions; nil if the configuration has none.
  public var audit: AuditObserver? { self.frame.audit }

  let frame: ProcessFrame

  /// - Parameters:
  ///   - configuration: what the file says.
  ///   - doors: the front doors of this process.
  ///   - time: the clocks.
  ///   - registry: where metrics are kept and rendered from.
  ///   - logger: told about the process, never about single calls.
  ///   - onAdminListening: told the port of the admin listener, once there is one.
  /// - Throws: ``TokenwardCore/ConfigurationError`` if the configuration lacks issuers or rules, or
  ///   its audit file cannot be used.
  public init(
    _ configuration: Configuration,
    doors: [Door] = [.grpc],
    time: any TimeSource = SystemTime(),
    registry: PrometheusRegistry,
    logger: Logger,
    onAdminListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
  ) throws(ConfigurationError) {
    let verifier: JWTVerifier? =
      configuration.issuers.isEmpty && configuration.introspection != nil
      ? nil : try configuration.makeVerifier()
    let frame = try ProcessFrame(
      configuration,
      doors: doors,
      time: time,
      registry: registry,
      logger: logger,
      onAdminListening: onAdminListening
    )
    if let verifier {
      let cache = TokenCacheMetrics(factory: registry) { verifier.cacheStatistics }
      registry.onRender { cache.collect() }
    }
    self.requestGuard = try configuration.makeGuard(
      verifier: verifier,
      time: time,
      observers: frame.observers
    )
    self.verifier = verifier
    self.streams = StreamMetrics(factory: registry)
    self.frame = frame
  }

  /// Whether `/readyz` answers 200, once the keys of every issuer are there. Set it when the server
  /// takes calls; it falls by itself when the process begins to shut down.
  public func setReady(_ isReady: Bool = true) { self.frame.readiness.set(isReady) }

  /// Runs services beside the admin listener until SIGTERM or SIGINT, then lets calls that are under
  /// way finish. SIGHUP opens the audit file again.
  /// - Parameters:
  ///   - services: the servers, told to shut down in reverse order.
  ///   - authority: a token authority in the same process, with its servers.
  ///   - shutdownDuration: how long calls may take to finish before they are cancelled.
  public func run(
    _ services: [any Service],
    with authority: AuthorityService? = nil,
    shutdownDuration: Duration = .seconds(30)
  ) async throws {
    if let authority { self.frame.readiness.add { authority.partStatus() } }
    try await self.frame.run(
      (authority?.services ?? []) + services,
      hangups: authority?.hangups ?? [],
      shutdownDuration: shutdownDuration
    )
    await authority?.close()
  }
}

extension GuardedService {
  /// Sets logging and metrics up for the whole process, and keeps memory out of crash dumps. Call it
  /// once, first.
  /// - Parameters:
  ///   - format: how log lines look; they go to standard error.
  ///   - level: the least level that is logged.
  /// - Returns: where metrics are kept and rendered from.
  public static func bootstrap(
    format: LogFormat = .text,
    level: Logger.Level = .info
  ) -> PrometheusRegistry {
    ProcessHygiene.refuseCoreDumps()
    ProcessHygiene.raiseDescriptorLimit()
    LoggingSystem.bootstrap { label in
      var handler = LineLogHandler(label: label, format: format)
      handler.logLevel = level
      return handler
    }
    let registry = PrometheusRegistry()
    MetricsSystem.bootstrap(registry)
    return registry
  }
}
