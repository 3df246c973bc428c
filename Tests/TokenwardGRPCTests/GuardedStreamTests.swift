// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// What the guard does with the two sides of a stream, step by step. The token `short` lasts a fifth
/// of a second, and a client has one second to read the status.
@Suite("A guarded stream", .serialized, .timeLimit(.minutes(1)))
struct GuardedStreamTests {
  typealias Stream = RPCStream<ScriptedTransport.Inbound, ScriptedTransport.Outbound>

  static let method = "test.Service/Echo"
  static let verifier = TokenTable.standard(
    short: UnixTime(seconds: ManualClock.defaultStart.seconds, nanoseconds: 200_000_000)
  )

  private func metadata(_ token: String) -> RPCRequestPart<[UInt8]> {
    .metadata(Metadata([("authorization", .string("Bearer \(token)"))]))
  }

  private func withServer(
    _ handler: @escaping TestService.Handler,
    _ body: (ScriptedServer) async throws -> Void
  ) async throws {
    try await withScriptedServer([Self.method: handler], verifier: Self.verifier, body)
  }

  /// Serves streams with a function of the test's own in the place of a router.
  private func withTransport(
    isCancelledEarly: Bool = false,
    closingGrace: Duration = .seconds(1),
    _ serve: @escaping @concurrent @Sendable (Stream, ServerContext) async -> Void,
    _ body: (ScriptedTransport, Task<Void, any Error>) async throws -> Void
  ) async throws {
    let transport = ScriptedTransport()
    let guarded = try GuardedServerTransport(
      wrapping: transport,
      guardedBy: RequestGuard(
        policy: try MethodPolicy([Allow(Self.method, .authenticated)]),
        verifier: Self.verifier,
        time: ManualClock()
      ),
      security: .plaintext(because: "test double"),
      closingGrace: closingGrace,
      // Runs between the first part and the handler.
      peerCertificate: { _ in
        if isCancelledEarly { withUnsafeCurrentTask { $0?.cancel() } }
        return nil
      }
    )
    var context = GRPCServerContext()
    context.methods = [MethodDescriptor(fullyQualifiedService: "test.Service", method: "Echo")]
    guarded.configure(context: context)
    let listening = Task { try await guarded.listen(streamHandler: serve) }
    try await body(transport, listening)
    guarded.beginGracefulShutdown()
    try? await listening.value
    #expect(guarded.supervisedCallCount == 0)
  }

  @Test("keeps the handler's status if that is on its way when the token ends")
  func ownStatus() async throws {
    let (released, release) = AsyncStream.makeStream(of: Void.self)
    let handler: TestService.Handler = { request, context in
      guard !request.metadata.contains(where: { $0.key == "x-fail" }) else {
        throw RPCError(code: .aborted, message: "the handler's own status")
      }
      return try await TestService.echo(request, context)
    }
    try await self.withServer(handler) { server in
      let call = server.transport.open(Self.method) { part in
        guard case .status(let status, _) = part, status.code == .aborted else { return }
        await Task.detached { for await _ in released {} }.value
      }
      var metadata = Metadata([("authorization", .string("Bearer short"))])
      metadata.addString("1", forKey: "x-fail")
      call.send(.metadata(metadata))
      call.finish()
      // Another stream under the same token shows when it has ended.
      let other = server.transport.open(Self.method)
      other.send(self.metadata("short"))
      while other.statuses.isEmpty { _ = await other.parts(atLeast: other.parts.count + 1) }
      try await Task.sleep(for: .milliseconds(200))
      #expect(call.statuses.isEmpty)
      release.finish()
      await call.end()
      #expect(call.statuses.map(\.status.code) == [.aborted])
      #expect(!call.wasForced)
    }
  }

