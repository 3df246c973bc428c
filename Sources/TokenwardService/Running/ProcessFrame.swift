// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
internal import Logging
internal import ServiceLifecycle
internal import TokenwardCore
internal import TokenwardOpenBao
internal import TokenwardRemote
internal import TokenwardTelemetry
internal import UnixSignals

/// What every process has around its servers: metrics and audit of decisions, the admin listener,
/// signals, and an orderly end.
struct ProcessFrame: Sendable {
  let registry: PrometheusRegistry
  let logger: Logger
  let audit: AuditObserver?
  let readiness = Readiness()
  /// Told about every decision of every guard in this process.
  let observers: [any DecisionObserver]
  private let keySets: [RemoteKeySet]
  private let openBao: OpenBao?
  private let admin: AdminServer?

  /// - Parameters:
  ///   - configuration: what the file says.
  ///   - doors: the front doors of this process.
  ///   - time: the clocks.
  ///   - registry: where metrics are kept and rendered from.
  ///   - logger: told about the process, never about single calls.
  ///   - onAdminListening: told the port of the admin listener, once there is one.
  init(
    _ configuration: Configuration,
    doors: [Door],
    time: any TimeSource,
    registry: PrometheusRegistry,
    logger: Logger,
    onAdminListening: @escaping @Sendable (_ port: Int) -> Void
  ) throws(ConfigurationError) {
    let audit = try Self.audit(configuration.audit, registry: registry, logger: logger)
    let metrics = MetricsObserver(
      issuers: configuration.issuerNames,
      doors: doors,
      factory: registry
    )
    let gate = KeyGate(
      configuration.keySets,
      grace: configuration.admin?.readyGrace ?? .seconds(30)
    )
    let statuses: @Sendable () -> [KeySetStatus] = {
      time.now().map { gate.statuses(at: $0) } ?? []
    }
    let keyMetrics = KeySetMetrics(factory: registry, statuses: statuses)
    registry.onRender { keyMetrics.collect() }
    if let openBao = configuration.openBao {
      let metrics = OpenBaoMetrics(openBao, factory: registry)
      registry.onRender { metrics.collect() }
    }
    let readiness = self.readiness
    readiness.add {
      PartStatus(isReady: gate.isOpen(at: time.now()), lines: statuses().map(\.line))
    }
    self.registry = registry
    self.logger = logger
    self.audit = audit
    self.observers = [metrics] + (audit.map { [$0] } ?? [])
    self.keySets = configuration.keySets
    self.openBao = configuration.openBao
    self.admin = try configuration.admin.map { admin throws(ConfigurationError) in
      try AdminServer(
        admin,
        registry: registry,
        logger: logger,
        isReady: { readiness.status().isReady },
        details: { readiness.status().lines },
        onListening: onAdminListening
      )
    }
    for notice in configuration.notices {
      logger.warning("configuration", metadata: ["notice": "\(notice)"])
    }
  }

  /// Runs services until SIGTERM or SIGINT, then lets calls that are under way finish.
  /// - Parameters:
  ///   - services: the servers, told to shut down in reverse order.
  ///   - hangups: what is done on SIGHUP, beside opening the audit file again.
  ///   - shutdownDuration: how long calls may take to finish before they are cancelled.
  func run(
    _ services: [any Service],
    hangups: [HangupAction] = [],
    shutdownDuration: Duration
  ) async throws {
    // The last one is shut down first. Metrics stay readable, and audit open, until servers are done.
    var all: [any Service] = []
    if let admin { all.append(admin) }
    var actions = hangups
    if let audit {
      actions.insert(HangupAction(name: "audit of decisions") { try audit.reopen() }, at: 0)
    }
    all.append(HangupService(actions: actions, logger: self.logger))
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
