// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import BenchSupport
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import NIOPosix
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2

/// `guard-bench serve`.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve one small unary method on the loopback, until the process is ended.",
    discussion: """
      Prints `serving PORT` once it listens. Whether guarded or not: the same service, the same
      limits of the transport, the same number of event loops.
      """
  )

  @Flag(inversion: .prefixedNo, help: "Put the guard in front.")
  var guarded: Bool

  @Option(help: "With the guard: where to write a token for it; only its owner can read the file.")
  var tokenFile: String?

  @Option(help: "Serve over TLS with the certificate and key in this folder: cert.pem, key.pem.")
  var tls: String?

  @Option(help: "Event loops.")
  var threads = 1

  func run() async throws {
    let address = GRPCNIOTransportHTTP2.SocketAddress.ipv4(host: "127.0.0.1", port: 0)
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: self.threads)
    let files = self.tls.map { folder in
      HTTP2ServerTransport.Posix.TransportSecurity.TLS.defaults(
        certificateChain: [.file(path: "\(folder)/cert.pem", format: .pem)],
        privateKey: .file(path: "\(folder)/key.pem", format: .pem)
      ) { $0.requireALPN = true }
    }
    guard self.guarded else {
      return try await self.serve(
        HTTP2ServerTransport.Posix(
          address: address,
          transportSecurity: files.map { .tls($0) } ?? .plaintext,
          config: .hardened,
          eventLoopGroup: loops
        )
      )
    }
    let bench = try BenchGuard(methods: [EchoService.method.fullyQualifiedMethod])
    if let tokenFile {
      let isWritten = FileManager.default.createFile(
        atPath: tokenFile,
        contents: Data(bench.token.text.utf8),
        attributes: [.posixPermissions: 0o600]
      )
      guard isWritten else { throw ExitCode(BenchFailure.exitCode) }
    }
    try await self.serve(
      GuardedServerTransport<HTTP2ServerTransport.Posix>.http2NIOPosix(
        guardedBy: bench.requestGuard,
        address: address,
        transportSecurity: files.map { .tls($0) }
          ?? .plaintext(because: "a benchmark on the loopback"),
        config: .hardened,
        eventLoopGroup: loops
      )
    )
  }

  private func serve(_ transport: some ServerTransport & ListeningServerTransport) async throws {
    let server = GRPCServer(transport: transport, services: [EchoService()])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.serve() }
      group.addTask {
        let port = try await transport.listeningAddress.ipv4?.port ?? 0
        FileHandle.standardOutput.write(Data("serving \(port)\n".utf8))
      }
      try await group.waitForAll()
    }
  }
}
