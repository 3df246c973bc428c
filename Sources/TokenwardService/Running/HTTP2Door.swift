// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
public import GRPCCore
public import GRPCNIOTransportHTTP2
public import Logging
public import ServiceLifecycle
internal import TokenwardAuthorityAPI
public import TokenwardCore
public import TokenwardGRPC
internal import TokenwardGRPCHTTP2

/// The guarded HTTP/2 transport of a listener in the configuration, and what keeps its certificates
/// new.
///
/// ```swift
/// let door = try HTTP2Door(server, guardedBy: service.requestGuard, streams: service.streams)
/// let grpc = GRPCServer(transport: door.transport, services: [orders])
/// try await service.run(door.renewals + [grpc])
/// ```
public struct HTTP2Door: Sendable {
  /// The transport, to be handed to a server.
  public let transport: GuardedServerTransport<HTTP2ServerTransport.Posix>
  /// To be run beside the server.
  public let renewals: [any Service]
  let reloads: [HangupAction]

  /// - Parameters:
  ///   - server: what the configuration says.
  ///   - listen: where to listen instead of where it says.
  ///   - requestGuard: what decides about every call.
  ///   - streams: told about calls that are let in; nobody unless given.
  ///   - logger: told about new certificates.
  /// - Throws: `ConfigurationError` if its TLS files are not usable.
  public init(
    _ server: Configuration.Server,
    listen: ListenAddress? = nil,
    guardedBy requestGuard: RequestGuard,
    streams: (any StreamObserver)? = nil,
    logger: Logger = Logger(label: "tokenward.tls")
  ) throws(ConfigurationError) {
    // Behind a balancer every connection has the same address: a limit for each is the authority's,
    // which may be in this process, too, and has its own half of the descriptors.
    let admission = ConnectionShare.admission(
      "grpc",
      of: 2,
      mostPerAddress: nil,
      factory: MetricsSystem.factory
    )
    try self.init(
      server,
      listen: listen,
      guardedBy: requestGuard,
      admission: admission,
      streams: streams,
      logger: logger
    )
  }

  init(
    _ server: Configuration.Server,
    listen: ListenAddress? = nil,
    guardedBy requestGuard: RequestGuard,
    admission: ConnectionAdmission,
    streams: (any StreamObserver)?,
    logger: Logger
  ) throws(ConfigurationError) {
    let files = try ServedTLS(server.transport, logger: logger)
    let listen = listen ?? server.listen
    let security: GuardedTransportSecurity =
      switch (files.identity, files.clientRoots) {
      case (let identity?, let roots?): try .mTLS(identity: identity, clientRoots: roots)
      case (let identity?, nil): try .tls(identity: identity)
      case (nil, _): .plaintext(because: files.plaintextReason)
      }
    self.transport = try .http2NIOPosix(
      guardedBy: requestGuard,
      address: listen.host.utf8.contains(UInt8(ascii: ":"))
        ? .ipv6(host: listen.host, port: listen.port)
        : .ipv4(host: listen.host, port: listen.port),
      transportSecurity: security,
      config: .hardened { config in
        config.channelDebuggingCallbacks.onAcceptTCPConnection = { admission.admit($0) }
      },
      streams: streams
    )
    self.renewals = files.renewals
    self.reloads = files.reloads
  }
}

/// The TLS files of a listener, followed.
struct ServedTLS: Sendable {
  /// Nil without TLS.
  let identity: ReloadingIdentity?
  /// Nil if clients need no certificate.
  let clientRoots: ReloadingTrustRoots?
  /// Why there is no TLS; empty if there is.
  let plaintextReason: String

  init(
    _ transport: Configuration.Server.Transport,
    logger: Logger
  ) throws(ConfigurationError) {
    switch transport {
    case .plaintext(let reason):
      self.identity = nil
      self.clientRoots = nil
      self.plaintextReason = reason
    case .tls(let tls):
      self.identity = try ReloadingIdentity(
        certificateChain: tls.certificate,
        privateKey: tls.key,
        logger: logger
      )
      if let file = tls.clientCA {
        self.clientRoots = try ReloadingTrustRoots(file: file, logger: logger)
      } else {
        self.clientRoots = nil
      }
      self.plaintextReason = ""
    }
  }

  var renewals: [any Service] {
    let identity: [any Service] = self.identity.map { [$0] } ?? []
    return identity + (self.clientRoots.map { [$0] } ?? [])
  }

  /// What SIGHUP reads again. The files are looked at every ten seconds anyway.
  var reloads: [HangupAction] {
    var actions: [HangupAction] = []
    if let identity {
      actions.append(
        HangupAction(name: "TLS certificate") {
          guard !identity.reload(), let problem = identity.status.problem else { return }
          throw ConfigurationError([problem])
        }
      )
    }
    if let clientRoots {
      actions.append(
        HangupAction(name: "client authorities") {
          guard !clientRoots.reload(), let problem = clientRoots.status.problem else { return }
          throw ConfigurationError([problem])
        }
      )
    }
    return actions
  }
}

/// A gRPC server that ends in order with the rest of the process.
public struct GRPCServerService<Transport: ServerTransport>: Service {
  private let server: GRPCServer<Transport>
  private let onListening: @Sendable () async throws -> Void

  /// - Parameters:
  ///   - server: the server.
  ///   - onListening: runs beside it, and should wait for the transport's address.
  public init(
    _ server: GRPCServer<Transport>,
    onListening: @escaping @Sendable () async throws -> Void = {}
  ) {
    self.server = server
    self.onListening = onListening
  }

  /// Serves until the service group shuts down; calls that are under way may finish.
  public func run() async throws {
    try await withGracefulShutdownHandler {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await self.server.serve() }
        group.addTask { try await self.onListening() }
        try await group.waitForAll()
      }
    } onGracefulShutdown: {
      self.server.beginGracefulShutdown()
    }
  }
}
