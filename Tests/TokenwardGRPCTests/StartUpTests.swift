// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC

@Suite("Who waits for the start", .timeLimit(.minutes(1)))
struct StartUpTests {
  /// A guarded transport that was told one method.
  private func transport(
    rule: String = "a.A/One",
    isTold: Bool = true
  ) throws -> GuardedServerTransport<ScriptedTransport> {
    let guarded = try GuardedServerTransport(
      wrapping: ScriptedTransport(),
      guardedBy: RequestGuard(
        policy: try MethodPolicy([Allow(rule, .authenticated)]),
        verifier: TokenTable.standard()
      ),
      security: .tls
    )
    if isTold {
      var context = GRPCServerContext()
      context.methods = [MethodDescriptor(fullyQualifiedService: "a.A", method: "One")]
      guarded.configure(context: context)
    }
    // What was opened before it listens would be served at once: it returns.
    guarded.beginGracefulShutdown()
    return guarded
  }

  @Test("is told that it succeeded, before it and after it")
  func succeeded() async throws {
    let guarded = try self.transport()
    let waiting = Task.immediate { try await guarded.proven() }
    try await promptly { try await guarded.listen { _, _ in } }
    try await promptly { try await waiting.value }
    try await promptly { try await guarded.proven() }
  }

  @Test("is told that it failed, before it and after it")
  func failed() async throws {
    let guarded = try self.transport(rule: "a.A/Two")
    let waiting = Task.immediate { try await guarded.proven() }
    await #expect(throws: ConfigurationError.self) {
      try await promptly { try await guarded.listen { _, _ in } }
    }
    await #expect(throws: ConfigurationError.self) {
      try await promptly { try await waiting.value }
    }
    await #expect(throws: ConfigurationError.self) {
      try await promptly { try await guarded.proven() }
    }
  }

  @Test("may give up")
  func cancelled() async throws {
    let guarded = try self.transport()
    let waiting = Task.immediate { try await guarded.proven() }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await promptly { try await waiting.value } }
    let late = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await guarded.proven()
    }
    await #expect(throws: CancellationError.self) { try await promptly { try await late.value } }
    // The start itself goes on without them.
    try await promptly { try await guarded.listen { _, _ in } }
    try await promptly { try await guarded.proven() }
  }

  @Test("learns that the transport was not told the methods, not that rules match none")
  func notTold() async throws {
    let guarded = try self.transport(isTold: false)
    let error = await #expect(throws: ConfigurationError.self) {
      try await promptly { try await guarded.listen { _, _ in } }
    }
    #expect(error?.problems.map(\.path) == ["server"])
  }

  @Test("finds a reason for plaintext that has something in it to read")
  func reasons() throws {
    for blank in ["", " ", "\t \n", "\u{7F}", " \u{0}\u{1F}\u{7F}"] {
      let error = #expect(throws: ConfigurationError.self) {
        try TransportSecurity.plaintext(because: blank).validate(at: "here")
      }
      #expect(error?.problems.map(\.path) == ["here"])
    }
    for reason in ["x", " \u{7F}x", "ä"] {
      try TransportSecurity.plaintext(because: reason).validate(at: "here")
    }
    try TransportSecurity.tls.validate(at: "here")
  }
}
