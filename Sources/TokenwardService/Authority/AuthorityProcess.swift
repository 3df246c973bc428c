// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import Logging
public import TokenwardCore
public import TokenwardTelemetry

/// A process that is what the sections of its configuration say: a token authority, with metrics,
/// health and signals.
public struct AuthorityProcess: Sendable {
  private let frame: ProcessFrame
  private let configuration: Configuration

  /// Sets logging and metrics up, and keeps memory and files out of reach of others. Call it once,
  /// first.
  /// - Parameters:
  ///   - format: how log lines look; they go to standard error.
  ///   - level: the least level that is logged.
  /// - Returns: where metrics are kept and rendered from.
  public static func bootstrap(
    format: LogFormat = .text,
    level: Logger.Level = .info
  ) -> PrometheusRegistry {
    ProcessHygiene.guardSecrets()
    return GuardedService.bootstrap(format: format, level: level)
  }

  /// - Parameters:
  ///   - configuration: what the file says.
  ///   - registry: where metrics are kept and rendered from.
  ///   - logger: told about the process, never about single calls.
  ///   - onAdminListening: told the port of the admin listener, once there is one.
  /// - Throws: `ConfigurationError` if there is nothing to run.
  public init(
    _ configuration: Configuration,
    registry: PrometheusRegistry,
    logger: Logger,
    onAdminListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
  ) throws(ConfigurationError) {
    guard configuration.authority != nil else {
      throw ConfigurationError([
        .init(
          path: "authority",
          problem: "is missing, and there is nothing else to run",
          hint: "describe the authority; Docs/authority.md begins with the shortest one"
        )
      ])
    }
    if configuration.server != nil {
      logger.warning(
        "the section server is not served here: this command has no service of its own to guard"
      )
    }
    self.configuration = configuration
    self.frame = try ProcessFrame(
      configuration,
      doors: [.grpc],
      time: SystemTime(),
      registry: registry,
      logger: logger,
      onAdminListening: onAdminListening
    )
  }

  /// Opens everything, says where the first token is if it was made, and serves until SIGTERM or
  /// SIGINT.
  /// - Parameters:
  ///   - options: what is said for this start.
  ///   - shutdownDuration: how long calls may take to finish before they are cancelled.
  ///   - onOpen: told the file of the administrator's token, if it was written now.
  ///   - onListening: told the port of each listener.
  public func run(
    options: AuthorityService.Options = .init(),
    shutdownDuration: Duration = .seconds(30),
    onOpen: (_ newTokenFile: String?) -> Void = { _ in },
    onListening: @escaping @Sendable (_ face: AuthorityService.Face, _ port: Int) -> Void
  ) async throws {
    let readiness = self.frame.readiness
    let service = try await AuthorityService.open(
      self.configuration,
      options: options,
      observers: self.frame.observers,
      registry: self.frame.registry,
      logger: self.frame.logger,
      onListening: { face, port in
        if face == .grpc { readiness.set(true) }
        onListening(face, port)
      }
    )
    readiness.add { service.partStatus() }
    onOpen(service.newTokenFile)
    do {
      try await self.frame.run(
        service.services,
        hangups: service.hangups,
        shutdownDuration: shutdownDuration
      )
    } catch {
      await service.close()
      throw error
    }
    await service.close()
  }
}
