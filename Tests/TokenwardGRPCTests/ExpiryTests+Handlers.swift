// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// Handlers and machines that give the deadline's own task no chance.
extension ExpiryTests {
  @Test("ends handlers that keep every processor busy and never suspend", arguments: Self.types)
  func busyProcessors(type: MethodDescriptor.RPCType?) async throws {
    let count = 2 * ProcessInfo.processInfo.activeProcessorCount
    let longest = Shared(Duration.zero)
    let handler: TestService.Handler = { _, _ in
      StreamingServerResponse { writer in
        let start = ContinuousClock.now
        defer { longest.update { $0 = max($0, ContinuousClock.now - start) } }
        while ContinuousClock.now - start < .seconds(10) {
          do { try await writer.write("tick") } catch is Dropped {}
        }
        return [:]
      }
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let calls = (0 ..< count).map { _ in
        // Nothing is kept: millions of parts would be.
        server.transport.open(Self.method, type: type) { part in
          if case .message = part { throw Dropped() }
        }
      }
      for call in calls {
        call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      }
      for call in calls {
        await call.status()
        self.expectExpired(call)
        call.finish()
        await call.end()
      }
      #expect(longest.value < .seconds(3))
    }
  }

  @Test("counts for a handler that computed past it without a pause, too", arguments: Self.types)
  func computing(type: MethodDescriptor.RPCType?) async throws {
    let count = ProcessInfo.processInfo.activeProcessorCount
    let handler: TestService.Handler = { _, _ in
      // Every processor, so that the deadline's task cannot run in time.
      let start = ContinuousClock.now
      while ContinuousClock.now - start < .milliseconds(1_600) {}
      return StreamingServerResponse { writer in
        try await writer.write("late")
        return [:]
      }
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let calls = (0 ..< count).map { _ in server.transport.open(Self.method, type: type) }
      for call in calls {
        call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      }
      for call in calls {
        await call.status()
        self.expectExpired(call)
        #expect(call.messages.isEmpty)
        call.finish()
        await call.end()
      }
    }
  }

  @Test("counts for a handler that swallows the error of a part that was refused", arguments: types)
  func swallowing(type: MethodDescriptor.RPCType?) async throws {
    let handler: TestService.Handler = { request, _ in
      var count = 0
      do {
        for try await _ in request.messages { count += 1 }
      } catch {}
      let total = count
      return StreamingServerResponse { writer in
        try? await writer.write("\(total)")
        return [:]
      }
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let call = server.transport.open(Self.method, type: type)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      call.send(.message([65]))
      // After the expiry and, most likely, before the next tick of the deadlines.
      try await Task.sleep(for: .milliseconds(1_020))
      call.send(.message([66]))
      await call.status()
      self.expectExpired(call)
      #expect(call.messages.isEmpty)
      call.finish()
      await call.end()
    }
  }

  @Test("reaches a handler that has not paused yet", arguments: Self.types)
  func spinning(type: MethodDescriptor.RPCType?) async throws {
    let handler: TestService.Handler = { _, _ in
      let start = ContinuousClock.now
      while !Task.isCancelled, ContinuousClock.now - start < .seconds(20) {}
      throw RPCError(code: .aborted, message: "\(ContinuousClock.now - start)")
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let start = ContinuousClock.now
      let machine = Lateness(at: start + .seconds(1))
      let call = server.transport.open(Self.method, type: type)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      await call.end()
      #expect(ContinuousClock.now - start < .seconds(5) + (await machine.value))
      self.expectExpired(call)
    }
  }

  @Test("writes its status behind what is on its way, never in front of it", arguments: Self.types)
  func slowMessage(type: MethodDescriptor.RPCType?) async throws {
    let (released, release) = AsyncStream.makeStream(of: Void.self)
    let cancellation = Shared<ServerContext.RPCCancellationHandle?>(nil)
    let handler: TestService.Handler = { _, context in
      cancellation.update { $0 = context.cancellation }
      return StreamingServerResponse { writer in
        try await writer.write("slow")
        return [:]
      }
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let call = server.transport.open(Self.method, type: type) { part in
        guard case .message = part else { return }
        // Like a transport that took the part already: cancellation does not take it back.
        await Task.detached { for await _ in released {} }.value
      }
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      while cancellation.value?.isCancelled != true { try await Task.sleep(for: .milliseconds(5)) }
      // The call has expired. Time for a status that would not wait.
      try await Task.sleep(for: .milliseconds(300))
      #expect(call.statuses.isEmpty)
      release.finish()
      await call.status()
      #expect(call.messages == ["slow"])
      guard case .status? = call.parts.last else {
        Issue.record("a part behind the status")
        return
      }
      self.expectExpired(call)
      await call.end()
    }
  }

  @Test(
    "ends a stream although the application blocks in its cancellation handler",
    arguments: Self.types
  )
  func blockingCancellation(type: MethodDescriptor.RPCType?) async throws {
    let handler: TestService.Handler = { _, context in
      StreamingServerResponse { _ in
        await withRPCCancellationHandler {
          try? await Task.sleep(for: .seconds(30))
        } onCancelRPC: {
          Thread.sleep(forTimeInterval: 8)
        }
        return [:]
      }
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let start = ContinuousClock.now
      let machine = Lateness(at: start + .seconds(1))
      let call = server.transport.open(Self.method, type: type)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      await call.status()
      #expect(ContinuousClock.now - start < .seconds(4) + (await machine.value))
      self.expectExpired(call)
      await call.end()
      // A unary handler keeps its stream until it returns, and the client has its status by then.
      if type == nil { #expect(ContinuousClock.now - start < .seconds(6) + (await machine.value)) }
      #expect(call.wasForced)
    }
  }
}

/// Why a part was not kept.
private struct Dropped: Error {}