  @Test(
    "lets a handler neither answer nor end the response after the token, though it may be first"
  )
  func lateStatus() async throws {
    let (holding, hold) = AsyncStream.makeStream(of: Void.self)
    let (released, release) = AsyncStream.makeStream(of: Void.self)
    let (answers, answer) = AsyncStream.makeStream(of: Void.self)
    let handler: TestService.Handler = { _, context in
      StreamingServerResponse { writer in
        Task.detached { try? await writer.write("slow") }
        await Task.detached { for await _ in holding { break } }.value
        try? await context.cancellation.cancelled
        while !context.cancellation.isCancelled { await Task.yield() }
        answer.finish()
        return ["x-late": "1"]
      }
    }
    try await self.withServer(handler) { server in
      let call = server.transport.open(Self.method) { part in
        guard case .message = part else { return }
        hold.yield()
        await Task.detached { for await _ in released {} }.value
      }
      call.send(self.metadata("short"))
      for await _ in answers {}
      // Time for a status that should not be there.
      try await Task.sleep(for: .milliseconds(200))
      #expect(call.statuses.isEmpty)
      release.finish()
      await call.end()
      #expect(call.messages == ["slow"])
      #expect(call.statuses.map(\.status.code) == [.unauthenticated])
    }
  }

  @Test("gets no status any more once it is closed, and nobody waits to write one")
  func closed() async throws {
    let (released, release) = AsyncStream.makeStream(of: Void.self)
    let statuses = Shared(0)
    let handler: TestService.Handler = { _, _ in
      StreamingServerResponse { writer in
        try await writer.write("slow")
        return [:]
      }
    }
    try await self.withServer(handler) { server in
      let call = server.transport.open(Self.method) { part in
        if case .status = part { statuses.update { $0 += 1 } }
        guard case .message = part else { return }
        await Task.detached { for await _ in released {} }.value
      }
      call.send(self.metadata("short"))
      await call.end()
      #expect(call.wasForced)
      release.finish()
      try await Task.sleep(for: .milliseconds(200))
      #expect(statuses.value == 0)
      // A status that is being written when the stream is closed is given up.
      let (gaveUp, giveUp) = AsyncStream.makeStream(of: Void.self)
      let stuck = server.transport.open(Self.method) { part in
        guard case .status = part else { return try await Task.sleep(for: .seconds(3_600)) }
        defer { giveUp.finish() }
        try await Task.sleep(for: .seconds(3_600))
      }
      stuck.send(self.metadata("short"))
      await stuck.end()
      try await promptly { for await _ in gaveUp {} }
    }
  }

  @Test("has its handler cancelled when the server is stopped at once")
  func stopped() async throws {
    let (begins, begin) = AsyncStream.makeStream(of: Void.self)
    let wasCancelled = Shared(false)
    try await self.withTransport { _, _ in
      begin.finish()
      do {
        try await Task.sleep(for: .seconds(3_600))
      } catch {
        wasCancelled.update { $0 = true }
      }
    } _: { transport, listening in
      let call = transport.open(Self.method)
      call.send(self.metadata("good"))
      for await _ in begins {}
      listening.cancel()
      await call.end()
    }
    #expect(wasCancelled.value)
  }

  @Test("has its handler cancelled if it was cancelled itself while it was let in")
  func cancelledEarly() async throws {
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    try await self.withTransport(isCancelledEarly: true) { _, _ in
      try? await Task.sleep(for: .seconds(3_600))
      end.finish()
    } _: { transport, _ in
      let call = transport.open(Self.method)
      call.send(self.metadata("good"))
      try await promptly { for await _ in ends {} }
      await call.end()
    }
  }

  @Test("has its handler cancelled once the client was told, not when the client's time is up")
  func cancelledSoon() async throws {
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    try await self.withTransport(closingGrace: .seconds(3)) { _, _ in
      try? await Task.sleep(for: .seconds(3_600))
      end.finish()
    } _: { transport, _ in
      let start = ContinuousClock.now
      let call = transport.open(Self.method)
      call.send(self.metadata("short"))
      try await promptly { for await _ in ends {} }
      #expect(ContinuousClock.now - start < .seconds(2))
      await call.end()
    }
  }

