// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC

/// What a denied client can still do with its stream.
@Suite("A refusal", .timeLimit(.minutes(1)))
struct RefusalTests {
  static let method = "test.Service/Echo"

  @Test(
    "reads sixteen more parts of a client that sends on, its end included",
    arguments: [(0, false), (15, false), (16, true), (1_000, true)]
  )
  func drained(_ messages: Int, _ isForced: Bool) async throws {
    try await withScriptedServer { server in
      let call = server.transport.open(Self.method)
      call.send(.metadata(Metadata()))
      for _ in 0 ..< messages { call.send(.message([0])) }
      call.finish()
      await call.end()
      #expect(call.statuses.count == 1)
      #expect(call.wasForced == isForced)
    }
  }

  @Test("closes the stream of a client that sends a little and never ends its side")
  func silent() async throws {
    try await withScriptedServer { server in
      let call = server.transport.open(Self.method)
      call.send(.metadata(Metadata()))
      call.send(.message([0]))
      await call.end()
      #expect(call.statuses.count == 1)
      #expect(call.wasForced)
      #expect(server.guarded.supervisedCallCount == 0)
    }
  }

  /// Listens until the task is cancelled; handlers have nothing to do.
  private func listen(
    _ transport: ScriptedTransport,
    closingGrace: Duration?
  ) throws -> (GuardedServerTransport<ScriptedTransport>, Task<Void, any Error>) {
    let requestGuard = RequestGuard(
      policy: try MethodPolicy([Allow(Self.method, .authenticated)]),
      verifier: TokenTable.standard()
    )
    let guarded =
      if let closingGrace {
        try GuardedServerTransport(
          wrapping: transport,
          guardedBy: requestGuard,
          security: .plaintext(because: "test double"),
          closingGrace: closingGrace,
          peerCertificate: { _ in nil }
        )
      } else {
        try GuardedServerTransport(
          wrapping: transport,
          guardedBy: requestGuard,
          security: .plaintext(because: "test double")
        )
      }
    var context = GRPCServerContext()
    context.methods = [MethodDescriptor(fullyQualifiedService: "test.Service", method: "Echo")]
    guarded.configure(context: context)
    return (guarded, Task { try await guarded.listen { _, _ in } })
  }

  @Test("leaves a client five seconds to take notice, unless told otherwise")
  func defaultGrace() async throws {
    let transport = ScriptedTransport()
    let (_, listening) = try self.listen(transport, closingGrace: nil)
    let start = ContinuousClock.now
    let call = transport.open(Self.method, isStuck: true)
    call.send(.metadata(Metadata()))
    try await promptly { await call.end() }
    #expect(ContinuousClock.now - start >= .seconds(5))
    #expect(call.wasForced)
    listening.cancel()
    try? await listening.value
  }

  @Test("does not hold a server that is stopped at once", arguments: [true, false])
  func stopped(_ isUnderWay: Bool) async throws {
    let transport = ScriptedTransport()
    let (guarded, listening) = try self.listen(transport, closingGrace: .seconds(3_600))
    let call = transport.open(Self.method, isStuck: true)
    if isUnderWay {
      call.send(.metadata(Metadata()))
      while guarded.supervisedCallCount == 0 { await Task.yield() }
    } else {
      // Streams are taken in their order: once a later one is over, this one is being served. It
      // ends before its metadata, and is refused by a task that is cancelled already.
      let later = await transport.call(Self.method)
      #expect(later.statuses.count == 1)
    }
    listening.cancel()
    try await promptly { await call.end() }
    #expect(call.wasForced)
    try? await listening.value
    #expect(guarded.supervisedCallCount == 0)
  }
}
