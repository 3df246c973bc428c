// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC

@Suite("At start", .timeLimit(.minutes(1)))
struct CoverageTests {
  private func start(
    methods: [String],
    policy rules: [Allow]
  ) async throws -> (problems: [ConfigurationError.Problem]?, hasListened: Bool) {
    let transport = ScriptedTransport()
    let guarded = try GuardedServerTransport(
      wrapping: transport,
      guardedBy: RequestGuard(policy: try MethodPolicy(rules), verifier: TokenTable.standard()),
      security: .plaintext(because: "test double")
    )
    let handlers = Dictionary(uniqueKeysWithValues: methods.map { ($0, TestService.echo) })
    let server = GRPCServer(transport: guarded, services: [TestService(handlers)])
    // What was opened before the server listens would be served at once.
    transport.beginGracefulShutdown()
    do {
      try await server.serve()
      return (nil, transport.hasListened)
    } catch let error as RuntimeError {
      let cause = try #require(error.cause as? ConfigurationError)
      return (cause.problems, transport.hasListened)
    }
  }

  @Test("a server whose policy names every method and no other starts")
  func complete() async throws {
    let (problems, hasListened) = try await self.start(
      methods: ["a.A/One", "a.A/Two", "b.B/Three"],
      policy: [
        Allow("a.A/One", .anonymous), Allow("a.A/*", .authenticated),
        Allow("b.B/*", .authenticated),
      ]
    )
    #expect(problems == nil)
    #expect(hasListened)
  }

  @Test("a method without a rule is named in full, although its name looks like a part of a token")
  func nameLikeAToken() async throws {
    let (problems, _) = try await self.start(
      methods: ["a.A/One", "a.A/GetSurveyJobs"],
      policy: [Allow("a.A/One", .anonymous)]
    )
    let problem = try #require(problems?.first)
    #expect(problem.problem == "no rule for the registered method a.A/GetSurveyJobs")
  }

  @Test("a server with differences either way does not, and all of them are listed")
  func differences() async throws {
    let (problems, hasListened) = try await self.start(
      methods: ["a.A/One", "a.A/Two", "b.B/Three", "c.C/Bad-Name"],
      policy: [
        Allow("a.A/One", .anonymous), Allow("a.A/Tow", .authenticated),
        Allow("d.D/*", .authenticated),
      ]
    )
    #expect(hasListened == false)
    let text = try #require(problems).map(\.problem)
    #expect(text.count == 5)
    for name in ["a.A/Two", "b.B/Three", "c.C/Bad-Name", "a.A/Tow", "d.D/*"] {
      #expect(text.contains { $0.contains(name) }, "\(name)")
    }
  }

  @Test("names are compared by bytes")
  func bytes() async throws {
    let (problems, hasListened) = try await self.start(
      methods: ["a.A/Revo\u{212A}e"],
      policy: [Allow("a.A/RevoKe", .authenticated)]
    )
    #expect(hasListened == false)
    #expect(problems?.count == 2)
  }

  @Test("a transport that was not told the methods does not listen")
  func notConfigured() async throws {
    let transport = ScriptedTransport()
    let guarded = try GuardedServerTransport(
      wrapping: transport,
      guardedBy: RequestGuard(
        policy: try MethodPolicy([Allow("a.A/One", .authenticated)]),
        verifier: TokenTable.standard()
      ),
      security: .tls
    )
    transport.beginGracefulShutdown()
    await #expect(throws: ConfigurationError.self) { try await guarded.listen { _, _ in } }
    #expect(transport.hasListened == false)
  }

  @Test("the methods are handed on to the transport underneath")
  func handedOn() async throws {
    try await withScriptedServer { server in
      _ = await server.transport.call("test.Service/Echo", .bearer("good"))
      #expect(server.transport.methods?.map(\.fullyQualifiedMethod) == ["test.Service/Echo"])
    }
  }

  @Test("plaintext without a reason is refused", arguments: ["", " ", "\n\t"])
  func plaintext(_ reason: String) throws {
    let requestGuard = RequestGuard(
      policy: try MethodPolicy([Allow("a.A/One", .authenticated)]),
      verifier: TokenTable.standard()
    )
    #expect(throws: ConfigurationError.self) {
      try GuardedServerTransport(
        wrapping: ScriptedTransport(),
        guardedBy: requestGuard,
        security: .plaintext(because: reason)
      )
    }
    #expect(throws: ConfigurationError.self) {
      try GuardInterceptor(guardedBy: requestGuard, security: .plaintext(because: reason))
    }
    #expect(throws: ConfigurationError.self) {
      try CredentialInterceptor(
        source: FileTokenSource(path: "/nowhere"),
        channel: .plaintext(because: reason)
      )
    }
    _ = try GuardInterceptor(guardedBy: requestGuard, security: .plaintext(because: "loopback"))
  }
}
