// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import GRPCCore
internal import Synchronization
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// Streams that outlive their token. The deadline is real time, so these tests measure it; the
/// token's second is counted from the guard's (manual) clock. One at a time, and best without other
/// suites beside them (`--no-parallel`, as scripts/test does it): some keep every processor busy.
@Suite("The end of a token", .serialized, .timeLimit(.minutes(1)))
struct ExpiryTests {
  static let method = "test.Service/Run"
  /// Streams run in a task of their own, unary calls in that of their stream.
  static let types: [MethodDescriptor.RPCType?] = [nil, .unary]

  func expectExpired(
    _ call: ScriptedCall,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(call.statuses.count == 1, sourceLocation: sourceLocation)
    guard let (status, metadata) = call.statuses.first else { return }
    #expect(status.code == .unauthenticated, sourceLocation: sourceLocation)
    #expect(
      Array(metadata[binaryValues: "grpc-status-details-bin"])
        == [DenialReason.tokenExpired.response.statusDetails],
      sourceLocation: sourceLocation
    )
  }

  /// Opens a stream under a token of one second and waits for its status.
  private func run(
    _ type: MethodDescriptor.RPCType?,
    _ handler: @escaping TestService.Handler,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ inspect: (ScriptedCall, ScriptedServer) async throws -> Void = { _, _ in }
  ) async throws {
    try await withScriptedServer([Self.method: handler]) { server in
      let start = ContinuousClock.now
      let machine = Lateness(at: start + .seconds(1))
      let call = server.transport.open(Self.method, type: type)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      await call.status()
      let elapsed = ContinuousClock.now - start
      #expect(elapsed >= .seconds(1), sourceLocation: sourceLocation)
      #expect(elapsed <= .seconds(2) + (await machine.value), sourceLocation: sourceLocation)
      self.expectExpired(call, sourceLocation: sourceLocation)
      await call.end()  // the client never ends its side
      #expect(call.wasForced, sourceLocation: sourceLocation)
      #expect(call.isFinished, sourceLocation: sourceLocation)
      self.expectExpired(call, sourceLocation: sourceLocation)
      #expect(server.guarded.supervisedCallCount == 0, sourceLocation: sourceLocation)
      try await inspect(call, server)
    }
  }

  @Test("ends a handler that waits for messages, and the handler learns why", arguments: Self.types)
  func blockedReader(type: MethodDescriptor.RPCType?) async throws {
    let thrown = Mutex<RPCError.Code?>(nil)
    let isCancelled = Mutex(false)
    try await self.run(type) { request, context in
      StreamingServerResponse { writer in
        do {
          for try await message in request.messages { try await writer.write(message) }
        } catch {
          thrown.withLock { $0 = (error as? RPCError)?.code }
          // Signalled by another task at the same time.
          await Task.detached {
            while !context.cancellation.isCancelled { await Task.yield() }
          }.value
          isCancelled.withLock { $0 = true }
          throw error
        }
        return [:]
      }
    }
    #expect(thrown.withLock { $0 } == .unauthenticated)
    #expect(isCancelled.withLock { $0 })
  }

  @Test("ends a handler that waits before it has a response", arguments: Self.types)
  func blockedBeforeResponse(type: MethodDescriptor.RPCType?) async throws {
    try await self.run(type) { request, _ in
      for try await _ in request.messages {}
      return StreamingServerResponse { _ in [:] }
    } _: { call, _ in
      #expect(call.parts.count == 1)  // no initial metadata
    }
  }

  @Test("ends a handler that ignores every signal, and lets no further message out")
  func deafHandler() async throws {
    let (stop, stopper) = AsyncStream.makeStream(of: Void.self)
    let refused = Shared(0)
    let (first, didWriteLate) = AsyncStream.makeStream(of: Void.self)
    try await self.run(nil) { _, _ in
      StreamingServerResponse { writer in
        try await writer.write("early")
        // Not a child of the handler: nothing cancels this.
        await Task.detached {
          for await _ in stop {}
          for _ in 0 ..< 10 {
            do { try await writer.write("late") } catch { refused.update { $0 += 1 } }
          }
          didWriteLate.finish()
        }.value
        return ["x-late": "1"]
      }
    } _: { call, _ in
      #expect(call.messages == ["early"])
      stopper.finish()
      for await _ in first {}
      #expect(refused.value == 10)
      #expect(call.messages == ["early"])
      #expect(call.statuses.count == 1)
    }
  }

  @Test("tells the client of a unary call whose handler ignores every signal, and lets nothing out")
  func deafUnaryHandler() async throws {
    let (stop, stopper) = AsyncStream.makeStream(of: Void.self)
    let handler: TestService.Handler = { _, _ in
      // Not a child of the handler: nothing cancels this.
      await Task.detached { for await _ in stop {} }.value
      return StreamingServerResponse { writer in
        try await writer.write("late")
        return [:]
      }
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let start = ContinuousClock.now
      let machine = Lateness(at: start + .seconds(1))
      let call = server.transport.open(Self.method, type: .unary)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      _ = await call.parts(atLeast: 1)
      let elapsed = ContinuousClock.now - start
      #expect(elapsed >= .seconds(1))
      #expect(elapsed <= .seconds(2) + (await machine.value))
      self.expectExpired(call)
      while !call.isFinished { await Task.yield() }
      stopper.finish()
      await call.end()
      #expect(call.wasForced)
      #expect(call.parts.count == 1)
      #expect(server.guarded.supervisedCallCount == 0)
    }
  }

  @Test("ends a handler that never stops writing", arguments: Self.types)
  func busyWriter(type: MethodDescriptor.RPCType?) async throws {
    try await self.run(type) { _, _ in
      StreamingServerResponse { writer in
        while true {
          try? await writer.write("tick")
          if Task.isCancelled { return [:] }
          await Task.yield()
        }
      }
    } _: { call, _ in
      guard case .status? = call.parts.last else {
        Issue.record("a part behind the status")
        return
      }
      #expect(call.messages.count > 1)
    }
  }

  @Test("ends a stream whose client does not read", arguments: Self.types)
  func stuckClient(type: MethodDescriptor.RPCType?) async throws {
    let handler: TestService.Handler = { _, _ in
      StreamingServerResponse { writer in
        try await writer.write("never read")
        return [:]
      }
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let start = ContinuousClock.now
      let call = server.transport.open(Self.method, type: type, isStuck: true)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      await call.end()
      #expect(ContinuousClock.now - start < .seconds(4))
      #expect(call.wasForced)
      #expect(call.parts.isEmpty)
      #expect(server.guarded.supervisedCallCount == 0)
    }
  }

  @Test("ends a stream whose own status the client does not read", arguments: Self.types)
  func stuckStatus(type: MethodDescriptor.RPCType?) async throws {
    let handler: TestService.Handler = { _, _ in
      throw RPCError(code: .aborted, message: "the handler's own status")
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let start = ContinuousClock.now
      let call = server.transport.open(Self.method, type: type, isStuck: true)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      await call.end()
      #expect(ContinuousClock.now - start < .seconds(4))
      #expect(call.wasForced)
    }
  }

  @Test("leaves a call alone that ended before", arguments: Self.types)
  func endedInTime(type: MethodDescriptor.RPCType?) async throws {
    try await withScriptedServer([Self.method: TestService.echo]) { server in
      let call = server.transport.open(Self.method, type: type)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      call.finish()
      await call.end()
      #expect(call.statuses.map(\.status.code) == [.ok])
      #expect(call.wasForced == false)
      #expect(server.guarded.supervisedCallCount == 0)
    }
  }

  @Test("leaves a stream alone whose token lasts")
  func lastingToken() async throws {
    try await withScriptedServer([Self.method: TestService.echo]) { server in
      let short = server.transport.open(Self.method)
      short.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      let good = server.transport.open(Self.method)
      good.send(.metadata(Metadata([("authorization", .string("Bearer good"))])))
      await short.end()
      #expect(short.statuses.map(\.status.code) == [.unauthenticated])
      #expect(good.statuses.isEmpty)
      good.send(.message(Array("still here".utf8)))
      _ = await good.parts(atLeast: 2)
      good.finish()
      await good.end()
      #expect(good.messages == ["still here"])
      #expect(good.statuses.map(\.status.code) == [.ok])
    }
  }

  @Test("and a handler's end at the same moment give one status", arguments: Self.types)
  func race(type: MethodDescriptor.RPCType?) async throws {
    // Handlers that end at the deadline, give or take a few milliseconds.
    let handler: TestService.Handler = { request, _ in
      let milliseconds =
        Int(request.metadata[stringValues: "x-wait"].first { _ in true } ?? "") ?? 0
      try? await Task.sleep(for: .milliseconds(milliseconds))
      return StreamingServerResponse { _ in [:] }
    }
    try await withScriptedServer([Self.method: handler]) { server in
      var calls: [ScriptedCall] = []
      // And some that end long before: on a machine that stalls, all the others may come too late.
      for wait in [0, 1, 2] + Array(stride(from: 950, to: 1_350, by: 1)) {
        let call = server.transport.open(Self.method, type: type)
        var metadata = Metadata([("authorization", .string("Bearer short"))])
        metadata.addString("\(wait)", forKey: "x-wait")
        call.send(.metadata(metadata))
        calls.append(call)
      }
      for call in calls { await call.end() }
      for call in calls {
        #expect(call.statuses.count == 1)
        guard case .status? = call.parts.last else {
          Issue.record("a part behind the status")
          continue
        }
      }
      let codes = Set(calls.compactMap { $0.statuses.first?.status.code })
      #expect(codes == [.ok, .unauthenticated])
    }
  }

  @Test("lets a server stop that has an open stream under a deadline")
  func shutdown() async throws {
    let start = ContinuousClock.now
    let open = Shared<ScriptedCall?>(nil)
    try await withScriptedServer([Self.method: TestService.echo]) { server in
      let call = server.transport.open(Self.method)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      call.send(.message([65]))
      _ = await call.parts(atLeast: 2)
      open.update { $0 = call }
    }
    // The server waited for the stream, which ended with its token.
    #expect(ContinuousClock.now - start < .seconds(10))
    self.expectExpired(try #require(open.value))
  }
}
