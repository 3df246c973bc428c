// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import GRPCCore
internal import GRPCInProcessTransport
internal import GRPCNIOTransportHTTP2
internal import SwiftProtobuf
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit

/// Whole calls of a client with a credential against a guarded server.
@Suite("Calls with a credential", .serialized, .timeLimit(.minutes(1)))
struct CredentialedCallTests {
  /// A verifier whose accepted tokens can be changed, as when an issuer's keys are.
  final class Switchable: TokenVerifier {
    private let table: Shared<TokenTable>
    init() {
      self.table = Shared(TokenTable())
      self.accept("old")
    }

    func accept(_ token: String) {
      var assertion = Principal.Assertion(
        issuer: "https://issuer.example",
        subject: "alice",
        expiresAt: ManualClock.defaultStart.adding(seconds: 3_600)
      )
      assertion.scopes = ["read"]
      let tokens = [token: assertion]
      self.table.update { $0 = TokenTable(tokens: tokens) }
    }

    func verify(
      _ token: PresentedToken,
      at now: Moment
    ) throws(VerificationFailure) -> Principal {
      try self.table.value.verify(token, at: now)
    }
  }

  struct Ends: Sendable {
    let verifier: Switchable
    let observer: RecordingObserver
    let source: StaticTokenSource
  }

  private func guarded(_ verifier: Switchable, _ observer: RecordingObserver) throws -> RequestGuard
  {
    RequestGuard(
      policy: try MethodPolicy([Allow("tokenward.example.v1.Orders/*", .scopes(["read"]))]),
      verifier: verifier,
      time: ManualClock(),
      observers: [observer]
    )
  }

  /// Calls of every shape, each with the old token, which the server does not accept any more.
  private func exercise<Transport: ClientTransport>(
    _ orders: Tokenward_Example_V1_Orders.Client<Transport>,
    _ client: GRPCClient<Transport>,
    _ ends: Ends,
    unsentStreams: Int
  ) async throws {
    _ = try await orders.get(.with { $0.id = "7" })
    #expect(ends.observer.records.count == 1)
    ends.verifier.accept("new")

    let order = try await orders.get(.with { $0.id = "7" })
    #expect(order.requestedBy == "alice")
    #expect(ends.observer.reasons == [.signatureInvalid])
    #expect(ends.observer.records.count == 3)
    #expect(ends.source.refused == ["old"])

    ends.verifier.accept("new-2")
    let events = try await orders.watch(.with { $0.count = 3 }) { response in
      try await response.messages.reduce(into: 0) { count, _ in count += 1 }
    }
    #expect(events == 3)
    #expect(ends.observer.records.count == 5)

    ends.verifier.accept("new-3")
    let notes = try await orders.chat { writer in
      for text in ["a", "b", "c"] { try await writer.write(.with { $0.text = text }) }
    } onResponse: { response in
      try await response.messages.reduce(into: []) { $0.append($1.text) }
    }
    #expect(notes == ["a", "b", "c"])
    #expect(ends.observer.records.count == 7)

    // A client's stream with one answer, which the example has no method for.
    ends.verifier.accept("new-4")
    let count = try await client.clientStreaming(
      request: StreamingClientRequest<String> { writer in
        try await writer.write("")
      },
      descriptor: Tokenward_Example_V1_Orders.Method.Chat.descriptor,
      serializer: TextSerializer(),
      deserializer: TextDeserializer(),
      options: .defaults
    ) { response in try response.message.utf8.count }
    #expect(count > 0)
    #expect(ends.observer.records.count == 9)

    // No other token is left: the server's answer comes through, once.
    ends.verifier.accept("nobody's")
    let error = await #expect(throws: RPCError.self) {
      _ = try await orders.get(.with { $0.id = "7" })
    }
    #expect(error?.code == .unauthenticated)
    #expect(error.flatMap { DenialDetails($0) }?.reason == "ACCESS_TOKEN_INVALID")
    #expect(ends.observer.records.count == 10)

