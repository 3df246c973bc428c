// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

@Suite("The guarded transport", .timeLimit(.minutes(1)))
struct GuardedTransportTests {
  static let method = "test.Service/Echo"

  @Test("a call with a good token reaches its handler and gets its answer")
  func goodToken() async throws {
    try await withScriptedServer { server in
      let call = await server.transport.call(Self.method, .bearer("good"))
      #expect(call.messages == ["hello"])
      #expect(call.statuses.map(\.status.code) == [.ok])
      #expect(server.service.handled == 1)
      #expect(server.service.deserialized == 1)
      #expect(call.wasForced == false)
    }
  }

  struct Refused: Sendable, CustomTestStringConvertible {
    let name: String
    let headers: [(String, String)]
    let reason: DenialReason
    var testDescription: String { self.name }
  }

  static let refused: [Refused] = [
    Refused(name: "no token", headers: [], reason: .credentialMissing),
    Refused(name: "an unknown token", headers: .bearer("bad"), reason: .signatureInvalid),
    Refused(
      name: "two tokens, the good one first",
      headers: .bearer("good") + .bearer("bad"),
      reason: .credentialConflicting
    ),
    Refused(
      name: "two tokens, the good one last",
      headers: .bearer("bad") + .bearer("good"),
      reason: .credentialConflicting
    ),
    Refused(
      name: "the same token twice",
      headers: .bearer("good") + .bearer("good"),
      reason: .credentialConflicting
    ),
    Refused(
      name: "two tokens under names of different case",
      headers: .bearer("good") + [("Authorization", "Bearer good")],
      reason: .credentialConflicting
    ),
    Refused(
      name: "a binary twin that is no base64",
      headers: .bearer("good") + [("authorization-bin", "%%")],
      reason: .credentialConflicting
    ),
    Refused(
      name: "another scheme",
      headers: [("authorization", "Basic good")],
      reason: .credentialMalformed
    ),
    Refused(name: "a missing scope", headers: .bearer("poor"), reason: .scopeInsufficient),
    Refused(
      name: "a token without its certificate",
      headers: .bearer("bound"),
      reason: .bindingMismatch
    ),
    Refused(
      name: "a negative timeout",
      headers: .bearer("good") + [("grpc-timeout", "-1S")],
      reason: .requestMalformed
    ),
    Refused(
      name: "two timeouts",
      headers: .bearer("good") + [("grpc-timeout", "1S"), ("grpc-timeout", "1S")],
      reason: .requestMalformed
    ),
  ]

