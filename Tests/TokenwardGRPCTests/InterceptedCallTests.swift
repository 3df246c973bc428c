// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// Calls of the interceptor without a server, so that a test decides when each step is taken. The
/// token `short` lasts a fifth of a second.
@Suite("A call behind the interceptor", .serialized, .timeLimit(.minutes(1)))
struct InterceptedCallTests {
  typealias Response = StreamingServerResponse<String>
  typealias Messages = AsyncThrowingStream<String, any Error>

  static let method = "test.Service/Echo"
  static let verifier = TokenTable.standard(
    short: UnixTime(seconds: ManualClock.defaultStart.seconds, nanoseconds: 200_000_000)
  )

  /// What the handler left behind. Its messages come from the test.
  struct Call: Sendable {
    let cancellation = ServerContext.RPCCancellationHandle()
    private let messages: Messages
    let message: Messages.Continuation

    init() { (self.messages, self.message) = Messages.makeStream() }

    func start(
      _ token: String? = "short",
      policy: Requirement = .scopes(["read"]),
      certificate: CertificateThumbprint? = nil,
      handler: @escaping TestService.Handler
    ) async throws -> Response {
      let interceptor = try GuardInterceptor(
        guardedBy: RequestGuard(
          policy: try MethodPolicy([Allow(InterceptedCallTests.method, policy)]),
          verifier: InterceptedCallTests.verifier,
          time: ManualClock()
        ),
        security: .plaintext(because: "a function call"),
        peerCertificate: { _ in certificate }
      )
      var metadata = Metadata()
      if let token { metadata.addString("Bearer \(token)", forKey: "authorization") }
      return try await interceptor.intercept(
        request: StreamingServerRequest(
          metadata: metadata,
          messages: RPCAsyncSequence(wrapping: self.messages)
        ),
        context: ServerContext(
          descriptor: MethodDescriptor(fullyQualifiedService: "test.Service", method: "Echo"),
          remotePeer: "test:caller",
          localPeer: "test:server",
          cancellation: self.cancellation
        ),
        next: handler
      )
    }

    /// Waits for the deadline.
    func expired() async throws { try await self.cancellation.cancelled }
  }

  /// The server's end of the response.
  struct Sink: RPCWriterProtocol {
    let written = Shared<[String]>([])

    func write(_ element: String) async throws { self.written.update { $0.append(element) } }
    func write(contentsOf elements: some Sequence<String>) async throws {
      for element in elements { try await self.write(element) }
    }
  }

  private func produce(_ response: Response, to sink: Sink = Sink()) async throws -> Metadata {
    try await response.accepted.get().producer(RPCWriter(wrapping: sink))
  }

