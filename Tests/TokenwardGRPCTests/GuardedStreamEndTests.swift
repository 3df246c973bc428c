// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation
internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// How streams end whose last moment is not clear, and what is told about that. The token `short`
/// lasts a fifth of a second, and a client has one second to read the status.
@Suite("The end of a guarded stream", .serialized, .timeLimit(.minutes(1)))
struct GuardedStreamEndTests {
  static let method = GuardedStreamTests.method

  private func run(
    _ handler: @escaping TestService.Handler,
    type: MethodDescriptor.RPCType? = nil,
    isStuck: Bool = false
  ) async throws -> (call: ScriptedCall, ends: [StreamEnd], duration: Duration) {
    let streams = RecordingStreams()
    return try await withScriptedServer(
      [Self.method: handler],
      verifier: GuardedStreamTests.verifier,
      streams: streams
    ) { server in
      let start = ContinuousClock.now
      let call = server.transport.open(Self.method, type: type, isStuck: isStuck)
      call.send(.metadata(Metadata([("authorization", .string("Bearer short"))])))
      call.finish()
      await call.end()
      let duration = ContinuousClock.now - start
      while streams.ends.isEmpty { await Task.yield() }
      return (call, streams.ends, duration)
    }
  }

  @Test(
    "is that of its token if its handler is done a moment too late",
    arguments: [nil, .unary] as [MethodDescriptor.RPCType?],
    [true, false]
  )
  func momentTooLate(_ type: MethodDescriptor.RPCType?, _ writes: Bool) async throws {
    let handler: TestService.Handler = { _, _ in
      // The token was let in before this; its deadline is kept at the next quarter of a second.
      try await Task.sleep(for: .milliseconds(200), tolerance: .zero)
      // Without a part in front of it, the status alone is late.
      guard writes else { throw RPCError(code: .aborted, message: "the handler's own status") }
      return StreamingServerResponse { writer in
        try? await writer.write("late")
        return [:]
      }
    }
    let (call, ends, _) = try await self.run(handler, type: type)
    #expect(call.messages.isEmpty)
    #expect(call.statuses.map(\.status.code) == [.unauthenticated])
    #expect(ends == [.tokenExpired])
  }

  @Test("is that of its token if the client never took the answer that was given in time")
  func untakenAnswer() async throws {
    let handler: TestService.Handler = { _, _ in
      throw RPCError(code: .aborted, message: "the handler's own status")
    }
    let stuck = try await self.run(handler, isStuck: true)
    #expect(stuck.call.wasForced)
    #expect(stuck.ends == [.tokenExpired])
    let taken = try await self.run(handler)
    #expect(!taken.call.wasForced)
    #expect(taken.ends == [.failed])
  }

  @Test("does not wait for an application that blocks, and a client that does not read")
  func blockedAndStuck() async throws {
    let handler: TestService.Handler = { _, _ in
      await withRPCCancellationHandler {
        try? await Task.sleep(for: .seconds(30))
      } onCancelRPC: {
        Thread.sleep(forTimeInterval: 5)
      }
      return StreamingServerResponse { _ in [:] }
    }
    let (call, ends, duration) = try await self.run(handler, isStuck: true)
    #expect(call.wasForced)
    #expect(ends == [.tokenExpired])
    #expect(duration < .seconds(4))
  }

  @Test("of an anonymous caller is told as failed if its status cannot be written")
  func undelivered() async throws {
    for (isBroken, end) in [(false, StreamEnd.completed), (true, .failed)] {
      let streams = RecordingStreams()
      try await withScriptedServer(policy: [Allow(Self.method, .anonymous)], streams: streams) {
        let call = $0.transport.open(Self.method) { part in
          guard isBroken, case .status = part else { return }
          throw RPCError(code: .unavailable, message: "the connection is gone")
        }
        call.send(.metadata(Metadata()))
        call.finish()
        await call.end()
        while streams.ends.isEmpty { await Task.yield() }
      }
      #expect(streams.ends == [end])
    }
  }
}
