// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import NIOSSL
import Testing
import TokenwardCore
import TokenwardHTTP
import X509

@Suite("A request to another server", .timeLimit(.minutes(2)))
struct HTTPSClientTests {
  private let pki: FaultPKI
  private let folder: String
  private var roots: HTTPRoots { .file("\(self.folder)/ca.pem") }

  init() throws {
    self.pki = try FaultPKI()
    self.folder = "\(FileManager.default.temporaryDirectory.path)/tokenward-\(UUID())"
    try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
    try self.write(self.pki.pem)
  }

  private func write(_ pem: String) throws {
    try pem.write(toFile: "\(self.folder)/ca.pem", atomically: true, encoding: .utf8)
  }

  private func answer(_ body: String, headers: String = "") -> String {
    "HTTP/1.1 200 OK\r\ncontent-length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
  }

  /// Asks a server once and stops it.
  private func ask(
    _ server: FaultServer,
    host: String = "127.0.0.1",
    isTLS: Bool = true,
    deadline: Duration = .seconds(5),
    resolving: [String: String] = [:]
  ) async throws -> Outcome {
    let client = try HTTPSClient(roots: self.roots, deadline: deadline, resolving: resolving)
    let url = try RemoteURL(
      "\(isTLS ? "https" : "http")://\(host):\(server.port)/keys?a=b",
      plaintext: RemoteURL.Plaintext(because: "a test")
    )
    let outcome = await Self.outcome { () async throws(HTTPFailure) in
      try await client.exchange(HTTPExchange(.get, url, headers: [("x-test", "1")]))
    }
    // Whatever went wrong, the connection does not stay to be fed.
    if outcome.answer == nil { #expect(await eventually { server.openCount == 0 }) }
    await server.stop()
    return outcome
  }

  private static func outcome(
    _ body: () async throws(HTTPFailure) -> HTTPAnswer
  ) async -> Outcome {
    do throws(HTTPFailure) {
      return Outcome(answer: try await body())
    } catch {
      return Outcome(failure: error)
    }
  }

  @Test("a whole answer arrives with status, headers and body")
  func whole() async throws {
    let text = self.answer("{}", headers: "Cache-Control: max-age=5\r\nContent-Type: a/B; c=d\r\n")
    let server = try await FaultServer(tls: self.pki.identity(), answer: text)
    let answer = try await self.ask(server).get()
    #expect(answer.status == 200 && answer.body == Array("{}".utf8))
    #expect(answer.values(of: "cache-control") == ["max-age=5"])
    #expect(answer.mediaType == "a/b")
    #expect(server.received.hasPrefix("GET /keys?a=b HTTP/1.1\r\n"))
    #expect(server.received.lowercased().contains("x-test: 1"))
  }

  @Test("a post carries its body")
  func post() async throws {
    let server = try await FaultServer(tls: self.pki.identity(), answer: self.answer("ok"))
    let client = try HTTPSClient(roots: self.roots)
    let url = try RemoteURL("https://localhost:\(server.port)/token")
    _ = try await client.exchange(HTTPExchange(.post, url, body: Array("token=abc".utf8)))
    #expect(server.received.hasPrefix("POST /token HTTP/1.1\r\n"))
    #expect(server.received.hasSuffix("token=abc"))
    await server.stop()
  }

  @Test("a certificate of nobody we trust, expired, or for another name fails (J05)")
  func certificates() async throws {
    let good = try await FaultServer(tls: self.pki.identity(), answer: self.answer("ok"))
    #expect(try await self.ask(good).get().status == 200)
    let bad = [
      try FaultPKI().identity(), try self.pki.identity(days: -1),
      try self.pki.identity(names: [.dnsName("other.example")]),
    ]
    for (index, identity) in bad.enumerated() {
      let server = try await FaultServer(tls: identity, answer: self.answer("ok"))
      let failure = try await self.ask(server).failure
      #expect(failure == .tlsFailed, "\(index)")
      #expect(server.received.isEmpty)
    }
  }

  @Test("TLS 1.1 is not spoken, TLS 1.2 is")
  func versions() async throws {
    var identity = try self.pki.identity()
    identity.maximumTLSVersion = .tlsv12
    let server = try await FaultServer(tls: identity, answer: self.answer("ok"))
    #expect(try await self.ask(server).get().status == 200)
    identity.maximumTLSVersion = .tlsv11
    let old = try await FaultServer(tls: identity, answer: self.answer("ok"))
    #expect(try await self.ask(old).failure == .tlsFailed)
  }

  @Test("a server that speaks plain HTTP on the port fails; so does one that is not there")
  func connections() async throws {
    let plain = try await FaultServer(tls: nil, answer: self.answer("ok"))
    #expect(try await self.ask(plain).failure == .tlsFailed)
    let gone = try await FaultServer(tls: self.pki.identity(), answer: "")
    await gone.stop()
    #expect(try await self.ask(gone).failure == .connectionFailed)
    let silent = try await FaultServer(tls: self.pki.identity(), answer: "")
    #expect(try await self.ask(silent).failure == .connectionFailed)
  }

  @Test("a redirect is an answer and nothing follows it (J04)")
  func redirect() async throws {
    let target = try await FaultServer(tls: self.pki.identity(), answer: self.answer("stolen"))
    let location = "https://127.0.0.1:\(target.port)/keys"
    let text = "HTTP/1.1 302 Found\r\nlocation: \(location)\r\ncontent-length: 0\r\n\r\n"
    let server = try await FaultServer(tls: self.pki.identity(), answer: text)
    #expect(try await self.ask(server).get().status == 302)
    #expect(target.connectionCount == 0)
    await target.stop()
  }

  @Test("a name that moves to another address has no certificate there (J15)")
  func rebinding() async throws {
    let identity = try self.pki.identity(names: [.dnsName("issuer.example")])
    let server = try await FaultServer(tls: identity, answer: self.answer("ok"))
    let moved = ["issuer.example": "127.0.0.1"]
    let answer = try await self.ask(server, host: "issuer.example", resolving: moved)
    #expect(try answer.get().status == 200)
    let elsewhere = try await FaultServer(tls: self.pki.identity(), answer: self.answer("ok"))
    let failure = try await self.ask(elsewhere, host: "issuer.example", resolving: moved)
    #expect(failure.failure == .tlsFailed)
    #expect(elsewhere.received.isEmpty)
    let nowhere = try await FaultServer(tls: self.pki.identity(), answer: self.answer("ok"))
    let unknown = try await self.ask(nowhere, host: "no-such-name.invalid")
    #expect(unknown.failure == .connectionFailed)
  }

  @Test("the deadline holds for silence, for drops and for a slow first byte (J03)")
  func deadline() async throws {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    let promised = "HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n"
    let cases: [(String, FaultServer.Rest)] = [
      ("", .silence), (chunked, .silence), (promised, .drip(milliseconds: 10)),
      ("HTTP/1.1 200 OK\r\nx: ", .drip(milliseconds: 10)),
    ]
    for (text, rest) in cases {
      let server = try await FaultServer(tls: self.pki.identity(), answer: text, then: rest)
      let start = ContinuousClock.now
      #expect(
        try await self.ask(server, deadline: .milliseconds(400)).failure == .deadlineExceeded
      )
      #expect(ContinuousClock.now - start < .seconds(4))
    }
  }

