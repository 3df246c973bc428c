// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import SwiftProtobuf
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit

/// The guard over real sockets of this machine.
@Suite("Over HTTP/2", .serialized, .timeLimit(.minutes(1)))
struct HTTP2Tests {
  typealias Orders = Tokenward_Example_V1_Orders.Client<HTTP2ClientTransport.Posix>

  /// What else a test may want to look at.
  struct Ends: Sendable {
    let client: GRPCClient<HTTP2ClientTransport.Posix>
    let observer: RecordingObserver
    let streams: RecordingStreams

    /// Calls `Watch` with text for messages.
    func watch(
      _ body: @escaping @Sendable (StreamingClientResponse<String>) async throws -> Void
    ) async throws {
      try await self.client.serverStreaming(
        request: ClientRequest(message: "watch"),
        descriptor: Tokenward_Example_V1_Orders.Method.Watch.descriptor,
        serializer: TextSerializer(),
        deserializer: TextDeserializer(),
        options: .defaults,
        onResponse: body
      )
    }
  }

  /// Runs the example service behind a guard, and a client that presents a token.
  private func withServer(
    _ service: some RegistrableRPCService = ExampleOrders(),
    security: GuardedTransportSecurity = .plaintext(because: "loopback of one test process"),
    client: HTTP2ClientTransport.Posix.TransportSecurity = .plaintext,
    verifier: TokenTable = .standard(),
    policy: Requirement = .scopes(["read"]),
    token: String? = "good",
    config: HTTP2ServerTransport.Posix.Config = .hardened,
    _ body: @Sendable (Orders, Ends) async throws -> Void
  ) async throws {
    let observer = RecordingObserver()
    let streams = RecordingStreams()
    let server = GRPCServer(
      transport: try .http2NIOPosix(
        guardedBy: RequestGuard(
          policy: try MethodPolicy { Allow("tokenward.example.v1.Orders/*", policy) },
          verifier: verifier,
          time: ManualClock(),
          observers: [observer]
        ),
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: security,
        config: config,
        streams: streams
      ),
      services: [service]
    )
    let credentials = try token.map { token in
      try CredentialInterceptor(
        source: CredentialTests.Fixed(text: token),
        channel: .plaintext(because: "loopback of one test process")
      )
    }
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await server.serve() }
      let port = try await server.listeningAddress?.ipv4?.port
      try await withGRPCClient(
        transport: try .http2NIOPosix(
          target: .ipv4(address: "127.0.0.1", port: try #require(port)),
          transportSecurity: client
        ),
        interceptors: [credentials].compactMap(\.self)
      ) { client in
        try await body(
          Orders(wrapping: client),
          Ends(client: client, observer: observer, streams: streams)
        )
      }
      server.beginGracefulShutdown()
    }
  }

  private func expectDenied(
    _ reason: DenialReason,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
  ) async {
    let error = await #expect(throws: RPCError.self, sourceLocation: sourceLocation) {
      try await body()
    }
    let response = reason.response
    #expect(error?.code.rawValue == response.grpcStatus, sourceLocation: sourceLocation)
    #expect(error?.message == response.message, sourceLocation: sourceLocation)
    let details = error.flatMap { DenialDetails($0) }
    #expect(details?.reason == response.errorInfoReason, sourceLocation: sourceLocation)
  }

  @Test("calls of every shape are let through with a good token")
  func allowed() async throws {
    try await self.withServer { orders, _ in
      let order = try await orders.get(.with { $0.id = "7" })
      #expect(order.requestedBy == "alice")
      let events = try await orders.watch(.with { $0.count = 100 }) { response in
        try await response.messages.reduce(into: 0) { count, _ in count += 1 }
      }
      #expect(events == 100)
      let notes = try await orders.chat { writer in
        for text in ["a", "b"] { try await writer.write(.with { $0.text = text }) }
      } onResponse: { response in
        try await response.messages.reduce(into: []) { $0.append("\($1.from) \($1.text)") }
      }
      #expect(notes == ["alice a", "alice b"])
    }
  }

  @Test(
    "denials reach the client whole, for calls of every shape",
    arguments: [nil, "bad", "poor"]
  )
  func denied(_ token: String?) async throws {
    let reason: DenialReason =
      switch token {
      case nil: .credentialMissing
      case "bad": .signatureInvalid
      default: .scopeInsufficient
      }
    try await self.withServer(token: token) { orders, ends in
      for _ in 0 ..< 20 {
        await self.expectDenied(reason) { _ = try await orders.get(.with { $0.id = "7" }) }
        await self.expectDenied(reason) {
          try await orders.watch(.with { $0.count = 1 }) { response in
            for try await _ in response.messages {}
          }
        }
        await self.expectDenied(reason) {
          try await orders.chat { writer in
            // A client that sends on until it is stopped.
            while true {
              try await writer.write(.with { $0.text = "note" })
              try await Task.sleep(for: .milliseconds(1))
            }
          } onResponse: { response in
            for try await _ in response.messages {}
          }
        }
        await self.expectDenied(reason) {
          try await orders.chat { _ in
            // A client that sends nothing and does not end its side by itself.
            try await Task.sleep(for: .seconds(60))
          } onResponse: { response in
            for try await _ in response.messages {}
          }
        }
      }
      #expect(ends.observer.reasons == [DenialReason](repeating: reason, count: 80))
    }
  }

  @Test("a stream that its client cancels is told as cancelled, and one that ends as completed")
  func cancelled() async throws {
    try await self.withServer { orders, ends in
      try await orders.watch(.with { $0.count = 2 }) { response in
        for try await _ in response.messages {}
      }
      let (started, start) = AsyncStream.makeStream(of: Void.self)
      let watching = Task {
        try await orders.watch(.with { $0.intervalMilliseconds = 20 }) { response in
          for try await _ in response.messages { start.yield() }
        }
      }
      for await _ in started { break }
      watching.cancel()
      _ = await watching.result
      while ends.streams.ends.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
      #expect(ends.streams.opened == 2)
      #expect(ends.streams.ends == [.completed, .cancelled])
    }
  }

  @Test("a server that differs from its policy does not start, and who waits for it is told")
  func refusedStart() async throws {
    let error = await #expect(throws: (any Error).self) {
      try await self.withServer(TestService(["test.Service/Echo": TestService.echo])) { _, _ in
        Issue.record("the server is there")
      }
    }
    let configuration =
      error as? ConfigurationError ?? (error as? RuntimeError)?.cause as? ConfigurationError
    #expect(configuration?.problems.count == 2)
  }

  @Test("an open stream is cut when its token ends, and the client learns why")
  func expiry() async throws {
    try await self.withServer(token: "short") { orders, _ in
      let start = ContinuousClock.now
      await self.expectDenied(.tokenExpired) {
        try await orders.watch(.with { $0.intervalMilliseconds = 50 }) { response in
          for try await _ in response.messages {}
        }
      }
      // The bound of a second is measured without sockets, in ExpiryTests.
      #expect(ContinuousClock.now - start >= .seconds(1))
      #expect(ContinuousClock.now - start <= .seconds(4))
      await self.expectDenied(.tokenExpired) {
        try await orders.chat { _ in
          try await Task.sleep(for: .seconds(60))
        } onResponse: { response in
          for try await _ in response.messages {}
        }
      }
    }
  }

  @Test("a stream of many messages is cut when its token ends, and its handler ends")
  func busyStream() async throws {
    let lifetime = Shared<Duration?>(nil)
    let service = TestService([
      "tokenward.example.v1.Orders/Watch": { _, _ in
        StreamingServerResponse { writer in
          let start = ContinuousClock.now
          defer { lifetime.update { $0 = ContinuousClock.now - start } }
          let chunk = String(repeating: "x", count: 1_000)
          while true {
            try await writer.write(chunk)
            // Slow enough for a client that shares the machine to keep up with it.
            try? await Task.sleep(for: .microseconds(500))
          }
        }
      }
    ])
    try await self.withServer(service, token: "short") { _, ends in
      await self.expectDenied(.tokenExpired) {
        try await ends.watch { response in
          for try await _ in response.messages {}
        }
      }
      let lifetime = try #require(lifetime.value)
      #expect(lifetime >= .milliseconds(900))
      #expect(lifetime <= .seconds(4))
    }
  }

  @Test("a stream that its client does not read is cut all the same, and its handler ends")
  func unreadStream() async throws {
    let ended = Shared(0)
    let (handlerEnds, end) = AsyncStream.makeStream(of: Void.self)
    let service = TestService([
      "tokenward.example.v1.Orders/Watch": { _, _ in
        StreamingServerResponse { writer in
          defer {
            ended.update { $0 += 1 }
            end.finish()
          }
          let chunk = String(repeating: "x", count: 10_000)
          while true { try await writer.write(chunk) }
        }
      }
    ])
    try await self.withServer(service, token: "short") { _, ends in
      let start = ContinuousClock.now
      try? await ends.watch { response in
        // Nothing is read until the server has given up.
        for await _ in handlerEnds {}
      }
      #expect(ended.value == 1)
      #expect(ContinuousClock.now - start <= .seconds(10))
    }
  }

  @Test("TLS protects the token")
  func tls() async throws {
    let pki = try TestPKI()
    let server = try pki.issue("server")
    let roots = try pki.roots
    try await self.withServer(
      security: .tls(certificateChain: [try server.source], privateKey: server.keySource),
      client: .tls { tls in
        tls.trustRoots = roots
        tls.serverCertificateVerification = .noHostnameVerification
      }
    ) { orders, _ in
      let order = try await orders.get(.with { $0.id = "7" })
      #expect(order.requestedBy == "alice")
    }
  }

  @Test("a token bound to a client certificate needs that certificate")
  func mutualTLS() async throws {
    let pki = try TestPKI()
    let server = try pki.issue("server")
    let roots = try pki.roots
    let owner = try pki.issue("owner")
    let thief = try pki.issue("thief")
    for (client, isOwner) in [(owner, true), (thief, false)] {
      let (source, key) = (try client.source, client.keySource)
      try await self.withServer(
        security: .mTLS(
          certificateChain: [try server.source],
          privateKey: server.keySource,
          clientRoots: roots
        ),
        client: .mTLS(certificateChain: [source], privateKey: key) { tls in
          tls.trustRoots = roots
          tls.serverCertificateVerification = .noHostnameVerification
        },
        verifier: .standard(certificate: try owner.thumbprint),
        token: "bound"
      ) { orders, _ in
        if isOwner {
          let order = try await orders.get(.with { $0.id = "7" })
          #expect(order.requestedBy == "bound")
        } else {
          await self.expectDenied(.bindingMismatch) {
            _ = try await orders.get(.with { $0.id = "7" })
          }
        }
      }
    }
  }

  @Test("the hardened limits are set, and can be changed")
  func hardened() {
    let hardened = HTTP2ServerTransport.Posix.Config.hardened
    #expect(hardened.http2.maxConcurrentStreams == 100)
    #expect(hardened.http2.targetWindowSize == 65_535)
    #expect(hardened.http2.maxFrameSize == 16_384)
    #expect(hardened.rpc.maxRequestPayloadSize == 1_048_576)
    #expect(hardened.connection.maxIdleTime == .seconds(300))
    #expect(hardened.connection.maxAge == .seconds(3_600))
    #expect(hardened.connection.maxGraceTime == .seconds(300))
    #expect(hardened.connection.keepalive.time == .seconds(60))
    #expect(hardened.connection.keepalive.timeout == .seconds(20))
    #expect(hardened.connection.keepalive.clientBehavior.allowWithoutCalls == false)
    #expect(
      hardened.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls == .seconds(60)
    )
    #expect(hardened.compression.enabledAlgorithms == .none)
    let changed = HTTP2ServerTransport.Posix.Config.hardened { $0.connection.maxAge = nil }
    #expect(changed.connection.maxAge == nil)
    #expect(changed.http2.maxConcurrentStreams == 100)
  }

  @Test("plaintext without a reason is refused")
  func plaintext() throws {
    let requestGuard = RequestGuard(
      policy: try MethodPolicy { Allow("a.A/*", .authenticated) },
      verifier: TokenTable.standard()
    )
    #expect(throws: ConfigurationError.self) {
      _ = try GuardedServerTransport<HTTP2ServerTransport.Posix>.http2NIOPosix(
        guardedBy: requestGuard,
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: .plaintext(because: "")
      )
    }
  }
}
