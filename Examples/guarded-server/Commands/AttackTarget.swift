// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Logging
internal import ServiceLifecycle
internal import TokenwardAttacks
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardService
internal import TokenwardTelemetry
internal import UnixSignals

/// `guarded-server attack-target`.
struct AttackTarget: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve what the attack table is aimed at, with issuers made for this process only.",
    discussion: """
      Writes the table, one JSON object a line, to attacks.jsonl in the folder. Its tokens are good
      for this process alone, and for minutes.
      """
  )

  @Option(help: "The folder that `tokenward dev init` made, for its certificates.")
  var directory: String

  @Option(help: "Where to serve; port 0 chooses one.")
  var listen = "127.0.0.1:0"

  @Option(help: "Where metrics and health are.")
  var admin = "127.0.0.1:0"

  func run() async throws {
    let registry = GuardedService.bootstrap()
    let logger = Logger(label: "attack-target")
    guard let now = SystemTime().now() else { throw ExitCode(69) }
    let bench = try AttackBench(now: UnixTime(seconds: now.unix.seconds))
    let lines = try AttackTable.jsonLines(bench: bench)
    let isWritten = FileManager.default.createFile(
      atPath: "\(self.directory)/attacks.jsonl",
      contents: Data((lines.joined(separator: "\n") + "\n").utf8),
      attributes: [.posixPermissions: 0o600]
    )
    guard isWritten else { throw ExitCode(73) }

    let issuers = try bench.trustedIssuers()
    let audit = try AuditObserver(path: "\(self.directory)/audit.jsonl", factory: registry)
    defer { audit.close() }
    let requestGuard = RequestGuard(
      policy: try bench.policy(),
      verifier: try JWTVerifier(issuers: issuers),
      observers: [
        MetricsObserver(issuers: issuers.map(\.issuer), doors: [.grpc], factory: registry), audit,
      ]
    )
    let files = try Configuration(contentsOf: "\(self.directory)/tokenward.yaml")
    guard let server = files.server else { throw ExitCode(78) }
    let door = try HTTP2Door(
      server,
      listen: try ListenAddress(argument: self.listen),
      guardedBy: requestGuard,
      streams: StreamMetrics(factory: registry)
    )
    let transport = door.transport
    let grpc = GRPCServerService(
      GRPCServer(transport: transport, services: [AttackTargetService(methods: bench.methods)])
    ) {
      let address = try await transport.listeningAddress
      Announcement.write("serving 127.0.0.1:\(address.ipv4?.port ?? address.ipv6?.port ?? 0)")
    }
    let admin = try AdminServer(
      Configuration.Admin(listen: try ListenAddress(argument: self.admin)),
      registry: registry,
      logger: logger,
      onListening: { Announcement.write("admin http://127.0.0.1:\($0)") }
    )
    try await ServiceGroup(
      services: [admin] + door.renewals + [grpc],
      gracefulShutdownSignals: [.sigterm, .sigint],
      logger: logger
    ).run()
  }
}
