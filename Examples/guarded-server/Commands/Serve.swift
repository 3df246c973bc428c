// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Logging
internal import ServiceLifecycle
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardService

/// `guarded-server serve`.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve the example behind the guard until SIGTERM or Ctrl-C.",
    discussion: """
      Prints `serving HOST:PORT` and `admin http://HOST:PORT` once both listen.
      Exits with 78 if the configuration is not usable.
      """
  )

  @Option(help: "The folder that `tokenward dev init` made.")
  var directory: String

  @Option(help: "Where to serve, in place of what the configuration says; port 0 chooses one.")
  var listen: String?

  @Option(help: "Where metrics and health are, in place of what the configuration says.")
  var admin: String?

  func run() async throws {
    let registry = GuardedService.bootstrap()
    let logger = Logger(label: "guarded-server")
    do {
      var configuration = try Configuration(contentsOf: "\(self.directory)/tokenward.yaml")
      if let admin {
        configuration.admin = Configuration.Admin(
          listen: try ListenAddress(argument: admin),
          allowRemoteBecause: configuration.admin?.allowRemoteBecause,
          readyGrace: configuration.admin?.readyGrace ?? .seconds(30)
        )
      }
      guard let server = configuration.server else {
        throw ConfigurationError([
          .init(path: "server", problem: "is absent", hint: "add server: {listen: …, tls: {…}}")
        ])
      }
      let service = try GuardedService(configuration, registry: registry, logger: logger) {
        Announcement.write("admin http://127.0.0.1:\($0)")
      }
      // The one line that guards everything: without it this is an ordinary gRPC server.
      let (transport, renewals) = try HTTP2Door.make(
        server,
        listen: try self.listen.map(ListenAddress.init(argument:)) ?? server.listen,
        guardedBy: service.requestGuard,
        streams: service.streams
      )
      let grpc = GRPCService(
        server: GRPCServer(transport: transport, services: [OrdersService(), InventoryService()]),
        onListening: {
          let address = try await transport.listeningAddress
          Announcement.write("serving 127.0.0.1:\(address.ipv4?.port ?? address.ipv6?.port ?? 0)")
          service.setReady()
        }
      )
      try await service.run(renewals + [grpc])
    } catch let error as ConfigurationError {
      Announcement.fail(error)
      throw ExitCode(78)
    } catch let error as RuntimeError {
      // The guard compares rules and methods when the server starts, and the server wraps what it
      // finds.
      guard let cause = error.cause as? ConfigurationError else { throw error }
      Announcement.fail(cause)
      throw ExitCode(78)
    }
  }
}

/// The guarded transport as the configuration describes it, and what keeps its certificates new.
enum HTTP2Door {
  static func make(
    _ server: Configuration.Server,
    listen: ListenAddress,
    guardedBy requestGuard: RequestGuard,
    streams: any StreamObserver
  ) throws(ConfigurationError) -> (
    transport: GuardedServerTransport<HTTP2ServerTransport.Posix>, renewals: [any Service]
  ) {
    let security: GuardedTransportSecurity
    var renewals: [any Service] = []
    switch server.transport {
    case .plaintext(let reason):
      security = .plaintext(because: reason)
    case .tls(let tls):
      let logger = Logger(label: "guarded-server")
      let identity = try ReloadingIdentity(
        certificateChain: tls.certificate,
        privateKey: tls.key,
        logger: logger
      )
      renewals.append(identity)
      if let file = tls.clientCA {
        let roots = try ReloadingTrustRoots(file: file, logger: logger)
        renewals.append(roots)
        security = try .mTLS(identity: identity, clientRoots: roots)
      } else {
        security = try .tls(identity: identity)
      }
    }
    let transport = try GuardedServerTransport.http2NIOPosix(
      guardedBy: requestGuard,
      address: listen.host.utf8.contains(UInt8(ascii: ":"))
        ? .ipv6(host: listen.host, port: listen.port)
        : .ipv4(host: listen.host, port: listen.port),
      transportSecurity: security,
      streams: streams
    )
    return (transport, renewals)
  }
}

/// A gRPC server that ends in order with the rest of the process.
struct GRPCService<Transport: ServerTransport>: Service {
  let server: GRPCServer<Transport>
  let onListening: @Sendable () async throws -> Void

  func run() async throws {
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

/// What scripts wait for, and what people read when it goes wrong.
enum Announcement {
  static func write(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
  }

  static func fail(_ error: ConfigurationError) {
    FileHandle.standardError.write(Data("the configuration is not usable:\n\(error)\n".utf8))
  }
}

extension ListenAddress {
  init(argument: String) throws(ConfigurationError) {
    guard let address = ListenAddress(argument) else {
      throw ConfigurationError([
        .init(path: "argument", problem: "is no address and port", hint: "write 127.0.0.1:8443")
      ])
    }
    self = address
  }
}
