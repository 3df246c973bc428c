// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit

@Suite("The limits of HTTP/2", .serialized, .timeLimit(.minutes(1)))
struct HTTP2LimitTests {
  typealias Transport = GuardedServerTransport<HTTP2ServerTransport.Posix>

  private func withServer(
    security: GuardedTransportSecurity = .plaintext(because: "loopback of one test process"),
    client: HTTP2ClientTransport.Posix.TransportSecurity = .plaintext,
    config: HTTP2ServerTransport.Posix.Config? = nil,
    handler: @escaping TestService.Handler = TestService.echo,
    _ body: @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Void
  ) async throws {
    let requestGuard = RequestGuard(
      policy: try MethodPolicy([Allow("test.Service/Echo", .authenticated)]),
      verifier: GuardedStreamTests.verifier,
      time: ManualClock()
    )
    let address = GRPCNIOTransportHTTP2.SocketAddress.ipv4(host: "127.0.0.1", port: 0)
    let transport: Transport
    if let config {
      transport = try .http2NIOPosix(
        guardedBy: requestGuard,
        address: address,
        transportSecurity: security,
        config: config
      )
    } else {
      transport = try .http2NIOPosix(
        guardedBy: requestGuard,
        address: address,
        transportSecurity: security
      )
    }
    let server = GRPCServer(
      transport: transport,
      services: [TestService(["test.Service/Echo": handler])]
    )
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await server.serve() }
      let port = try await server.listeningAddress?.ipv4?.port
      try await withGRPCClient(
        transport: try .http2NIOPosix(
          target: .ipv4(address: "127.0.0.1", port: try #require(port)),
          transportSecurity: client
        )
      ) { client in
        try await body(client)
      }
      server.beginGracefulShutdown()
    }
  }

  /// Sends a message of this length, and answers how the call ended.
  private func send(
    _ length: Int,
    _ client: GRPCClient<HTTP2ClientTransport.Posix>
  ) async -> Status.Code? {
    var options = CallOptions.defaults
    options.maxRequestMessageBytes = 1 << 24
    options.maxResponseMessageBytes = 1 << 24
    options.timeout = .seconds(10)
    do {
      _ = try await client.unary(
        request: ClientRequest(
          message: String(repeating: "x", count: length),
          metadata: ["authorization": "Bearer good"]
        ),
        descriptor: MethodDescriptor(fullyQualifiedService: "test.Service", method: "Echo"),
        serializer: TextSerializer(),
        deserializer: TextDeserializer(),
        options: options
      ) { response in
        try response.message
      }
      return .ok
    } catch {
      return (error as? RPCError).map { Status.Code($0.code) }
    }
  }

  /// The transport does not say why it gives up a message that is too long.
  private func expect(
    _ isServed: Bool,
    for length: Int,
    _ client: GRPCClient<HTTP2ClientTransport.Posix>
  ) async {
    let code = await self.send(length, client)
    #expect((code == .ok) == isServed, "\(length) bytes: \(String(describing: code))")
  }

  @Test("are the hardened ones unless others are given")
  func defaults() async throws {
    try await self.withServer { client in
      await self.expect(true, for: 1_048_576, client)
      await self.expect(false, for: 1_048_577, client)
    }
    let own = HTTP2ServerTransport.Posix.Config.hardened { $0.rpc.maxRequestPayloadSize = 1_000 }
    try await self.withServer(config: own) { client in
      await self.expect(true, for: 1_000, client)
      await self.expect(false, for: 1_001, client)
    }
  }

  @Test("of time are what a handler learns that waits for its client")
  func endOfToken() async throws {
    let codes = Shared<[RPCError.Code?]>([])
    let handler: TestService.Handler = { request, _ in
      do {
        for try await _ in request.messages {}
        codes.update { $0.append(nil) }
      } catch {
        codes.update { $0.append((error as? RPCError)?.code) }
      }
      return StreamingServerResponse { _ in [:] }
    }
    try await self.withServer(handler: handler) { client in
      let error = await #expect(throws: RPCError.self) {
        try await client.bidirectionalStreaming(
          request: StreamingClientRequest<String>(metadata: ["authorization": "Bearer short"]) {
            _ in
            try await Task.sleep(for: .seconds(60))
          },
          descriptor: MethodDescriptor(fullyQualifiedService: "test.Service", method: "Echo"),
          serializer: TextSerializer(),
          deserializer: TextDeserializer(),
          options: .defaults
        ) { response in
          for try await _ in response.messages {}
        }
      }
      #expect(error?.code == .unauthenticated)
    }
    // The server has waited for its handlers.
    #expect(codes.value == [.unauthenticated])
  }

  @Test("include that a client agrees on HTTP/2, unless the application says otherwise")
  func applicationLayerProtocol() throws {
    let identity = try TestPKI().issue("server")
    let roots = try TestPKI().roots
    var seen = 0
    _ = GuardedTransportSecurity.tls(
      certificateChain: [try identity.source],
      privateKey: identity.keySource
    ) { tls in
      #expect(tls.requireALPN)
      seen += 1
    }
    _ = GuardedTransportSecurity.mTLS(
      certificateChain: [try identity.source],
      privateKey: identity.keySource,
      clientRoots: roots
    ) { tls in
      #expect(tls.requireALPN)
      #expect(tls.trustRoots == roots)
      seen += 1
    }
    #expect(seen == 2)
  }

  @Test("of mutual TLS are the certificates of the given roots")
  func clientRoots() async throws {
    let (own, foreign) = (try TestPKI(), try TestPKI())
    let server = try own.issue("server")
    let roots = try own.roots
    for (name, authority) in [("ours", own), ("foreign", foreign)] {
      let identity = try authority.issue("client")
      let (source, key) = (try identity.source, identity.keySource)
      try await self.withServer(
        security: .mTLS(
          certificateChain: [try server.source],
          privateKey: server.keySource,
          clientRoots: roots
        ),
        client: .mTLS(certificateChain: [source], privateKey: key) { tls in
          tls.trustRoots = roots
          tls.serverCertificateVerification = .noHostnameVerification
        }
      ) { client in
        let code = await self.send(10, client)
        #expect((code == .ok) == (name == "ours"), "\(name)")
      }
    }
    // No certificate at all.
    try await self.withServer(
      security: .mTLS(
        certificateChain: [try server.source],
        privateKey: server.keySource,
        clientRoots: roots
      ),
      client: .tls { tls in
        tls.trustRoots = roots
        tls.serverCertificateVerification = .noHostnameVerification
      }
    ) { client in
      #expect(await self.send(10, client) != .ok)
    }
  }
}
