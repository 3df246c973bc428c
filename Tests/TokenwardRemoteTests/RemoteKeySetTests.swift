// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardRemote
import TokenwardTestKit

@Suite("Remote keys", .timeLimit(.minutes(2)))
struct RemoteKeySetTests {
  private let first: TestIssuer
  private let second: TestIssuer

  init() throws {
    self.first = try TestIssuer(keyID: "first")
    self.second = try TestIssuer(keyID: "second")
  }

  @Test("before it runs there are no keys, and nothing is on its way")
  func notRunning() throws {
    let time = VirtualTime()
    let keys = RemoteKeySet(
      of: "https://issuer.test",
      documents: try ScriptedDocuments(self.first),
      timing: KeyRefreshTiming(),
      time: time,
      sleeping: time
    )
    #expect(keys.current(at: time.moment) == nil)
    #expect(keys.lookup(for: KeyID("first"), at: time.moment) == nil)
    #expect(!keys.status(at: time.moment).isUsable)
  }

  @Test("they are fetched at the start and again when the interval is over")
  func interval() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      #expect(running.current?.names == ["first"])
      #expect(running.documents.fetches == 1)
      await running.pass(269)
      #expect(running.documents.fetches == 1)
      await running.pass(32)
      #expect(running.documents.fetches == 2)
      let status = running.status
      #expect(status.isUsable && status.keyCount == 1 && status.lastProblem == nil)
      #expect(status.attempts == [nil: 2])
    }
  }

  @Test(
    "an issuer chooses the interval within bounds",
    arguments: [(0, 54, 60), (1, 54, 60), (120, 108, 120), (31_536_000, 810, 900)]
  )
  func freshness(stated: Int, earliest: Int64, latest: Int64) async throws {
    let documents = try ScriptedDocuments(self.first)
    documents.publish(
      text: String(decoding: try self.first.jwks, as: UTF8.self),
      freshness: .seconds(stated)
    )
    try await RunningKeys.run(documents) { running in
      await running.pass(earliest - 1)
      #expect(documents.fetches == 1)
      await running.pass(latest - earliest + 2)
      #expect(documents.fetches == 2)
    }
  }

  @Test("a document that did not change leaves verified tokens verified")
  func unchanged() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      let generation = running.current?.generation
      await running.pass(301)
      #expect(running.documents.fetches == 2)
      #expect(running.current?.generation == generation)
      try running.documents.publish(self.second)
      await running.pass(301)
      #expect(running.current?.generation != generation)
      #expect(running.current?.names == ["second"])
    }
  }

  @Test("while the issuer is down the keys count to the last second of the limit (J02)")
  func staleness() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      running.documents.fail(.connectionFailed)
      var usable: Int64 = 0
      await running.pass(3_610) { _ in if running.current != nil { usable += 1 } }
      #expect(usable == 3_599)
      #expect(running.current == nil)
      #expect(running.status.lastProblem == .connectionFailed)
      #expect(running.status.keyCount == 1 && !running.status.isUsable)
      // It has asked with growing pauses, not every second and not never.
      #expect((50 ... 130).contains(running.documents.fetches))
      try running.documents.publish(self.first)
      await running.pass(61)
      #expect(running.current?.names == ["first"])
    }
  }

  @Test("keys are too old by whichever clock says so: a machine that slept")
  func suspended() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      let start = running.now
      running.time.clock.set(unix: start.unix.adding(seconds: 3_599))
      #expect(running.current != nil)
      running.time.clock.set(unix: start.unix.adding(seconds: 3_600))
      #expect(running.current == nil)
      running.time.clock.set(unix: start.unix.adding(seconds: -9_999))
      #expect(running.current != nil)
      running.time.clock.advanceMonotonic(by: .seconds(3_600))
      #expect(running.current == nil)
    }
  }

  static let unusable: [(String, KeyFetchProblem)] = [
    ("<html>sign in</html>", .keysMalformed), ("{\"keys\":[", .keysMalformed),
    ("{\"keys\":{}}", .keysMalformed), ("{\"keys\":[]}", .keysUnusable),
    ("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", .keysUnusable),
    ("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", .keysPrivate), ("", .keysMalformed),
  ]

  @Test(
    "an answer that is no usable set changes nothing and is reported (J07, J08)",
    arguments: Self.unusable
  )
  func unusableAnswer(text: String, problem: KeyFetchProblem) async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      let generation = running.current?.generation
      running.documents.publish(text: text)
      await running.pass(301)
      #expect(running.current?.generation == generation)
      #expect(running.status.lastProblem == problem)
      // It does not renew the age of the keys.
      await running.pass(3_300)
      #expect(running.current == nil)
    }
  }

  @Test("at the start an answer that is no usable set leaves no keys")
  func unusableAtStart() async throws {
    for (text, problem) in Self.unusable {
      let documents = ScriptedDocuments(.success(KeyDocument(bytes: Array(text.utf8))))
      try await RunningKeys.run(documents) { running in
        #expect(running.current == nil)
        #expect(running.status.lastProblem == problem)
      }
    }
  }

  @Test("a useless key beside a good one is left out (J08)")
  func partial() async throws {
    let text = "{\"keys\":[{\"kty\":\"EC\"},\(try self.first.jwk)]}"
    let documents = ScriptedDocuments(.success(KeyDocument(bytes: Array(text.utf8))))
    try await RunningKeys.run(documents) { running in
      #expect(running.current?.names == ["first"])
    }
  }

  @Test("a withdrawn key stays withdrawn when an old set comes back (J10)")
  func rollback() async throws {
    let documents = try ScriptedDocuments(self.second)
    try await RunningKeys.run(documents, revoked: [try #require(KeyID("first"))]) { running in
      try documents.publish(self.first, self.second)
      await running.pass(301)
      #expect(running.current?.names == ["second"])
      #expect(running.current?.skipped.map(\.problem) == [.revoked])
      #expect(running.keys.lookup(for: KeyID("first"), at: running.now) == nil)
    }
    // Without the list it comes back.
    try await RunningKeys.run(ScriptedDocuments(self.second)) { running in
      try running.documents.publish(self.first, self.second)
      await running.pass(301)
      #expect(running.current?.names == ["first", "second"])
    }
  }

  @Test("a second loop does not ask twice as often")
  func secondLoop() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      let second = Task { try await running.keys.run() }
      await running.pass(301)
      #expect(running.documents.fetches == 2)
      #expect(running.current != nil)
      second.cancel()
      _ = await second.result
    }
  }

  @Test("keys that were there before it runs count, and grow old, from its start on")
  func seeded() async throws {
    let documents = try ScriptedDocuments(self.first)
    let time = VirtualTime()
    let keys = RemoteKeySet(
      of: "https://issuer.test",
      documents: documents,
      timing: KeyRefreshTiming(),
      time: time,
      sleeping: time
    )
    try await keys.fetchOnce()
    documents.fail(.connectionFailed)
    let task = Task { try await keys.run() }
    defer { task.cancel() }
    #expect(await eventually { documents.fetches == 2 && time.sleeperCount == 1 })
    #expect(keys.current(at: time.moment)?.names == ["first"])
    time.clock.advance(by: 3_599)
    #expect(keys.current(at: time.moment) != nil)
    time.clock.advance(by: 1)
    #expect(keys.current(at: time.moment) == nil)
  }

  @Test("a clock that fails stops nothing for ever")
  func failedClock() async throws {
    let documents = try ScriptedDocuments(self.first)
    let time = VirtualTime()
    time.clock.setFailed()
    let keys = RemoteKeySet(
      of: "https://issuer.test",
      documents: documents,
      timing: KeyRefreshTiming(),
      time: time,
      sleeping: time
    )
    let task = Task { try await keys.run() }
    defer { task.cancel() }
    #expect(await eventually { time.sleeperCount == 1 })
    #expect(documents.fetches == 0)
    time.clock.setFailed(false)
    time.advance(by: 2)
    #expect(await eventually { keys.current(at: time.moment) != nil })
  }

  @Test("it is a key source as verifiers expect it")
  func contract() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      let verifier = try JWTVerifier(issuers: [self.first.trusted(keys: running.keys)])
      let token = PresentedToken(BearerToken(try self.first.token(at: running.now.unix)))
      #expect(throws: Never.self) { try verifier.verify(token, at: running.now) }
      try running.documents.publish(self.second)
      await running.pass(301)
      let other = PresentedToken(BearerToken(try self.first.token(at: running.now.unix)))
      #expect(throws: VerificationFailure(.keyUnknown)) {
        try verifier.verify(other, at: running.now)
      }
    }
  }
}
