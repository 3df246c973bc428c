// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// What happens to an application that goes on writing while its call is sent again, and to calls
/// that end in between.
@Suite("A call that is sent again", .timeLimit(.minutes(1)))
struct CredentialedStreamTests {
  typealias Tests = CredentialedTransportTests
  typealias Stream = Tests.Stream

  /// A source whose replacement waits for the test.
  final class Slow: TokenSource {
    let isAsked = Shared(false)
    let gate = OneShot<Void>()
    func token() async throws -> BearerToken { BearerToken("one") }
    func replacement(for refused: BearerToken) async throws -> BearerToken? {
      self.isAsked.update { $0 = true }
      try await self.gate.value
      return BearerToken("two")
    }
    func asked() async { while !self.isAsked.value, !Task.isCancelled { await Task.yield() } }
  }

  private func write(_ stream: Stream, _ text: String) async throws {
    try await stream.outbound.write(.message(Array(text.utf8)))
  }

  @Test("keeps the order of what is written before, while and after it is sent again")
  func order() async throws {
    let source = Slow()
    let expected = (0 ..< 30).map { "message \($0)" }
    let (received, attempts) = try await Tests.call(
      source,
      server: Script { attempt in
        guard attempt.number == 1 else { return await attempt.echo() }
        await attempt.written(11)
        attempt.deny(.tokenExpired)
      }
    ) { stream in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await stream.outbound.write(.metadata([:]))
          for text in expected[..<10] { try await self.write(stream, text) }
          await source.asked()
          for text in expected[10...] { try await self.write(stream, text) }
          await stream.outbound.finish()
        }
        group.addTask {
          await source.asked()
          for _ in 0 ..< 100 { await Task.yield() }
          source.gate.end(with: .success(()))
        }
        return try await Tests.receive(stream)
      }
    }
    #expect(received == ["metadata"] + expected + ["ok"])
    #expect(attempts.count == 2)
    #expect(attempts.first?.messages == Array(expected[..<10]))
    #expect(attempts.last?.messages == expected)
    #expect(attempts.last?.isFinished == true)
  }

  @Test("an application that finishes meanwhile has finished the second attempt")
  func finishesMeanwhile() async throws {
    let source = Slow()
    let (received, attempts) = try await Tests.call(
      source,
      server: Script { $0.number == 1 ? $0.deny(.tokenExpired) : await $0.echo() }
    ) { stream in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await stream.outbound.write(.metadata([:]))
          await source.asked()
          await stream.outbound.finish()
          source.gate.end(with: .success(()))
        }
        return try await Tests.receive(stream)
      }
    }
    #expect(received == ["metadata", "ok"])
    #expect(attempts.last?.isFinished == true)
  }

  @Test("an application that fails before or meanwhile is not sent as if it had succeeded")
  func failsMeanwhile() async throws {
    struct Failure: Error {}
    let source = Slow()
    let (_, attempts) = try await Tests.call(
      source,
      server: Script { $0.number == 1 ? $0.deny(.tokenExpired) : await $0.echo() }
    ) { stream in
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          try? await stream.outbound.write(.metadata([:]))
          await source.asked()
          await stream.outbound.finish(throwing: Failure())
          source.gate.end(with: .success(()))
        }
        _ = try? await Tests.receive(stream)
      }
    }
    #expect(attempts.last?.failure is Failure)
    // Before: there is no second attempt at all.
    let before = StaticTokenSource("one", "two")
    let (_, alone) = try await Tests.call(
      before,
      server: Script { attempt in
        while attempt.failure == nil, !Task.isCancelled { await Task.yield() }
        attempt.deny(.tokenExpired)
      }
    ) { stream in
      try await stream.outbound.write(.metadata([:]))
      await stream.outbound.finish(throwing: Failure())
      _ = try? await Tests.receive(stream)
    }
    #expect(alone.count == 1)
    #expect(before.refused.isEmpty)
  }

  @Test(
    "a write that fails because the server closed the stream is made good by the second attempt"
  )
  func brokenWrite() async throws {
    let (received, attempts) = try await Tests.call(
      server: Script { attempt in
        guard attempt.number == 1 else { return await attempt.echo() }
        attempt.breakDown()
        // The refusal is read only after the write has failed.
        for _ in 0 ..< 1_000 { await Task.yield() }
        attempt.deny(.tokenExpired)
      }
    ) { stream in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await stream.outbound.write(.metadata([:]))
          for text in ["a", "b"] { try await self.write(stream, text) }
          await stream.outbound.finish()
        }
        let received = try await Tests.receive(stream)
        try await group.waitForAll()
        return received
      }
    }
    #expect(received == ["metadata", "a", "b", "ok"])
    #expect(attempts.last?.messages == ["a", "b"])
  }

  @Test("a write that fails and is not made good fails")
  func brokenForGood() async throws {
    for reason in [DenialReason.tokenExpired, .scopeInsufficient] {
      let written = Shared(0)
      let (error, attempts) = try await Tests.call(
        StaticTokenSource("one"),
        server: Script { attempt in
          await attempt.written(1)
          attempt.breakDown()
          while attempt.failedWrites == 0, !Task.isCancelled { await Task.yield() }
          attempt.deny(reason)
        }
      ) { stream in
        await withTaskGroup(of: RPCError?.self) { group in
          group.addTask {
            do {
              try await stream.outbound.write(.metadata([:]))
              // Until the stream has broken down.
              for _ in 0 ..< 900 {
                try await self.write(stream, "")
                written.update { $0 += 1 }
                for _ in 0 ..< 20 { await Task.yield() }
              }
              return nil
            } catch {
              return error as? RPCError
            }
          }
          _ = try? await Tests.receive(stream)
          return await group.next() ?? nil
        }
      }
      #expect(error?.message == "the stream is closed")
      // Not one that did not arrive was said to be written.
      #expect(written.value == attempts.first?.messages.count)
    }
  }

  @Test("a write that waits for the first stream's window goes on with the second one")
  func stuckWrite() async throws {
    let (received, attempts) = try await Tests.call(
      server: Script { attempt in
        guard attempt.number == 1 else { return await attempt.echo() }
        await attempt.written(1)
        attempt.getStuck()
        await attempt.written(2)
        while attempt.stuckCount == 0, !Task.isCancelled { await Task.yield() }
        attempt.deny(.tokenExpired)
      }
    ) { stream in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await stream.outbound.write(.metadata([:]))
          for _ in 0 ..< 1_000 { await Task.yield() }
          for text in ["a", "b"] { try await self.write(stream, text) }
          await stream.outbound.finish()
        }
        return try await Tests.receive(stream)
      }
    }
    #expect(received == ["metadata", "a", "b", "ok"])
    #expect(attempts.first?.isFinished == true)
  }

  @Test("the answer to a second attempt is read although its server takes no message")
  func stuckReplay() async throws {
    let (received, attempts) = try await Tests.call(
      server: Script(stuck: 2) { attempt in
        await attempt.written(attempt.number == 1 ? 3 : 1)
        attempt.deny(.tokenExpired)
      }
    ) { stream in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await stream.outbound.write(.metadata([:]))
          for text in ["a", "b"] { try await self.write(stream, text) }
        }
        return try await Tests.receive(stream)
      }
    }
    #expect(received == ["unauthenticated"])
    #expect(attempts.count == 2)
  }

  @Test(
    "a request is sent again while it fits into 64 KiB",
    arguments: [
      ([65_472], true), ([65_473], false),
      ([32_000, 32_000], true), ([32_000, 33_409], false), ([32_000, 33_408], true),
      (Array(repeating: 0, count: 1_024), true), (Array(repeating: 0, count: 1_025), false),
    ] as [([Int], Bool)]
  )
  func limit(_ sizes: [Int], _ isRepeated: Bool) async throws {
    let source = StaticTokenSource("one", "two")
    let messages = sizes.map { String(repeating: "x", count: $0) }
    let (received, attempts) = try await Tests.call(
      source,
      server: Script { attempt in
        await attempt.written(messages.count + 1)
        if attempt.number == 1 { attempt.deny(.tokenExpired) } else { await attempt.echo() }
      }
    ) { try await Tests.exchange($0, messages) }
    #expect(attempts.count == (isRepeated ? 2 : 1))
    #expect(received.last == (isRepeated ? "ok" : "unauthenticated"))
    #expect(source.refused.isEmpty == !isRepeated)
  }

  @Test("the second attempt gets what is left of the deadline")
  func deadline() async throws {
    let (_, attempts) = try await Tests.call(
      server: Script { attempt in
        guard attempt.number == 1 else { return await attempt.echo() }
        await attempt.written(1)
        try? await Task.sleep(for: .milliseconds(30))
        attempt.deny(.tokenExpired)
      }
    ) { stream in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await stream.outbound.write(.metadata(["grpc-timeout": "60000m"]))
          await stream.outbound.finish()
        }
        _ = try await Tests.receive(stream)
      }
    }
    let timeouts = attempts.map { $0.metadata?[stringValues: "grpc-timeout"].map(\.self) ?? [] }
    #expect(timeouts.first == ["60000m"])
    let second = try #require(timeouts.last)
    #expect(second.count == 1)
    let left = try #require(second.first.flatMap { CallTimeout($0) }).duration
    #expect(left <= .milliseconds(59_970))
    #expect(left > .milliseconds(30_000))
  }

  @Test("a second stream that cannot be opened is how the call ends")
  func connectionLost() async throws {
    let base = ScriptedClientTransport { $0.deny(.tokenExpired) }
    let failing = FailingSecond(base: base)
    let transport = try CredentialedClientTransport(
      wrapping: failing,
      presenting: StaticTokenSource("one", "two"),
      channel: .tls
    )
    let error = await #expect(throws: RPCError.self) {
      try await transport.withStream(descriptor: Tests.method, options: .defaults) { stream, _ in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await stream.outbound.write(.metadata([:])) }
          return try await Tests.receive(stream)
        }
      }
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message == "no second stream")
    #expect(base.open == 0)
  }

  @Test("a call that is cancelled while another token is fetched ends")
  func cancelledMeanwhile() async throws {
    let source = Slow()
    let base = ScriptedClientTransport { $0.deny(.tokenExpired) }
    let transport = try CredentialedClientTransport(
      wrapping: base,
      presenting: source,
      channel: .tls
    )
    let call = Task {
      try await transport.withStream(descriptor: Tests.method, options: .defaults) { stream, _ in
        try await Tests.exchange(stream, ["a"])
      }
    }
    await source.asked()
    call.cancel()
    _ = await call.result
    #expect(base.open == 0)
    #expect(base.attempts.count == 1)
  }

  @Test("a call that is cancelled during the second attempt ends")
  func cancelledInSecond() async throws {
    let base = ScriptedClientTransport { attempt in
      if attempt.number == 1 { attempt.deny(.tokenExpired) }
    }
    let transport = try CredentialedClientTransport(
      wrapping: base,
      presenting: StaticTokenSource("one", "two"),
      channel: .tls
    )
    let call = Task {
      try await transport.withStream(descriptor: Tests.method, options: .defaults) { stream, _ in
        try await Tests.exchange(stream, ["a"])
      }
    }
    while base.attempts.last?.number != 2 || base.attempts.last?.messages != ["a"] {
      await Task.yield()
    }
    call.cancel()
    _ = await call.result
    #expect(base.open == 0)
    #expect(base.attempts.count == 2)
  }

  @Test("an application that returns without reading leaves nothing behind")
  func returnsEarly() async throws {
    let (_, attempts) = try await Tests.call(server: Script { await $0.echo() }) { stream in
      try await stream.outbound.write(.metadata([:]))
    }
    #expect(attempts.count == 1)
    let (late, _) = try await Tests.call(server: Script { await $0.echo() }) { $0 }
    await #expect(throws: RPCError.self) { try await late.outbound.write(.metadata([:])) }
    await #expect(throws: RPCError.self) { try await self.write(late, "a") }
  }

  @Test("what is written out of order is refused")
  func outOfOrder() async throws {
    let (_, attempts) = try await Tests.call(server: Script { await $0.echo() }) { stream in
      await #expect(throws: RPCError.self) { try await self.write(stream, "a") }
      try await stream.outbound.write(.metadata([:]))
      let second = await #expect(throws: RPCError.self) {
        try await stream.outbound.write(.metadata(["authorization": "Bearer mine"]))
      }
      #expect(second?.code == .internalError)
    }
    #expect(attempts.first?.parts.count == 1)
  }
}
