// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Logging
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardService
internal import TokenwardTelemetry

/// `guarded-server serve`.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve the example behind the guard until SIGTERM or Ctrl-C.",
    discussion: """
      Prints `serving HOST:PORT` and `admin http://HOST:PORT` once both listen, and `authority grpc
      HOST:PORT` if the configuration describes a token authority.
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
      let door = try HTTP2Door(
        server,
        listen: try self.listen.map(ListenAddress.init(argument:)),
        guardedBy: service.requestGuard,
        streams: service.streams,
        logger: logger
      )
      // If the configuration describes a token authority, it runs in this process, too.
      let authority = try await Self.authority(configuration, service, registry, logger)
      let transport = door.transport
      let grpc = GRPCServerService(
        GRPCServer(transport: transport, services: [OrdersService(), InventoryService()])
      ) {
        let address = try await transport.listeningAddress
        Announcement.write("serving 127.0.0.1:\(address.ipv4?.port ?? address.ipv6?.port ?? 0)")
        service.setReady()
      }
      try await service.run(door.renewals + [grpc], with: authority)
    } catch let error as AuthorityStartError {
      FileHandle.standardError.write(Data("the authority does not start: \(error)\n".utf8))
      throw ExitCode(2)
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

  private static func authority(
    _ configuration: Configuration,
    _ service: GuardedService,
    _ registry: PrometheusRegistry,
    _ logger: Logger
  ) async throws -> AuthorityService? {
    guard configuration.authority != nil else { return nil }
    return try await AuthorityService.open(
      configuration,
      observers: service.observers,
      registry: registry,
      logger: logger,
      onListening: { Announcement.write("authority \($0.rawValue) 127.0.0.1:\($1)") }
    )
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