  private func expectExpired(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
  ) async {
    let error = await #expect(throws: RPCError.self, sourceLocation: sourceLocation) {
      try await body()
    }
    #expect(error?.code == .unauthenticated, sourceLocation: sourceLocation)
    let details = error.flatMap { DenialDetails($0) }
    #expect(details?.reason == "ACCESS_TOKEN_EXPIRED", sourceLocation: sourceLocation)
  }

  static let empty: TestService.Handler = { _, _ in Response { _ in ["x-done": "1"] } }

  @Test("is let in with a bound token if its certificate is the one")
  func certificate() async throws {
    let own = CertificateThumbprint(der: [1, 2, 3])
    let response = try await Call().start("bound", certificate: own, handler: Self.empty)
    #expect(try await self.produce(response) == ["x-done": "1"])
    await #expect(throws: RPCError.self) {
      try await Call().start(
        "bound",
        certificate: CertificateThumbprint(der: [1, 2, 4]),
        handler: Self.empty
      )
    }
  }

  @Test("has no caller in its handler if it is anonymous, whoever started the server")
  func nobody() async throws {
    let callers = Shared<[String]>([])
    let handler: TestService.Handler = { request, context in
      callers.update { $0.append(Principal.current?.subject.text ?? "nobody") }
      return try await Self.empty(request, context)
    }
    let outside = Principal(assertingVerified: try #require(Self.verifier.tokens["other"]))
    try await Principal.$current.withValue(outside) {
      _ = try await Call().start(nil, policy: .anonymous, handler: handler)
      _ = try await Call().start("good", policy: .anonymous, handler: handler)
    }
    #expect(callers.value == ["nobody", "alice"])
  }

  @Test("gets its messages until its token ends, and none that come later")
  func messages() async throws {
    let call = Call()
    let read = Shared<[String]>([])
    let late = Task {
      try await call.expired()
      call.message.yield("late")
      call.message.finish()
    }
    call.message.yield("early")
    await self.expectExpired {
      _ = try await call.start { request, _ in
        for try await message in request.messages { read.update { $0.append(message) } }
        return Response { _ in [:] }
      }
    }
    try await late.value
    #expect(read.value == ["early"])
  }

  @Test("is told so when it begins to read after the end of its token")
  func lateReader() async throws {
    let call = Call()
    let wasTold = Shared(false)
    await self.expectExpired {
      _ = try await call.start { request, context in
        try await context.cancellation.cancelled
        // Nothing is there to be read, and nothing will come.
        await self.expectExpired { for try await _ in request.messages {} }
        wasTold.update { $0 = true }
        return Response { _ in [:] }
      }
    }
    #expect(wasTold.value)
  }

  @Test("is told that its token has ended, not how its request broke off after that")
  func brokenRequest() async throws {
    for (token, code) in [("short", RPCError.Code.unauthenticated), ("good", .aborted)] {
      let call = Call()
      let thrown = Shared<RPCError.Code?>(nil)
      let breaking = Task {
        if token == "short" { try await call.expired() }
        call.message.finish(throwing: RPCError(code: .aborted, message: "reset"))
      }
      _ = try? await call.start(token) { request, _ in
        do {
          for try await _ in request.messages {}
        } catch {
          thrown.update { $0 = (error as? RPCError)?.code }
        }
        return Response { _ in [:] }
      }
      try await breaking.value
      #expect(thrown.value == code)
    }
  }

  @Test("has failed if its handler answers after the end of its token, whatever the answer is")
  func lateAnswer() async throws {
    let late: @Sendable (ServerContext) async throws -> Void = {
      try await $0.cancellation.cancelled
    }
    await self.expectExpired {
      _ = try await Call().start { _, context in
        try await late(context)
        return Response { _ in [:] }
      }
    }
    await self.expectExpired {
      _ = try await Call().start { _, context in
        try await late(context)
        return Response(error: RPCError(code: .notFound, message: "no"))
      }
    }
    await self.expectExpired {
      _ = try await Call().start { _, context in
        try await late(context)
        throw RPCError(code: .aborted, message: "no")
      }
    }
    // In time, an answer is the handler's.
    let refused = try await Call().start { _, _ in
      Response(error: RPCError(code: .notFound, message: "no"))
    }
    await #expect(throws: RPCError(code: .notFound, message: "no")) {
      try await self.produce(refused)
    }
  }

  @Test("does not begin to produce its response after the end of its token")
  func lateProducer() async throws {
    let produced = Shared(0)
    let handler: TestService.Handler = { _, _ in
      Response { _ in
        produced.update { $0 += 1 }
        return ["x-done": "1"]
      }
    }
    let inTime = try await Call().start(handler: handler)
    #expect(try await self.produce(inTime) == ["x-done": "1"])
    let call = Call()
    let late = try await call.start(handler: handler)
    try await call.expired()
    await self.expectExpired { _ = try await self.produce(late) }
    #expect(produced.value == 1)
  }

  @Test("has failed if its producer is done a moment too late")
  func momentTooLate() async throws {
    let response = try await Call().start { _, _ in
      Response { _ in
        // The deadline is kept at the next quarter of a second.
        try await Task.sleep(for: .milliseconds(200), tolerance: .zero)
        return ["x-late": "1"]
      }
    }
    await self.expectExpired { _ = try await self.produce(response) }
  }

  @Test("leaves a deaf producer behind, whose writes are refused from then on")
  func deafProducer() async throws {
    let call = Call()
    let sink = Sink()
    let (outcome, ended) = AsyncStream.makeStream(of: Result<Void, any Error>.self)
    let response = try await call.start { _, context in
      Response { writer in
        try await writer.write("early")
        // Not a child of the producer: nothing cancels this.
        await Task.detached {
          try? await context.cancellation.cancelled
          do {
            try await writer.write("late")
            ended.yield(.success(()))
          } catch {
            ended.yield(.failure(error))
          }
          try? await Task.sleep(for: .seconds(9))
        }.value
        return [:]
      }
    }
    let start = ContinuousClock.now
    await self.expectExpired { _ = try await self.produce(response, to: sink) }
    #expect(ContinuousClock.now - start < .seconds(8))
    for await outcome in outcome {
      await self.expectExpired { try outcome.get() }
      break
    }
    #expect(sink.written.value == ["early"])
  }

  /// A producer that waits until it is cancelled.
  private func waiting(
    _ wasCancelled: Shared<Bool>,
    _ end: AsyncStream<Void>.Continuation
  )
    -> TestService.Handler
  {
    { _, _ in
      Response { _ in
        defer { end.finish() }
        do {
          try await Task.sleep(for: .seconds(3_600))
        } catch {
          wasCancelled.update { $0 = true }
          throw error
        }
        return [:]
      }
    }
  }

  @Test("has its producer cancelled when its token ends")
  func cancelledAtEnd() async throws {
    let wasCancelled = Shared(false)
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    let response = try await Call().start(handler: self.waiting(wasCancelled, end))
    await self.expectExpired { _ = try await self.produce(response) }
    for await _ in ends {}
    #expect(wasCancelled.value)
  }

  @Test("has its producer cancelled when its stream is, before and while it runs")
  func cancelledFromOutside() async throws {
    for isBefore in [false, true] {
      let wasCancelled = Shared(false)
      let (ends, end) = AsyncStream.makeStream(of: Void.self)
      let response = try await Call().start("good", handler: self.waiting(wasCancelled, end))
      let (begins, begin) = AsyncStream.makeStream(of: Void.self)
      let task = Task {
        begin.finish()
        if isBefore { try? await Task.sleep(for: .seconds(3_600)) }
        _ = try await self.produce(response)
      }
      for await _ in begins {}
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      for await _ in ends {}
      #expect(wasCancelled.value)
    }
  }

  @Test("ends at its token's end although producers keep every processor busy")
  func busyProcessors() async throws {
    let count = 2 * ProcessInfo.processInfo.activeProcessorCount
    let handler: TestService.Handler = { _, _ in
      Response { writer in
        let start = ContinuousClock.now
        // Nothing in here suspends for long enough to let another task in.
        while ContinuousClock.now - start < .seconds(4) {
          do { try await writer.write("tick") } catch is Dropped {}
        }
        return ["x-late": "1"]
      }
    }
    let responses = try await withThrowingTaskGroup(of: Response.self) { group in
      for _ in 0 ..< count { group.addTask { try await Call().start(handler: handler) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    let start = ContinuousClock.now
    await withDiscardingTaskGroup { group in
      for response in responses {
        group.addTask {
          await self.expectExpired {
            _ = try await response.accepted.get().producer(RPCWriter(wrapping: DroppingSink()))
          }
        }
      }
    }
    #expect(ContinuousClock.now - start < .seconds(3))
  }
}

/// Keeps nothing: millions of messages would be kept.
private struct DroppingSink: RPCWriterProtocol {
  func write(_ element: String) async throws { throw Dropped() }
  func write(contentsOf elements: some Sequence<String>) async throws { throw Dropped() }
}

private struct Dropped: Error {}