  @Test("a denied call gets one status, and nothing is done for it", arguments: refused)
  func denied(_ row: Refused) async throws {
    try await withScriptedServer { server in
      let call = await server.transport.call(Self.method, row.headers)
      #expect(server.observer.reasons == [row.reason])
      #expect(server.service.handled == 0)
      #expect(server.service.deserialized == 0)
      // Trailers-only: a status and no other part, in front of it or behind.
      #expect(call.parts.count == 1)
      let (status, metadata) = try #require(call.statuses.first)
      let response = row.reason.response
      #expect(status.code.rawValue == response.grpcStatus)
      #expect(status.message == response.message)
      #expect(
        Array(metadata[binaryValues: "grpc-status-details-bin"]) == [response.statusDetails]
      )
      #expect(
        Array(metadata[stringValues: "www-authenticate"])
          == [response.wwwAuthenticate].compactMap(\.self)
      )
      #expect(call.isFinished)
      // The connection and the server go on.
      let next = await server.transport.call(Self.method, .bearer("good"))
      #expect(next.statuses.map(\.status.code) == [.ok])
    }
  }

  @Test("binary metadata under the name of the credential is a second credential")
  func binaryCredential() async throws {
    try await withScriptedServer { server in
      var metadata = Metadata()
      metadata.addString("Bearer good", forKey: "authorization")
      metadata.addBinary(Array("Bearer good".utf8), forKey: "authorization-bin")
      let call = server.transport.open(Self.method)
      call.send(.metadata(metadata))
      call.finish()
      await call.end()
      #expect(server.observer.reasons == [.credentialConflicting])
    }
  }

  @Test("without a token, methods that exist and methods that do not are answered alike")
  func unknownMethods() async throws {
    try await withScriptedServer { server in
      let known = await server.transport.call(Self.method)
      for name in [
        "test.Service/Missing", "other.Service/Echo", "test.Service/\u{212A}ey", "x/y/z",
      ] {
        let unknown = await server.transport.call(name)
        #expect(unknown.parts.count == 1)
        #expect(unknown.statuses.first?.status == known.statuses.first?.status)
        #expect(unknown.statuses.first?.metadata == known.statuses.first?.metadata)
      }
      // With a good token the difference is told, as a denial.
      let unknown = await server.transport.call("other.Service/Echo", .bearer("good"))
      #expect(unknown.statuses.first?.status.code == .permissionDenied)
      #expect(server.observer.reasons.last == .methodUnlisted)
    }
  }

  @Test("the path that was received counts, not what the transport made of it")
  func receivedPath() async throws {
    let name = "test.Service/RevokeKey"
    try await withScriptedServer([name: TestService.echo]) { server in
      let same = await server.transport.call(name, .bearer("good") + [(":path", "/\(name)")])
      #expect(same.statuses.map(\.status.code) == [.ok])
      // The transport finds the registered method by Unicode equivalence.
      let kelvin = "/test.Service/Revoke\u{212A}ey"
      let other = await server.transport.call(name, .bearer("good") + [(":path", kelvin)])
      #expect(other.statuses.map(\.status.code) == [.permissionDenied])
      let twice = await server.transport.call(
        name,
        .bearer("good") + [(":path", "/\(name)"), (":path", "/\(name)")]
      )
      #expect(twice.statuses.map(\.status.code) == [.permissionDenied])
      #expect(server.service.handled == 1)
    }
  }

  @Test("a path of one method is not used to run another one")
  func routedMethod() async throws {
    try await withScriptedServer(
      ["test.Service/A": TestService.echo, "test.Service/B": TestService.echo]
    ) { server in
      let call = await server.transport.call(
        "test.Service/B",
        .bearer("good") + [(":path", "/test.Service/A")]
      )
      #expect(server.observer.reasons == [.internalInvariant])
      #expect(call.statuses.map(\.status.code) == [.internalError])
      #expect(server.service.handled == 0)
    }
  }

  @Test("a message before the metadata ends the call, not the connection")
  func messageFirst() async throws {
    try await withScriptedServer { server in
      let call = server.transport.open(Self.method)
      call.send(.message([1, 2, 3]))
      call.send(.metadata(Metadata([("authorization", .string("Bearer good"))])))
      call.finish()
      await call.end()
      #expect(server.observer.reasons == [.internalInvariant])
      #expect(call.parts.count == 1)
      #expect(call.statuses.map(\.status.code) == [.internalError])
      #expect(server.service.handled == 0)
      let next = await server.transport.call(Self.method, .bearer("good"))
      #expect(next.statuses.map(\.status.code) == [.ok])
    }
  }

  @Test("a stream that ends before its metadata is no call")
  func nothingReceived() async throws {
    try await withScriptedServer { server in
      let call = server.transport.open(Self.method)
      call.finish()
      await call.end()
      #expect(call.statuses.map(\.status.code) == [.internalError])
      #expect(server.service.handled == 0)
    }
  }

  @Test("what a denied client still sends is read in part only, and its stream is closed")
  func deniedUpload() async throws {
    try await withScriptedServer { server in
      let call = server.transport.open(Self.method)
      call.send(.metadata(Metadata()))
      for _ in 0 ..< 1_000 { call.send(.message([0])) }
      await call.end()  // although the client never ends its side
      #expect(call.parts.count == 1)
      #expect(call.wasForced)
      #expect(server.service.deserialized == 0)
      #expect(server.guarded.supervisedCallCount == 0)
    }
  }

  @Test("a denied client that neither reads nor ends its side cannot hold the stream")
  func deniedAndStuck() async throws {
    try await withScriptedServer { server in
      let start = ContinuousClock.now
      let call = server.transport.open(Self.method, isStuck: true)
      call.send(.metadata(Metadata()))
      await call.end()
      #expect(call.wasForced)
      #expect(ContinuousClock.now - start < .seconds(5))
      #expect(server.guarded.supervisedCallCount == 0)
    }
  }

  @Test("handlers and interceptors behind the guard do not see the credential")
  func credentialRemoved() async throws {
    let seen = Mutex<[Metadata]>([])
    let spy = SpyInterceptor { metadata in seen.withLock { $0.append(metadata) } }
    let handler: TestService.Handler = { request, context in
      seen.withLock { $0.append(request.metadata) }
      return try await TestService.echo(request, context)
    }
    try await withScriptedServer([Self.method: handler], interceptors: [spy]) { server in
      let headers = [("Authorization", "Bearer good"), ("x-kept", "1")]
      let call = await server.transport.call(Self.method, headers)
      #expect(call.statuses.map(\.status.code) == [.ok])
      let seen = seen.withLock { $0 }
      #expect(seen.count == 2)
      for metadata in seen {
        #expect(metadata.map(\.key) == ["x-kept"])
        #expect("\(metadata)".contains("good") == false)
      }
    }
  }

  @Test(
    "a legal timeout is handed on in a form that grpc-swift reads",
    arguments: [
      ("99999999m", "100000S"), ("9999999H", "1440000M"), ("99999999H", "1440000M"),
      ("1S", "1000000u"), ("0S", "0n"), ("99999999n", "100000u"),
    ]
  )
  func timeouts(_ received: String, _ handedOn: String) async throws {
    let seen = Mutex<[String]>([])
    let handler: TestService.Handler = { request, context in
      seen.withLock { $0 += request.metadata[stringValues: "grpc-timeout"] }
      return try await TestService.echo(request, context)
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let call = await server.transport.call(
        Self.method,
        .bearer("good") + [("grpc-timeout", received)]
      )
      #expect(call.statuses.count == 1)
      #expect(seen.withLock { $0 } == [handedOn])
      #expect(handedOn.utf8.count <= 8)
    }
  }

  @Test("anyone may call an anonymous method, and nobody is the caller")
  func anonymous() async throws {
    let callers = Mutex<[String?]>([])
    let handler: TestService.Handler = { request, context in
      callers.withLock { $0.append(Principal.current?.subject.text) }
      return try await TestService.echo(request, context)
    }
    let outside = Principal(assertingVerified: try #require(TokenTable.standard().tokens["other"]))
    // Whoever starts a server is not the caller of its methods.
    try await Principal.$current.withValue(outside) {
      try await withScriptedServer(
        [Self.method: handler],
        policy: [Allow(Self.method, .anonymous)]
      ) { server in
        let call = await server.transport.call(Self.method)
        #expect(call.statuses.map(\.status.code) == [.ok])
        let known = await server.transport.call(Self.method, .bearer("good"))
        #expect(known.statuses.map(\.status.code) == [.ok])
        // A credential that is presented has to be good.
        let bad = await server.transport.call(Self.method, .bearer("bad"))
        #expect(bad.statuses.map(\.status.code) == [.unauthenticated])
        #expect(callers.withLock { $0 } == [nil, "alice"])
      }
    }
  }

  @Test("the caller is known in the handler, in the producer and in child tasks")
  func principal() async throws {
    let handler: TestService.Handler = { _, _ in
      let inHandler = Principal.current?.subject.text ?? "nobody"
      return StreamingServerResponse { writer in
        async let inChild = Principal.current?.subject.text ?? "nobody"
        try await writer.write(inHandler)
        try await writer.write(Principal.current?.subject.text ?? "nobody")
        try await writer.write(await inChild)
        return [:]
      }
    }
    try await withScriptedServer([Self.method: handler]) { server in
      let call = await server.transport.call(Self.method, .bearer("good"))
      #expect(call.messages == ["alice", "alice", "alice"])
      let other = await server.transport.call(Self.method, .bearer("other"))
      #expect(other.messages == ["bob", "bob", "bob"])
      #expect(Principal.current == nil)
    }
  }

  @Test("a token bound to a certificate is accepted with that certificate only")
  func boundToken() async throws {
    let certificate = CertificateThumbprint(der: [1, 2, 3])
    let proven: @Sendable (ServerContext) -> CertificateThumbprint? = { _ in certificate }
    try await withScriptedServer(peerCertificate: proven) { server in
      let call = await server.transport.call(Self.method, .bearer("bound"))
      #expect(call.statuses.map(\.status.code) == [.ok])
    }
    let another: @Sendable (ServerContext) -> CertificateThumbprint? = { _ in
      CertificateThumbprint(der: [1, 2, 4])
    }
    try await withScriptedServer(peerCertificate: another) { server in
      let call = await server.transport.call(Self.method, .bearer("bound"))
      #expect(server.observer.reasons == [.bindingMismatch])
      #expect(call.statuses.map(\.status.code) == [.unauthenticated])
    }
  }

  @Test("the observer learns door and peer")
  func record() async throws {
    try await withScriptedServer { server in
      _ = await server.transport.call(Self.method, .bearer("good"))
      let record = try #require(server.observer.records.first)
      #expect(record.door == .grpc)
      #expect(record.peer == "test:caller")
      #expect(record.method?.fullName == Self.method)
    }
  }

  @Test("ten thousand calls leave nothing behind")
  func noLeak() async throws {
    try await withScriptedServer { server in
      await withTaskGroup(of: Bool.self) { group in
        for _ in 0 ..< 20 {
          group.addTask {
            for _ in 0 ..< 500 {
              let call = await server.transport.call(Self.method, .bearer("good"))
              guard call.statuses.map(\.status.code) == [.ok] else { return false }
            }
            return true
          }
        }
        for await isGood in group { #expect(isGood) }
      }
      #expect(server.service.handled == 10_000)
      #expect(server.guarded.supervisedCallCount == 0)
    }
  }
}

/// Shows the metadata that an interceptor sees.
struct SpyInterceptor: ServerInterceptor {
  let onMetadata: @Sendable (Metadata) -> Void

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @concurrent @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    self.onMetadata(request.metadata)
    return try await next(request, context)
  }
}
