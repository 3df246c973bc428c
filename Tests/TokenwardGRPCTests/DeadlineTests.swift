// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// Streams under tokens of different length that share one clock. `short` lasts a fifth of a
/// second, `later` two seconds more, `endless` as long as a number can say.
@Suite("The deadlines of many streams", .serialized, .timeLimit(.minutes(1)))
struct DeadlineTests {
  static let method = "test.Service/Echo"

  private static var verifier: TokenTable {
    let start = ManualClock.defaultStart.seconds
    var table = TokenTable.standard(short: UnixTime(seconds: start, nanoseconds: 200_000_000))
    var later = table.tokens["good"]
    later?.expiresAt = UnixTime(seconds: start + 2, nanoseconds: 200_000_000)
    table.tokens["later"] = later
    later?.expiresAt = UnixTime(seconds: .max)
    table.tokens["endless"] = later
    return table
  }

  private func withServer(
    _ handler: @escaping TestService.Handler = TestService.echo,
    _ body: (ScriptedServer) async throws -> Void
  ) async throws {
    try await withScriptedServer([Self.method: handler], verifier: Self.verifier, body)
  }

  private func open(_ token: String, _ server: ScriptedServer) async -> ScriptedCall {
    let call = server.transport.open(Self.method)
    call.send(.metadata(Metadata([("authorization", .string("Bearer \(token)"))])))
    call.send(.message(Array(token.utf8)))
    // The answer shows that the stream is under its deadline.
    _ = await call.parts(atLeast: 2)
    return call
  }

  private func expectExpired(
    _ call: ScriptedCall,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    try? await promptly {
      while call.statuses.isEmpty { _ = await call.parts(atLeast: call.parts.count + 1) }
    }
    let codes = call.statuses.map(\.status.code)
    #expect(codes == [.unauthenticated], sourceLocation: sourceLocation)
  }

  @Test("are kept although a later one was there first")
  func earlierLast() async throws {
    try await self.withServer { server in
      let endless = await self.open("endless", server)
      let later = await self.open("later", server)
      await self.expectExpired(await self.open("short", server))
      #expect(later.statuses.isEmpty)
      await self.expectExpired(later)
      #expect(endless.statuses.isEmpty)
      endless.finish()
      await endless.end()
      #expect(endless.statuses.map(\.status.code) == [.ok])
    }
  }

  @Test("are kept although an earlier one was there first")
  func earlierFirst() async throws {
    try await self.withServer { server in
      let short = await self.open("short", server)
      let later = await self.open("later", server)
      await self.expectExpired(short)
      #expect(later.statuses.isEmpty)
      await self.expectExpired(later)
    }
  }

  @Test("are kept after all that were there before have passed")
  func oneAfterAnother() async throws {
    try await self.withServer { server in
      for _ in 0 ..< 3 {
        let start = ContinuousClock.now
        await self.expectExpired(await self.open("short", server))
        // Not a moment early, and in its turn.
        #expect(ContinuousClock.now - start >= .milliseconds(200))
      }
    }
  }

  @Test("pass for all streams under one token together, although ending each takes a while")
  func together() async throws {
    let (stop, stopper) = AsyncStream.makeStream(of: Void.self)
    let deaf: TestService.Handler = { request, _ in
      StreamingServerResponse { writer in
        for try await message in request.messages {
          try await writer.write(message)
          break
        }
        await Task.detached { for await _ in stop {} }.value
        return [:]
      }
    }
    try await self.withServer(deaf) { server in
      var calls: [ScriptedCall] = []
      for _ in 0 ..< 4 { calls.append(await self.open("later", server)) }
      // Each waits a second for its client to end its side. One after the other, that would be three
      // between the first and the last.
      await self.expectExpired(calls[0])
      let start = ContinuousClock.now
      for call in calls { await self.expectExpired(call) }
      #expect(ContinuousClock.now - start < .seconds(2))
      stopper.finish()
    }
  }
}
