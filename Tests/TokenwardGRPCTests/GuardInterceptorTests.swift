// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

@Suite("The guard as an interceptor", .timeLimit(.minutes(1)))
struct GuardInterceptorTests {
  static let method = "test.Service/Echo"

  private func withServer(
    _ handler: @escaping TestService.Handler = TestService.echo,
    policy: Requirement = .scopes(["read"]),
    _ body: (ScriptedTransport, TestService, RecordingObserver, GuardInterceptor) async throws ->
      Void
  ) async throws {
    let observer = RecordingObserver()
    let interceptor = try GuardInterceptor(
      guardedBy: RequestGuard(
        policy: try MethodPolicy([Allow(Self.method, policy)]),
        verifier: TokenTable.standard(),
        time: ManualClock(),
        observers: [observer]
      ),
      security: .plaintext(because: "test double")
    )
    let transport = ScriptedTransport()
    let service = TestService([Self.method: handler])
    try await withGRPCServer(
      transport: transport,
      services: [service],
      interceptors: [interceptor]
    ) { _ in
      try await body(transport, service, observer, interceptor)
    }
  }

  @Test(
    "takes the decisions of the transport",
    // Without the malformed timeouts: the server reads those before any interceptor.
    arguments: GuardedTransportTests.refused.filter { $0.reason != .requestMalformed }
  )
  func denied(_ row: GuardedTransportTests.Refused) async throws {
    try await self.withServer { transport, service, observer, _ in
      let call = await transport.call(Self.method, row.headers)
      #expect(observer.reasons == [row.reason])
      #expect(service.handled == 0)
      #expect(service.deserialized == 0)
      #expect(call.parts.count == 1)
      let (status, metadata) = try #require(call.statuses.first)
      #expect(status.code.rawValue == row.reason.response.grpcStatus)
      #expect(status.message == row.reason.response.message)
      #expect(
        Array(metadata[binaryValues: "grpc-status-details-bin"])
          == [row.reason.response.statusDetails]
      )
    }
  }

  @Test("binds the caller again for the producer, and removes the credential")
  func allowed() async throws {
    let handler: TestService.Handler = { request, _ in
      let inHandler = Principal.current?.subject.text ?? "nobody"
      let keys = request.metadata.map(\.key)
      return StreamingServerResponse { writer in
        try await writer.write(inHandler)
        try await writer.write(Principal.current?.subject.text ?? "nobody")
        try await writer.write("\(keys)")
        return ["x-trailer": "kept"]
      }
    }
    try await self.withServer(handler) { transport, _, _, interceptor in
      let call = await transport.call(Self.method, .bearer("good") + [("x-kept", "1")])
      #expect(call.messages == ["alice", "alice", "[\"x-kept\"]"])
      #expect(call.statuses.map(\.status.code) == [.ok])
      #expect(call.statuses.first?.metadata == ["x-trailer": "kept"])
      #expect(interceptor.supervisedCallCount == 0)
    }
  }

  @Test("lets anonymous callers call as nobody")
  func anonymous() async throws {
    let handler: TestService.Handler = { _, _ in
      StreamingServerResponse { writer in
        try await writer.write(Principal.current?.subject.text ?? "nobody")
        return [:]
      }
    }
    let outside = Principal(assertingVerified: try #require(TokenTable.standard().tokens["other"]))
    try await Principal.$current.withValue(outside) {
      try await self.withServer(handler, policy: .anonymous) { transport, _, _, _ in
        #expect(await transport.call(Self.method).messages == ["nobody"])
        #expect(await transport.call(Self.method, .bearer("good")).messages == ["alice"])
      }
    }
  }

  @Test("ends a stream at its token's end, whatever its producer does")
  func expiry() async throws {
    let (stop, stopper) = AsyncStream.makeStream(of: Void.self)
    let handler: TestService.Handler = { _, _ in
      StreamingServerResponse { writer in
        try await writer.write("early")
        await Task.detached {
          for await _ in stop {}
          try? await writer.write("late")
        }.value
        return [:]
      }
    }
    try await self.withServer(handler) { transport, _, _, interceptor in
      let start = ContinuousClock.now
      let machine = Lateness(at: start + .seconds(1))
      let call = transport.open(Self.method)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      await call.end()
      let elapsed = ContinuousClock.now - start
      #expect(elapsed >= .seconds(1))
      #expect(elapsed <= .seconds(2) + (await machine.value))
      stopper.finish()
      #expect(call.messages == ["early"])
      #expect(call.statuses.map(\.status.code) == [.unauthenticated])
      #expect(
        call.statuses.first?.metadata == DenialReason.tokenExpired.response.metadata
      )
      #expect(interceptor.supervisedCallCount == 0)
    }
  }

  @Test("fails the messages of a stream whose token has ended")
  func expiredMessages() async throws {
    try await self.withServer { transport, service, _, _ in
      let call = transport.open(Self.method)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      call.send(.message(Array("early".utf8)))
      _ = await call.parts(atLeast: 2)
      await call.end()
      #expect(call.messages == ["early"])
      #expect(call.statuses.map(\.status.code) == [.unauthenticated])
      #expect(service.deserialized == 1)
    }
  }

  @Test("forgets a call whose producer never runs, because the client has reset its stream")
  func neverProduced() async throws {
    try await self.withServer { transport, service, _, interceptor in
      let call = transport.open(Self.method) { part in
        if case .metadata = part { throw RPCError(code: .unavailable, message: "reset") }
      }
      call.send(.metadata(Metadata([("authorization", .string("Bearer good"))])))
      call.finish()
      await call.end()
      #expect(service.handled == 1)
      #expect(interceptor.supervisedCallCount == 0)
    }
  }

  @Test("forgets calls that fail")
  func failures() async throws {
    let failing: TestService.Handler = { _, _ in throw RPCError(code: .aborted, message: "no") }
    try await self.withServer(failing) { transport, _, _, interceptor in
      let call = await transport.call(Self.method, .bearer("good"))
      #expect(call.statuses.map(\.status.code) == [.aborted])
      #expect(interceptor.supervisedCallCount == 0)
    }
    let refusing: TestService.Handler = { _, _ in
      StreamingServerResponse(error: RPCError(code: .notFound, message: "no"))
    }
    try await self.withServer(refusing) { transport, _, _, interceptor in
      let call = await transport.call(Self.method, .bearer("good"))
      #expect(call.statuses.map(\.status.code) == [.notFound])
      #expect(interceptor.supervisedCallCount == 0)
    }
  }
}
