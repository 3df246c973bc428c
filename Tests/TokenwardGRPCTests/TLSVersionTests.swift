// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import GRPCNIOTransportHTTP2
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit

/// The server as clients of all kinds see it: those that are too old, those that do not say what they
/// speak, and those that come back.
@Suite("The handshake of a server", .serialized, .timeLimit(.minutes(1)))
struct TLSVersionTests {
  /// What became of a connection.
  private enum Outcome: Equatable, Sendable {
    /// The handshake was completed, with the protocol that was agreed on; the server let it be.
    case open(String?)
    /// The server ended it, after the handshake or within.
    case closed
  }

  /// Each kind of server, with a client's certificate where one is needed.
  private func withEachServer(
    _ body: @Sendable (TLSServer, Issued) async throws -> Void
  ) async throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try root.issue(), roots: [root])
    let identity = try folder.identity()
    for security: GuardedTransportSecurity in [
      try .tls(identity: identity),
      try .mTLS(identity: identity, clientRoots: try folder.trustRoots()),
    ] {
      try await TLSServer.with(security) { server in try await body(server, root) }
    }
  }

  private func connect(
    to server: TLSServer,
    root: Issued,
    _ change: (inout TLSConfiguration) -> Void = { _ in }
  ) async throws -> Outcome {
    let own = try root.issue()
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .certificates([try root.nio])
    configuration.certificateChain = [.certificate(try own.nio)]
    configuration.privateKey = .privateKey(try own.nioKey)
    configuration.minimumTLSVersion = .tlsv1
    configuration.applicationProtocols = ["h2"]
    change(&configuration)
    let context = try NIOSSLContext(configuration: configuration)
    let (outcomes, outcome) = AsyncStream.makeStream(of: Outcome.self)
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(
            NIOSSLClientHandler(context: context, serverHostname: "localhost")
          )
          try pipeline.addHandler(Watcher { outcome.yield($0) })
        }
      }
      .connect(host: "127.0.0.1", port: server.port).get()
    defer { channel.close(promise: nil) }
    return try await promptly {
      for await outcome in outcomes { return outcome }
      return .closed
    }
  }

  /// Tells what becomes of a connection: its first bytes (the server's HTTP/2 settings), or its end.
  private final class Watcher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let tell: (Outcome) -> Void
    private var agreed: String?

    init(_ tell: @escaping (Outcome) -> Void) { self.tell = tell }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case .handshakeCompleted(let agreed) = event as? TLSUserEvent { self.agreed = agreed }
      context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      self.tell(.open(self.agreed))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { self.tell(.closed) }
  }

  @Test("ends for clients that speak TLS 1.1 at most, and completes with 1.2 and 1.3")
  func versions() async throws {
    try await self.withEachServer { server, root in
      for (version, isGood) in [
        (TLSVersion.tlsv1, false), (.tlsv11, false), (.tlsv12, true), (.tlsv13, true),
      ] {
        let outcome = try await self.connect(to: server, root: root) {
          $0.maximumTLSVersion = version
        }
        #expect(outcome == (isGood ? .open("h2") : .closed), "\(version)")
      }
    }
  }

  @Test("ends for clients that do not agree on HTTP/2")
  func protocols() async throws {
    try await self.withEachServer { server, root in
      for (names, isGood) in [(["h2"], true), (["http/1.1", "h2"], true), ([], false)] {
        let outcome = try await self.connect(to: server, root: root) {
          $0.applicationProtocols = names
        }
        #expect(outcome == (isGood ? .open("h2") : .closed), "\(names)")
      }
      let other = try await self.connect(to: server, root: root) {
        $0.applicationProtocols = ["http/1.1"]
      }
      #expect(other == .closed)
    }
  }

  /// Runs `openssl s_client` until it has a session, or the server ends the connection.
  private func openssl(_ arguments: [String], in folder: TLSFolder) async throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: opensslPath)
    process.arguments = ["s_client"] + arguments
    process.currentDirectoryURL = URL(filePath: folder.path)
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    // With TLS 1.3 a session comes after the handshake.
    let last = arguments.contains("-tls1_3") ? "New Session Ticket arrived" : "Verify return code"
    try process.run()
    defer { if process.isRunning { process.terminate() } }
    let text = try await promptly { [input, output] in
      var text = ""
      while true {
        let data = output.fileHandleForReading.availableData
        guard !data.isEmpty else { return text }
        text += String(decoding: data, as: UTF8.self)
        if text.contains(last) { try? input.fileHandleForWriting.close() }
      }
    }
    process.waitUntilExit()
    return text
  }

  @Test(
    "is done in full by clients that come back, so that an authority taken out is asked for",
    .enabled(if: FileManager.default.isExecutableFile(atPath: opensslPath)),
    arguments: ["-tls1_2", "-tls1_3"]
  )
  func resumption(version: String) async throws {
    let (old, new) = (try Issued.root("Old"), try Issued.root("New"))
    let own = try old.issue()
    let folder = try TLSFolder.with(own, roots: [old])
    let roots = try folder.trustRoots()
    let client = try TLSFolder.with(try old.issue())
    @Sendable
    func arguments(_ server: TLSServer, _ session: String...) -> [String] {
      [
        "-connect", "127.0.0.1:\(server.port)", version, "-alpn", "h2",
        "-cert", client.chain, "-key", client.key,
      ] + session
    }
    // A server with fixed roots lets a client come back without its certificate being looked at:
    // what this test would not see if it could not see it.
    let fixed = GuardedTransportSecurity.mTLS(
      certificateChain: [.bytes(try own.der, format: .der)],
      privateKey: .bytes(Array(try own.keyPEM.utf8), format: .pem),
      clientRoots: .certificates([.bytes(try old.der, format: .der)])
    )
    try await TLSServer.with(fixed) { server in
      let first = try await self.openssl(arguments(server, "-sess_out", "fixed"), in: client)
      #expect(first.contains("New, TLSv1"))
      let second = try await self.openssl(arguments(server, "-sess_in", "fixed"), in: client)
      #expect(second.contains("Reused, TLSv1"))
    }
    let security = try GuardedTransportSecurity.mTLS(
      identity: try folder.identity(),
      clientRoots: roots
    )
    try await TLSServer.with(security) { server in
      let first = try await self.openssl(arguments(server, "-sess_out", "fresh"), in: client)
      #expect(first.contains("New, TLSv1"))
      #expect(FileManager.default.fileExists(atPath: "\(client.path)/fresh"))
      let second = try await self.openssl(arguments(server, "-sess_in", "fresh"), in: client)
      #expect(second.contains("New, TLSv1"))
      #expect(!second.contains("Reused, TLSv1"))
      try folder.write(roots: [new])
      #expect(roots.reload())
      let third = try await self.openssl(arguments(server, "-sess_in", "fresh"), in: client)
      #expect(!third.contains("Reused, TLSv1"))
    }
  }
}

private let opensslPath = "/usr/bin/openssl"
