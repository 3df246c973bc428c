// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// Part by part, against a server that is the test.
@Suite("The client's transport with a credential", .timeLimit(.minutes(1)))
struct CredentialedTransportTests {
  typealias Transport = CredentialedClientTransport<ScriptedClientTransport>
  typealias Stream = RPCStream<Transport.Inbound, Transport.Outbound>

  static let method = MethodDescriptor(fullyQualifiedService: "test.Service", method: "Echo")

  /// Runs a call against a scripted server, and sees that nothing is left of it.
  static func call<Result: Sendable>(
    _ source: any TokenSource = StaticTokenSource("one", "two"),
    server: Script,
    _ body: @escaping @Sendable (Stream) async throws -> Result
  ) async throws -> (result: Result, attempts: [ScriptedAttempt]) {
    let base = ScriptedClientTransport(server)
    let transport = try Transport(wrapping: base, presenting: source, channel: .tls)
    defer { #expect(base.open == 0) }
    let result = try await transport.withStream(descriptor: Self.method, options: .defaults) {
      stream,
      _ in
      try await body(stream)
    }
    return (result, base.attempts)
  }

  /// Sends messages and gives back what comes: messages, then the status.
  @Sendable
  static func exchange(_ stream: Stream, _ messages: [String]) async throws -> [String] {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await stream.outbound.write(.metadata(["x-of-caller": "kept"]))
        for message in messages { try await stream.outbound.write(.message(Array(message.utf8))) }
        await stream.outbound.finish()
      }
      let received = try await Self.receive(stream)
      try await group.waitForAll()
      return received
    }
  }

  static func receive(_ stream: Stream) async throws -> [String] {
    try await stream.inbound.reduce(into: []) { received, part in
      switch part {
      case .metadata: received.append("metadata")
      case .message(let bytes): received.append(String(decoding: bytes, as: UTF8.self))
      case .status(let status, _): received.append("\(status.code)")
      }
    }
  }

  @Test("adds the token to the metadata of a call and changes nothing else")
  func adds() async throws {
    let source = StaticTokenSource("one", "two")
    let (received, attempts) = try await Self.call(source, server: Script { await $0.echo() }) {
      try await Self.exchange($0, ["a", "b"])
    }
    #expect(received == ["metadata", "a", "b", "ok"])
    #expect(attempts.count == 1)
    #expect(attempts.first?.metadata == ["x-of-caller": "kept", "authorization": "Bearer one"])
    #expect(attempts.first?.messages == ["a", "b"])
    #expect(source.asked == 1)
    #expect(source.refused.isEmpty)
  }

  @Test(
    "sends a call again with another token if the server refuses this one, and only that is seen",
    arguments: [DenialReason.tokenExpired, .signatureInvalid, .tokenRevoked]
  )
  func again(_ reason: DenialReason) async throws {
    let source = StaticTokenSource("one", "two", "three")
    let (received, attempts) = try await Self.call(
      source,
      server: Script { attempt in
        await attempt.written(3)
        if attempt.number == 1 { attempt.deny(reason) } else { await attempt.echo() }
      }
    ) { try await Self.exchange($0, ["a", "b"]) }
    #expect(received == ["metadata", "a", "b", "ok"])
    #expect(attempts.count == 2)
    #expect(attempts.map(\.token) == ["Bearer one", "Bearer two"])
    #expect(attempts.map(\.messages) == [["a", "b"], ["a", "b"]])
    #expect(attempts.last?.metadata?[stringValues: "x-of-caller"].map(\.self) == ["kept"])
    #expect(source.asked == 1)
    #expect(source.refused == ["one"])
  }

  @Test("a second refusal is the application's: there is no third attempt")
  func noThird() async throws {
    let source = StaticTokenSource("one", "two", "three")
    let (received, attempts) = try await Self.call(
      source,
      server: Script { attempt in
        await attempt.written(1)
        attempt.deny(.tokenExpired)
      }
    ) { try await Self.exchange($0, ["a"]) }
    #expect(received == ["unauthenticated"])
    #expect(attempts.count == 2)
    #expect(source.refused == ["one"])
  }

  /// Answers that no other token would change, or that come too late.
  static let others: [(name: String, answer: @Sendable (ScriptedAttempt) -> Void, seen: [String])] =
    [
      ("missing right", { $0.deny(.scopeInsufficient) }, ["permissionDenied"]),
      ("missing token", { $0.deny(.credentialMissing) }, ["unauthenticated"]),
      ("down", { $0.deny(.dependencyUnavailable) }, ["unavailable"]),
      ("limit", { $0.deny(.rateLimited) }, ["resourceExhausted"]),
      ("no details", Self.status(.unauthenticated, nil), ["unauthenticated"]),
      (
        "another domain",
        Self.status(.unauthenticated, ("evil.example", "ACCESS_TOKEN_EXPIRED")),
        ["unauthenticated"]
      ),
      (
        "a domain that looks alike",
        Self.status(.unauthenticated, ("to\u{212A}enward.dev", "ACCESS_TOKEN_EXPIRED")),
        ["unauthenticated"]
      ),
      (
        "another reason",
        Self.status(.unauthenticated, ("tokenward.dev", "ACCESS_TOKEN_EXPIRED2")),
        ["unauthenticated"]
      ),
      (
        "another status",
        Self.status(.permissionDenied, ("tokenward.dev", "ACCESS_TOKEN_EXPIRED")),
        ["permissionDenied"]
      ),
      (
        "OK",
        Self.status(.ok, ("tokenward.dev", "ACCESS_TOKEN_EXPIRED")),
        ["ok"]
      ),
      (
        "after metadata",
        {
          $0.send(.metadata([:]))
          $0.deny(.tokenExpired)
        },
        ["metadata", "unauthenticated"]
      ),
      (
        "after a message",
        {
          $0.send(.metadata([:]))
          $0.send(.message([0x61]))
          $0.deny(.tokenExpired)
        },
        ["metadata", "a", "unauthenticated"]
      ),
      ("nothing", { $0.end() }, []),
    ]

  private static func status(
    _ code: Status.Code,
    _ info: (domain: String, reason: String)?
  ) -> @Sendable (ScriptedAttempt) -> Void {
    { attempt in
      var metadata = Metadata()
      if let info {
        // google.rpc.Status with one google.rpc.ErrorInfo, written by hand.
        func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
          [number << 3 | 2, UInt8(bytes.count)] + bytes
        }
        let text = field(1, Array(info.reason.utf8)) + field(2, Array(info.domain.utf8))
        let type = Array("type.googleapis.com/google.rpc.ErrorInfo".utf8)
        metadata.addBinary(
          field(3, field(1, type) + field(2, text)),
          forKey: "grpc-status-details-bin"
        )
      }
      attempt.send(.status(Status(code: code, message: ""), metadata))
      attempt.end()
    }
  }

  @Test("the writer of these tests makes details that can be read")
  func twin() async throws {
    let (received, attempts) = try await Self.call(
      server: Script { attempt in
        await attempt.written(2)
        if attempt.number == 2 { return await attempt.echo() }
        Self.status(.unauthenticated, ("tokenward.dev", "ACCESS_TOKEN_INVALID"))(attempt)
      }
    ) { try await Self.exchange($0, ["a"]) }
    #expect(received == ["metadata", "a", "ok"])
    #expect(attempts.count == 2)
  }

  @Test("any other answer is handed on as it is", arguments: Self.others.map(\.name))
  func handedOn(_ name: String) async throws {
    let row = try #require(Self.others.first { $0.name == name })
    let source = StaticTokenSource("one", "two")
    let (received, attempts) = try await Self.call(
      source,
      server: Script { attempt in
        await attempt.written(2)
        row.answer(attempt)
      }
    ) { try await Self.exchange($0, ["a"]) }
    #expect(received == row.seen)
    #expect(attempts.count == 1)
    #expect(source.refused.isEmpty)
  }

  @Test("without another token the server's answer is handed on")
  func noOther() async throws {
    struct Same: TokenSource {
      let other: String?
      func token() async throws -> BearerToken { BearerToken("one") }
      func replacement(for refused: BearerToken) async throws -> BearerToken? {
        self.other.map { BearerToken($0) }
      }
    }
    let down = StaticTokenSource("one", "two")
    let sources: [any TokenSource] = [
      Same(other: nil), Same(other: "one"), Same(other: "no token"), Same(other: ""), down,
    ]
    for source in sources {
      let (received, attempts) = try await Self.call(
        source,
        server: Script { attempt in
          await attempt.written(2)
          if source is StaticTokenSource {
            down.fail(with: TokenSourceError(problem: "down", hint: ""))
          }
          attempt.deny(.tokenExpired)
        }
      ) { try await Self.exchange($0, ["a"]) }
      #expect(received == ["unauthenticated"])
      #expect(attempts.count == 1)
    }
    // The twin: the same double with another token.
    let (received, attempts) = try await Self.call(
      Same(other: "two"),
      server: Script { $0.number == 1 ? $0.deny(.tokenExpired) : await $0.echo() }
    ) { try await Self.exchange($0, ["a"]) }
    #expect(received == ["metadata", "a", "ok"])
    #expect(attempts.count == 2)
  }

  @Test("each attempt has a token of its own, as tokens for one use need it")
  func singleUse() async throws {
    final class Each: TokenSource {
      let count = Shared(0)
      private func next() -> BearerToken {
        self.count.update { $0 += 1 }
        return BearerToken("use-\(self.count.value)")
      }
      func token() async throws -> BearerToken { self.next() }
      func replacement(for refused: BearerToken) async throws -> BearerToken? { self.next() }
    }
    let (_, attempts) = try await Self.call(
      Each(),
      server: Script { $0.number == 1 ? $0.deny(.tokenRevoked) : await $0.echo() }
    ) { try await Self.exchange($0, ["a"]) }
    #expect(attempts.map(\.token) == ["Bearer use-1", "Bearer use-2"])
  }

  @Test("a call that has a credential already is not sent")
  func conflicting() async throws {
    for name in ["authorization", "Authorization", "AUTHORIZATION-BIN"] {
      let source = StaticTokenSource("one")
      let (error, attempts) = try await Self.call(source, server: Script { await $0.echo() }) {
        stream in
        let metadata = Metadata([(name, .string("Bearer mine"))])
        let written = await #expect(throws: RPCError.self) {
          try await stream.outbound.write(.metadata(metadata))
        }
        await stream.outbound.finish(throwing: try #require(written))
        return await #expect(throws: RPCError.self) { try await Self.receive(stream) }
      }
      #expect(error?.code == .invalidArgument)
      #expect(attempts.first?.parts.isEmpty == true)
      #expect(attempts.first?.failure != nil)
      #expect(source.asked == 0)
    }
  }

  @Test("a call whose source has no token is not sent, and says why")
  func noToken() async throws {
    struct Leaky: Error, CustomStringConvertible { var description: String { "s3cret" } }
    let unusable = TokenSourceError(.unusable, problem: "expired", hint: "renew it")
    let down = TokenSourceError(problem: "down", hint: "wait")
    for (error, code) in [
      (unusable, .unauthenticated), (down, .unavailable), (Leaky(), .unavailable),
      (CancellationError(), .cancelled),
    ] as [(any Error, RPCError.Code)] {
      let (received, attempts) = try await Self.call(
        CredentialTests.Broken(error: error),
        server: Script { await $0.echo() }
      ) { stream in
        await #expect(throws: RPCError.self) { try await Self.exchange(stream, ["a"]) }
      }
      #expect(received?.code == code)
      #expect(received?.cause as? TokenSourceError == error as? TokenSourceError)
      #expect(!String(describing: received).contains("s3cret"))
      #expect(attempts.first?.parts.isEmpty == true)
    }
    let (received, attempts) = try await Self.call(
      CredentialTests.Fixed(text: "a\r\nx-admin: 1"),
      server: Script { await $0.echo() }
    ) { stream in
      await #expect(throws: RPCError.self) { try await Self.exchange(stream, ["a"]) }
    }
    #expect(received?.code == .unauthenticated)
    #expect(attempts.first?.parts.isEmpty == true)
  }

  @Test("the source is asked when the call is sent, not when its stream is opened")
  func askedLate() async throws {
    let source = StaticTokenSource("one")
    _ = try await Self.call(source, server: Script { await $0.echo() }) { stream in
      #expect(source.asked == 0)
      _ = try await Self.exchange(stream, [])
      #expect(source.asked == 1)
    }
  }

  @Test("plaintext needs a reason")
  func plaintext() async throws {
    let base = ScriptedClientTransport { _ in }
    let source = StaticTokenSource("one")
    for reason in ["", " ", "\u{7F}"] {
      #expect(throws: ConfigurationError.self) {
        try Transport(wrapping: base, presenting: source, channel: .plaintext(because: reason))
      }
    }
    _ = try Transport(wrapping: base, presenting: source, channel: .plaintext(because: "a test"))
  }
}
