// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
public import Logging
public import ServiceLifecycle
internal import Synchronization
public import TokenwardCore
internal import TokenwardOpenBao
internal import TokenwardRemote
public import TokenwardTelemetry
internal import UnixSignals

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

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
  /// The record of decisions; nil if the configuration has none.
  public let audit: AuditObserver?

  private let keySets: [RemoteKeySet]
  private let openBao: OpenBao?
  private let admin: AdminServer?
  private let readiness = Readiness()
  private let logger: Logger

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
    let audit = try Self.audit(configuration.audit, registry: registry, logger: logger)
    let metrics = MetricsObserver(
      issuers: configuration.issuerNames,
      doors: doors,
      factory: registry
    )
    if let verifier {
      let cache = TokenCacheMetrics(factory: registry) { verifier.cacheStatistics }
      registry.onRender { cache.collect() }
    }
    let gate = KeyGate(
      configuration.keySets,
      grace: configuration.admin?.readyGrace ?? .seconds(30)
    )
    let statuses: @Sendable () -> [KeySetStatus] = {
      time.now().map { gate.statuses(at: $0) } ?? []
    }
    let keyMetrics = KeySetMetrics(factory: registry, statuses: statuses)
    registry.onRender { keyMetrics.collect() }
    let observers: [any DecisionObserver] = [metrics] + (audit.map { [$0] } ?? [])

    let readiness = self.readiness
    self.requestGuard = try configuration.makeGuard(
      verifier: verifier,
      time: time,
      observers: observers
    )
    self.verifier = verifier
    self.keySets = configuration.keySets
    self.openBao = configuration.openBao
    self.streams = StreamMetrics(factory: registry)
    self.audit = audit
    self.logger = logger
    if let admin = configuration.admin {
      self.admin = try AdminServer(
        admin,
        registry: registry,
        logger: logger,
        isReady: { readiness.isReady && gate.isOpen(at: time.now()) },
        details: { statuses().map(\.line) },
        onListening: onAdminListening
      )
    } else {
      self.admin = nil
    }
    for notice in configuration.notices {
      logger.warning("configuration", metadata: ["notice": "\(notice)"])
    }
  }

  /// Whether `/readyz` answers 200, once the keys of every issuer are there. Set it when the server takes calls; it falls by itself when the
  /// process begins to shut down.
  public func setReady(_ isReady: Bool = true) { self.readiness.set(isReady) }

  /// Runs services beside the admin listener until SIGTERM or SIGINT, then lets calls that are under
  /// way finish. SIGHUP opens the audit file again.
  /// - Parameters:
  ///   - services: the servers, told to shut down in reverse order.
  ///   - shutdownDuration: how long calls may take to finish before they are cancelled.
  public func run(
    _ services: [any Service],
    shutdownDuration: Duration = .seconds(30)
  ) async throws {
    // The last one is shut down first. Metrics stay readable, and audit open, until servers are done.
    var all: [any Service] = []
    if let admin { all.append(admin) }
    if let audit { all.append(AuditRotation(audit: audit, logger: self.logger)) }
    if let openBao { all.append(openBao) }
    all += self.keySets
    all += services
    all.append(ReadinessService(readiness: self.readiness))
    var configuration = ServiceGroupConfiguration(
      services: all,
      gracefulShutdownSignals: [.sigterm, .sigint],
      logger: self.logger
    )
    configuration.maximumGracefulShutdownDuration = shutdownDuration
    defer { self.audit?.close() }
    try await ServiceGroup(configuration: configuration).run()
  }

  private static func audit(
    _ configuration: Configuration.Audit?,
    registry: PrometheusRegistry,
    logger: Logger
  ) throws(ConfigurationError) -> AuditObserver? {
    guard let configuration else { return nil }
    do {
      return try AuditObserver(path: configuration.file, logger: logger, factory: registry)
    } catch {
      throw ConfigurationError([
        .init(
          path: "audit.file",
          problem: error.description,
          hint: "name a file in a folder that this process may write to"
        )
      ])
    }
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
    self.refuseCoreDumps()
    LoggingSystem.bootstrap { label in
      var handler = LineLogHandler(label: label, format: format)
      handler.logLevel = level
      return handler
    }
    let registry = PrometheusRegistry()
    MetricsSystem.bootstrap(registry)
    return registry
  }

  /// A dump of memory holds keys and the tokens of calls under way (CWE-528).
  private static func refuseCoreDumps() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    #if canImport(Darwin)
    _ = setrlimit(RLIMIT_CORE, &none)
    #else
    _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    #endif
  }
}

/// Whether the process takes calls.
private final class Readiness: Sendable {
  private let state = Atomic<Bool>(false)
  var isReady: Bool { self.state.load(ordering: .relaxed) }
  func set(_ isReady: Bool) { self.state.store(isReady, ordering: .relaxed) }
}

/// Takes the process out of rotation as the first step of a shutdown.
private struct ReadinessService: Service {
  let readiness: Readiness

  func run() async throws {
    try? await gracefulShutdown()
    self.readiness.set(false)
  }
}

/// Opens the audit file again on SIGHUP, which log rotation sends after it has renamed the file.
private struct AuditRotation: Service {
  let audit: AuditObserver
  let logger: Logger

  func run() async throws {
    let hangups = await UnixSignalsSequence(trapping: .sighup)
    for await _ in hangups.cancelOnGracefulShutdown() {
      do {
        try self.audit.reopen()
        self.logger.notice("the audit file was opened again")
      } catch {
        self.logger.error(
          "the audit file could not be opened again; the old one is kept",
          metadata: ["problem": "\(error)"]
        )
      }
    }
  }
}
