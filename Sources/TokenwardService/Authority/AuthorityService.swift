// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
public import Logging
internal import ServiceLifecycle
public import TokenwardAuthority
internal import TokenwardAuthorityAPI
public import TokenwardCore
internal import TokenwardGRPCHTTP2
internal import TokenwardOpenBao
public import TokenwardTelemetry

/// A token authority with its store, secrets, audit and servers, as the configuration describes it.
///
/// ```swift
/// let authority = try await AuthorityService.open(configuration, registry: registry, logger: logger)
/// try await service.run(servers, with: authority)
/// ```
///
/// A guard of the same process that trusts the authority (`issuers: [{authority: …}]`) accepts its
/// tokens once this is open.
public final class AuthorityService: Sendable {
  /// The authority.
  public let authority: TokenAuthority
  /// The file that the administrator's token was written to just now; nil if it had been before.
  public let newTokenFile: String?
  /// Its servers and what works in the background, told to shut down in reverse order.
  let services: [any Service]
  /// What SIGHUP does.
  let hangups: [HangupAction]
  private let parts: AuthorityParts

  /// What is said for one start, not in the file.
  public struct Options: Sendable, Hashable {
    /// Records from the future are no reason to stop issuing: the clock was wrong before and is right
    /// now.
    public var acceptsRecordsFromFuture = false
    /// A database that was put back is taken although it is older than what was acknowledged: what
    /// was revoked since it was copied works again.
    public var acceptsRestored = false
    /// A chain of the audit that is gone is given up, and a new one begins: nobody can tell any more
    /// what the records in it were.
    public var acceptsLostAudit = false
    /// Makes another first token, for whoever has lost every administrator.
    public var makesNewAdministrator = false
    /// Makes a new pepper before anything else.
    public var rotatesPepper = false

    /// Nothing of it.
    public init() {}
  }

  /// Which listener listens.
  public enum Face: String, Sendable, Hashable, CaseIterable {
    /// gRPC.
    case grpc
    /// HTTP.
    case http
  }

  init(
    _ parts: AuthorityParts,
    newTokenFile: String?,
    services: [any Service],
    hangups: [HangupAction]
  ) {
    self.parts = parts
    self.authority = parts.authority
    self.newTokenFile = newTokenFile
    self.services = services
    self.hangups = hangups
  }

  /// Opens everything and makes the first token if there is none yet. Nothing is served before
  /// the process runs.
  /// - Parameters:
  ///   - configuration: what the file says; it must have a section `authority`.
  ///   - options: what is said for this start.
  ///   - observers: told about every decision about a call of the authority's own services.
  ///   - time: the clocks.
  ///   - registry: where metrics are kept.
  ///   - logger: told about the process, never about single calls.
  ///   - onListening: told the port of each listener.
  /// - Throws: `ConfigurationError` or ``AuthorityStartError``.
  public static func open(
    _ configuration: Configuration,
    options: Options = Options(),
    observers: [any DecisionObserver] = [],
    time: any TimeSource = SystemTime(),
    registry: PrometheusRegistry,
    logger: Logger,
    onListening: @escaping @Sendable (_ face: Face, _ port: Int) -> Void = { _, _ in }
  ) async throws -> AuthorityService {
    guard let settings = configuration.authority else {
      throw ConfigurationError([
        .init(
          path: "authority",
          problem: "is missing",
          hint: "describe the authority; Docs/authority.md begins with the shortest one"
        )
      ])
    }
    let parts = try await AuthorityParts.open(
      settings,
      vault: configuration.openBao,
      options: options,
      time: time,
      registry: registry,
      logger: logger
    )
    do {
      let newTokenFile = try await parts.bootstrap(settings, options, logger)
      let faces = try AuthorityFaces(
        settings,
        parts,
        observers: observers,
        time: time,
        registry: registry,
        logger: logger,
        onListening: onListening
      )
      configuration.trust?.open(parts.authority)
      let metrics = AuthorityMetrics(parts.authority, registry: registry)
      registry.onRender { metrics.collect() }
      let count = TokenCount(
        store: parts.store,
        snapshot: parts.authority.snapshot,
        time: time,
        report: { metrics.record($0) }
      )
      return AuthorityService(
        parts,
        newTokenFile: newTokenFile,
        services: [
          AuthorityBackground(authority: parts.authority), count,
          StoreWatch(logger: logger) { parts.authority.status() },
        ] + faces.services,
        hangups: parts.hangups + faces.hangups
      )
    } catch {
      await parts.close()
      throw error
    }
  }

  /// What `/readyz` says about it: whether it could issue a token now.
  func partStatus() -> PartStatus {
    let status = self.authority.status()
    let isSigning = status.keys.contains { $0.state == .active }
    let isReady =
      status.isStarted && !status.isStoreBroken && status.clock == .good && isSigning
      && self.parts.audit.isWritable
    return PartStatus(
      isReady: isReady,
      lines: [
        [
          "authority=\(JSONText.quoted(self.authority.issuer.text))",
          "store=\(status.storeState)", "tokens=\(status.tokens)",
          "signing_key=\(isSigning ? "active" : "none")",
          "audit=\(self.parts.audit.isWritable ? "writable" : "failing")",
          "clock=\(status.clock.rawValue)", "in_doubt=\(status.doubts)",
          "pending_withdrawals=\(status.pendingWithdrawals)",
        ].joined(separator: " ")
      ]
    )
  }

  /// Writes what waits to be written, once nothing is served any more.
  func close() async { await self.parts.close() }
}

/// What an authority does in the background.
private struct AuthorityBackground: Service {
  let authority: TokenAuthority

  func run() async throws {
    await cancelWhenGracefulShutdown { await self.authority.run() }
  }
}