  @Test("has its handler cancelled although the client never reads the status")
  func unreadStatus() async throws {
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    try await self.withTransport { _, _ in
      try? await Task.sleep(for: .seconds(3_600))
      end.finish()
    } _: { transport, _ in
      let call = transport.open(Self.method, isStuck: true)
      call.send(self.metadata("short"))
      await call.end()
      #expect(call.wasForced)
      try await promptly { for await _ in ends {} }
    }
  }

  @Test(
    "is forgotten when it ends in time",
    arguments: [nil, .unary, .bidirectionalStreaming] as [MethodDescriptor.RPCType?]
  )
  func endedInTime(_ type: MethodDescriptor.RPCType?) async throws {
    try await self.withServer(TestService.echo) { server in
      let call = server.transport.open(Self.method, type: type)
      call.send(self.metadata("good"))
      call.send(.message([0x61]))
      _ = await call.parts(atLeast: 2)
      #expect(server.guarded.supervisedCallCount == 1)
      call.finish()
      await call.end()
      #expect(call.messages == ["a"])
      #expect(call.statuses.map(\.status.code) == [.ok])
      #expect(!call.wasForced)
      #expect(server.guarded.supervisedCallCount == 0)
    }
  }

  @Test(
    "stays open until the status of the deadline is written, although its handler has returned",
    arguments: [nil, .unary] as [MethodDescriptor.RPCType?]
  )
  func statusDelivered(_ type: MethodDescriptor.RPCType?) async throws {
    let (begins, begin) = AsyncStream.makeStream(of: Void.self)
    let handler: TestService.Handler = { _, _ in
      await Task.detached { for await _ in begins { break } }.value
      throw RPCError(code: .aborted, message: "too late")
    }
    try await self.withServer(handler) { server in
      let call = server.transport.open(Self.method, type: type) { part in
        guard case .status = part else { return }
        begin.yield()
        // Time for the handler to return.
        try await Task.sleep(for: .milliseconds(200))
      }
      call.send(self.metadata("short"))
      await call.end()
      #expect(call.statuses.map(\.status.code) == [.unauthenticated])
    }
  }

  @Test("may be read once: who reads it again is told so, instead of finding it empty")
  func readTwice() async throws {
    let codes = Shared<[RPCError.Code?]>([])
    try await self.withTransport { stream, _ in
      for _ in 0 ..< 2 {
        var iterator = stream.inbound.makeAsyncIterator()
        do {
          _ = try await iterator.next()
          codes.update { $0.append(nil) }
        } catch {
          codes.update { $0.append((error as? RPCError)?.code) }
        }
      }
      await stream.outbound.finish()
    } _: { transport, _ in
      let call = transport.open(Self.method)
      call.send(self.metadata("good"))
      call.finish()
      await call.end()
    }
    #expect(codes.value == [nil, .internalError])
  }

  @Test("is not ended by a handler after the token, before its status is written")
  func lateFinish() async throws {
    for isError in [false, true] {
      let (holding, hold) = AsyncStream.makeStream(of: Void.self)
      let (released, release) = AsyncStream.makeStream(of: Void.self)
      let (ends, end) = AsyncStream.makeStream(of: Void.self)
      try await self.withTransport { stream, context in
        Task.detached { try? await stream.outbound.write(.message([0x61])) }
        await Task.detached { for await _ in holding { break } }.value
        while !context.cancellation.isCancelled { await Task.yield() }
        if isError {
          await stream.outbound.finish(throwing: RPCError(code: .aborted, message: "late"))
        } else {
          await stream.outbound.finish()
        }
        end.finish()
      } _: { transport, _ in
        let call = transport.open(Self.method) { part in
          guard case .message = part else { return }
          hold.yield()
          await Task.detached { for await _ in released {} }.value
        }
        call.send(self.metadata("short"))
        try await promptly { for await _ in ends {} }
        #expect(!call.isFinished)
        release.finish()
        await call.end()
        #expect(call.messages == ["a"])
        #expect(call.statuses.map(\.status.code) == [.unauthenticated])
      }
    }
  }
}
