// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

@Suite("A call whose decision has to wait", .timeLimit(.minutes(1)))
struct PendingCallTests {
  static let method = GuardedTransportTests.method

  private var alice: TokenLookup.Outcome {
    get throws {
      let assertion = try #require(TokenTable.standard().tokens["good"])
      return .success(Principal(assertingVerified: assertion))
    }
  }

  private func open(
    _ server: ScriptedServer,
    _ headers: [(String, String)] = []
  ) -> ScriptedCall {
    let call = server.transport.open(Self.method)
    let all = [(String, String)].bearer("opaque") + headers
    call.send(.metadata(Metadata(all.map { ($0.0, .string($0.1)) })))
    call.send(.message(Array("hello".utf8)))
    call.finish()
    return call
  }

  @Test("it runs when the answer is yes, as whom the answer names")
  func allowed() async throws {
    let verifier = GatedVerifier()
    try await withScriptedServer(verifier: verifier) { server in
      let call = self.open(server)
      #expect(await Self.eventually { verifier.waitingCount == 1 })
      #expect(server.service.handled == 0 && call.parts.isEmpty)
      verifier.answer(try self.alice)
      await call.end()
      #expect(call.messages == ["hello"])
      #expect(call.statuses.map(\.status.code) == [.ok])
      #expect(server.observer.records.map { $0.decision.grant?.principal?.subject } == ["alice"])
    }
  }

  @Test(
    "it is denied when the answer is no, and when there is none",
    arguments: [DenialReason.tokenUnknown, .dependencyUnavailable, .audienceMismatch]
  )
  func denied(reason: DenialReason) async throws {
    let verifier = GatedVerifier()
    try await withScriptedServer(verifier: verifier) { server in
      verifier.answer(.failure(VerificationFailure(reason)))
      let call = self.open(server)
      await call.end()
      #expect(call.parts.count == 1)
      #expect(call.statuses.first?.status.code.rawValue == reason.response.grpcStatus)
      #expect(server.service.handled == 0)
      #expect(server.observer.reasons == [reason])
    }
  }

  @Test("an answer that leads to the next question is a denial")
  func circular() async throws {
    let verifier = GatedVerifier()
    try await withScriptedServer(verifier: verifier) { server in
      verifier.answer(nil)
      let call = self.open(server)
      await call.end()
      #expect(call.statuses.map(\.status.code) == [.unavailable])
      #expect(server.service.handled == 0)
    }
  }

  @Test("it is judged by the policy like any other")
  func policy() async throws {
    let verifier = GatedVerifier()
    let rules = [Allow("test.Service/*", .scopes(["write"]))]
    try await withScriptedServer(policy: rules, verifier: verifier) { server in
      verifier.answer(try self.alice)
      let call = self.open(server)
      await call.end()
      #expect(call.statuses.map(\.status.code) == [.permissionDenied])
    }
  }

  @Test("its own deadline ends the wait with DEADLINE_EXCEEDED, whatever comes later (S07)")
  func deadline() async throws {
    let verifier = GatedVerifier()
    let clock = ManualClock()
    try await withScriptedServer(verifier: verifier, clock: clock) { server in
      let call = self.open(server, [("grpc-timeout", "1m")])
      #expect(await Self.eventually { verifier.waitingCount == 1 })
      clock.advanceMonotonic(by: .milliseconds(1))
      await call.end()
      #expect(call.statuses.map(\.status.code) == [.deadlineExceeded])
      #expect(server.observer.reasons == [.deadlineExceeded])
      #expect(verifier.waitingCount == 0)
      verifier.answer(try self.alice)
      #expect(server.service.handled == 0)
    }
  }

  @Test("the handler gets what is left of the deadline")
  func remaining() async throws {
    let verifier = GatedVerifier()
    let clock = ManualClock()
    let seen = Shared<[String]>([])
    let handler: TestService.Handler = { request, context in
      seen.update { $0 = Array(request.metadata[stringValues: "grpc-timeout"]) }
      return try await TestService.echo(request, context)
    }
    try await withScriptedServer([Self.method: handler], verifier: verifier, clock: clock) {
      server in
      let call = self.open(server, [("grpc-timeout", "30S")])
      #expect(await Self.eventually { verifier.waitingCount == 1 })
      clock.advanceMonotonic(by: .seconds(20))
      verifier.answer(try self.alice)
      await call.end()
      #expect(call.statuses.map(\.status.code) == [.ok])
      #expect(seen.value == ["10000m"])
    }
  }

  @Test("a client that goes away ends the wait, and nothing is left of it (S06)")
  func cancelled() async throws {
    let verifier = GatedVerifier()
    try await withScriptedServer(verifier: verifier) { server in
      let call = self.open(server)
      #expect(await Self.eventually { verifier.waitingCount == 1 })
      call.cancel()
      await call.end()
      #expect(verifier.waitingCount == 0)
      #expect(server.observer.reasons == [.callCancelled])
      #expect(server.service.handled == 0)
      #expect(server.guarded.supervisedCallCount == 0)
    }
  }

  @Test("the interceptor waits in the same way")
  func interceptor() async throws {
    let verifier = GatedVerifier()
    let requestGuard = RequestGuard(
      policy: try MethodPolicy([Allow("test.Service/*", .scopes(["read"]))]),
      verifier: verifier,
      time: ManualClock()
    )
    let interceptor = try GuardInterceptor(
      guardedBy: requestGuard,
      security: .plaintext(because: "a test")
    )
    let context = ServerContext(
      descriptor: MethodDescriptor(fullyQualifiedService: "test.Service", method: "Echo"),
      remotePeer: "in-process:1",
      localPeer: "in-process:2",
      cancellation: ServerContext.RPCCancellationHandle()
    )
    let request = StreamingServerRequest<String>(
      metadata: ["authorization": "Bearer opaque"],
      messages: RPCAsyncSequence(wrapping: AsyncThrowingStream { $0.finish() })
    )
    let outcome = Task {
      try await interceptor.intercept(request: request, context: context) { request, _ in
        StreamingServerResponse<String>(metadata: request.metadata) { _ in [:] }
      }
    }
    #expect(await Self.eventually { verifier.waitingCount == 1 })
    verifier.answer(try self.alice)
    #expect(try await outcome.value.metadata.isEmpty)
    verifier.answer(.failure(VerificationFailure(.tokenUnknown)))
    await #expect(throws: RPCError.self) {
      try await interceptor.intercept(request: request, context: context) { _, _ in
        StreamingServerResponse<String>(metadata: [:]) { _ in [:] }
      }
    }
  }

  private static func eventually(_ condition: () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(30)
    while !condition(), ContinuousClock.now < end {
      try? await Task.sleep(for: .milliseconds(1))
    }
    return condition()
  }
}