    // A call that is not sent costs the server nothing.
    ends.source.fail(with: TokenSourceError(problem: "down", hint: "wait"))
    let down = await #expect(throws: RPCError.self) {
      _ = try await orders.get(.with { $0.id = "7" })
    }
    #expect(down?.code == .unavailable)
    #expect(down?.cause is TokenSourceError)
    ends.source.fail(with: nil)
    ends.verifier.accept("new-4")
    let mine = await #expect(throws: RPCError.self) {
      _ = try await orders.get(
        .with { $0.id = "7" },
        metadata: ["authorization": "Bearer mine"]
      )
    }
    #expect(mine?.code == .invalidArgument)
    #expect(ends.observer.records.count == 10 + unsentStreams)
    _ = try await orders.get(.with { $0.id = "7" })
    #expect(ends.observer.records.count == 11 + unsentStreams)
  }

  private func ends() -> Ends {
    Ends(
      verifier: Switchable(),
      observer: RecordingObserver(),
      source: StaticTokenSource("old", "new", "new-2", "new-3", "new-4")
    )
  }

  @Test("survive a token that the server refuses, in one process")
  func inProcess() async throws {
    let ends = self.ends()
    let transport = InProcessTransport()
    let guarded = try GuardedServerTransport(
      wrapping: transport.server,
      guardedBy: try self.guarded(ends.verifier, ends.observer),
      security: .plaintext(because: "client and server are one process")
    )
    let credentialed = try CredentialedClientTransport(
      wrapping: transport.client,
      presenting: ends.source,
      channel: .plaintext(because: "client and server are one process")
    )
    try await withGRPCServer(transport: guarded, services: [ExampleOrders()]) { _ in
      try await withGRPCClient(transport: credentialed) { client in
        let orders = Tokenward_Example_V1_Orders.Client(wrapping: client)
        // This transport shows a stream to the server before anything is written to it; twice the
        // guard sees one without metadata.
        try await self.exercise(orders, client, ends, unsentStreams: 2)
      }
    }
  }

  /// A guarded server with TLS for `localhost`, and its port.
  private func withServer(
    _ ends: Ends,
    _ pki: TestPKI,
    _ body: (Int) async throws -> Void
  ) async throws {
    let identity = try pki.issue("server")
    let server = GRPCServer(
      transport: try .http2NIOPosix(
        guardedBy: try self.guarded(ends.verifier, ends.observer),
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: .tls(
          certificateChain: [try identity.source],
          privateKey: identity.keySource
        )
      ),
      services: [ExampleOrders()]
    )
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await server.serve() }
      try await body(try #require(try await server.listeningAddress?.ipv4?.port))
      server.beginGracefulShutdown()
    }
  }

  @Test("survive a token that the server refuses, over HTTP/2 and TLS")
  func http2() async throws {
    let ends = self.ends()
    let pki = try TestPKI()
    let roots = try pki.roots
    try await self.withServer(ends, pki) { port in
      let transport: CredentialedClientTransport<HTTP2ClientTransport.Posix> = try .http2NIOPosix(
        target: .ipv4(address: "127.0.0.1", port: port),
        presenting: ends.source,
        boundTo: [try BoundHost("localhost", port: port)],
        transportSecurity: .tls(trustRoots: roots),
        config: .defaults { $0.http2.authority = "localhost" }
      )
      try await withGRPCClient(transport: transport) { client in
        let orders = Tokenward_Example_V1_Orders.Client(wrapping: client)
        // A stream that nothing is written to does not exist for the server.
        try await self.exercise(orders, client, ends, unsentStreams: 0)
        try await self.many(orders, ends)
      }
    }
  }

  /// A large request that fills the stream's window before the refusal comes.
  private func many(
    _ orders: Tokenward_Example_V1_Orders.Client<
      CredentialedClientTransport<HTTP2ClientTransport.Posix>
    >,
    _ ends: Ends
  ) async throws {
    ends.verifier.accept("new-4")
    let text = String(repeating: "x", count: 1_000)
    let notes = try await orders.chat { writer in
      for _ in 0 ..< 500 { try await writer.write(.with { $0.text = text }) }
    } onResponse: { response in
      try await response.messages.reduce(into: 0) { count, _ in count += 1 }
    }
    #expect(notes == 500)
  }

  @Test("a server that cannot prove to be the bound host gets no token")
  func wrongServer() async throws {
    let ends = self.ends()
    let pki = try TestPKI()
    let roots = try pki.roots
    try await self.withServer(ends, pki) { port in
      let transport: CredentialedClientTransport<HTTP2ClientTransport.Posix> = try .http2NIOPosix(
        target: .ipv4(address: "127.0.0.1", port: port),
        presenting: ends.source,
        boundTo: [try BoundHost("orders.example.com", port: port)],
        transportSecurity: .tls(trustRoots: roots),
        config: .defaults { $0.http2.authority = "orders.example.com" }
      )
      try await withGRPCClient(transport: transport) { client in
        let orders = Tokenward_Example_V1_Orders.Client(wrapping: client)
        await #expect(throws: RPCError.self) {
          var options = CallOptions.defaults
          options.timeout = .milliseconds(500)
          _ = try await orders.get(.with { $0.id = "7" }, options: options)
        }
      }
    }
    #expect(ends.source.asked == 0)
    #expect(ends.observer.records.isEmpty)
  }

  @Test("an interceptor cannot save its call, but the next one")
  func interceptor() async throws {
    let ends = self.ends()
    let transport = InProcessTransport()
    let guarded = try GuardedServerTransport(
      wrapping: transport.server,
      guardedBy: try self.guarded(ends.verifier, ends.observer),
      security: .plaintext(because: "client and server are one process")
    )
    let credential = try CredentialInterceptor(
      source: ends.source,
      channel: .plaintext(because: "client and server are one process")
    )
    try await withGRPCServer(transport: guarded, services: [ExampleOrders()]) { _ in
      try await withGRPCClient(
        transport: transport.client,
        interceptors: [credential]
      ) { client in
        let orders = Tokenward_Example_V1_Orders.Client(wrapping: client)
        ends.verifier.accept("new")
        let error = await #expect(throws: RPCError.self) {
          _ = try await orders.get(.with { $0.id = "7" })
        }
        #expect(error?.code == .unauthenticated)
        #expect(ends.source.refused == ["old"])
        _ = try await orders.get(.with { $0.id = "7" })
        // Other denials are no reason to look for another token.
        await #expect(throws: RPCError.self) {
          try await client.unary(
            request: ClientRequest(message: "a"),
            descriptor: MethodDescriptor(fullyQualifiedService: "a.A", method: "One"),
            serializer: TextSerializer(),
            deserializer: TextDeserializer(),
            options: .defaults
          ) { try $0.message }
        }
        #expect(ends.source.refused == ["old"])
      }
    }
  }
}