  @Test("a deadline of the request itself counts if it is earlier")
  func ownDeadline() async throws {
    let server = try await FaultServer(tls: self.pki.identity(), answer: "", then: .silence)
    let client = try HTTPSClient(roots: self.roots)
    let url = try RemoteURL("https://127.0.0.1:\(server.port)/")
    for wait in [Duration.milliseconds(300), .zero, .seconds(-1)] {
      let start = ContinuousClock.now
      await #expect(throws: HTTPFailure.deadlineExceeded) {
        try await client.exchange(HTTPExchange(.get, url, deadline: start + wait))
      }
      #expect(ContinuousClock.now - start < .seconds(4))
    }
    await server.stop()
  }

  @Test("a body beyond the limit is not read to its end (J03)")
  func size() async throws {
    let promised = "HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n"
    let server = try await FaultServer(tls: self.pki.identity(), answer: promised, then: .flood)
    #expect(try await self.ask(server).failure == .tooLarge)
    let body = String(repeating: "a", count: 1 << 20)
    let exact = try await FaultServer(tls: self.pki.identity(), answer: self.answer(body))
    #expect(try await self.ask(exact).get().body.count == 1 << 20)
    let over = try await FaultServer(tls: self.pki.identity(), answer: self.answer(body + "a"))
    #expect(try await self.ask(over).failure == .tooLarge)
  }

  @Test("an encoded body, endless headers and no HTTP at all are refused")
  func malformed() async throws {
    let encoded = self.answer("xx", headers: "content-encoding: gzip\r\n")
    let garbage = "SSH-2.0-OpenSSH_9.2\r\n\r\n"
    for text in [encoded, garbage] {
      let server = try await FaultServer(tls: self.pki.identity(), answer: text)
      #expect(try await self.ask(server).failure == .malformed, "\(text.prefix(12))")
    }
    let endless = "HTTP/1.1 200 OK\r\nx: "
    let server = try await FaultServer(tls: self.pki.identity(), answer: endless, then: .flood)
    #expect(try await self.ask(server).failure == .malformed)
  }

  @Test("a caller that gives up is let go at once")
  func cancelled() async throws {
    let server = try await FaultServer(tls: self.pki.identity(), answer: "", then: .silence)
    let client = try HTTPSClient(roots: self.roots)
    let url = try RemoteURL("https://127.0.0.1:\(server.port)/")
    let call = Task { () async -> Outcome in
      await Self.outcome { () async throws(HTTPFailure) in
        try await client.exchange(HTTPExchange(.get, url))
      }
    }
    #expect(await eventually { !server.received.isEmpty })
    let start = ContinuousClock.now
    call.cancel()
    #expect(await call.value.failure == .cancelled)
    #expect(ContinuousClock.now - start < .seconds(3))
    await server.stop()
  }

  @Test("roots that change are used from the next request on, and unusable ones stop everything")
  func changedRoots() async throws {
    let server = try await FaultServer(tls: self.pki.identity(), answer: self.answer("ok"))
    let client = try HTTPSClient(roots: self.roots)
    let request = HTTPExchange(.get, try RemoteURL("https://127.0.0.1:\(server.port)/"))
    #expect(try await client.exchange(request).status == 200)
    try self.write(FaultPKI().pem)
    await #expect(throws: HTTPFailure.tlsFailed) { try await client.exchange(request) }
    try self.write("nothing")
    await #expect(throws: HTTPFailure.rootsUnusable) { try await client.exchange(request) }
    try self.write(self.pki.pem)
    #expect(try await client.exchange(request).status == 200)
    await server.stop()
  }

  @Test("a client without usable roots is not made", arguments: ["", "no PEM"])
  func noRoots(content: String) throws {
    try self.write(content)
    let error = #expect(throws: ConfigurationError.self) { try HTTPSClient(roots: self.roots) }
    #expect(error?.problems.count == 1)
    #expect(throws: ConfigurationError.self) {
      try HTTPSClient(roots: .file("\(self.folder)/none"))
    }
    #expect(throws: Never.self) { try HTTPSClient(roots: .system) }
  }

  @Test("nothing of a request or an answer is in its description")
  func redaction() throws {
    let request = HTTPExchange(
      .post,
      try RemoteURL("https://a.example/b?code=hunter2"),
      headers: [("authorization", "Bearer hunter2")],
      body: Array("hunter2".utf8)
    )
    let answer = HTTPAnswer(status: 200, headers: [("a", "hunter2")], body: Array("hunter2".utf8))
    for value in [request, answer] as [Any] {
      var dumped = ""
      dump(value, to: &dumped)
      for text in ["\(value)", String(reflecting: value), dumped] {
        #expect(!text.contains("hunter2"))
        #expect(!text.contains("104, 117"))
      }
    }
  }
}

/// What came of a request.
struct Outcome: Sendable {
  var answer: HTTPAnswer?
  var failure: HTTPFailure?

  func get() throws -> HTTPAnswer {
    if let failure { throw failure }
    return try #require(self.answer)
  }
}
