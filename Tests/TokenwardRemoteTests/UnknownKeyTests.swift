// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardRemote
import TokenwardTestKit

@Suite("A token of a key that nobody here knows", .timeLimit(.minutes(2)))
struct UnknownKeyTests {
  private let first: TestIssuer
  private let second: TestIssuer

  init() throws {
    self.first = try TestIssuer(keyID: "first")
    self.second = try TestIssuer(keyID: "second")
  }

  private func requestGuard(_ running: RunningKeys) throws -> RequestGuard {
    RequestGuard(
      policy: try MethodPolicy([Allow("orders.v1.Orders/Get", .authenticated)]),
      verifier: try JWTVerifier(issuers: [self.first.trusted(keys: running.keys)]),
      time: running.time
    )
  }

  private func request(_ token: String, timeout: String? = nil) -> AccessRequest {
    var request = AccessRequest(path: "/orders.v1.Orders/Get", door: .grpc)
    request.add(header: "authorization", value: "Bearer \(token)")
    if let timeout { request.add(header: "grpc-timeout", value: timeout) }
    return request
  }

  private func pending(_ progress: DecisionProgress) -> PendingDecision? {
    if case .pending(let pending) = progress { pending } else { nil }
  }

  @Test("it waits for the issuer's new keys and is let in (J09)")
  func rotation() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      let requestGuard = try self.requestGuard(running)
      let token = try self.second.token(at: running.now.unix)
      try running.documents.publish(self.first, self.second)
      let pending = try #require(self.pending(requestGuard.begin(self.request(token))))
      #expect(await requestGuard.finish(pending).grant?.principal?.subject == "alice")
      #expect(running.documents.fetches == 2)
      // And a decision that cannot wait is a denial.
      let third = try TestIssuer(keyID: "third").token(at: running.now.unix)
      #expect(requestGuard.decide(self.request(third)).denial?.reason == .keyUnknown)
    }
  }

  @Test("a made-up key is denied after one request to the issuer (J06)")
  func madeUp() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      let requestGuard = try self.requestGuard(running)
      let token = try self.second.token(at: running.now.unix)
      let pending = try #require(self.pending(requestGuard.begin(self.request(token))))
      #expect(await requestGuard.finish(pending).denial?.reason == .keyUnknown)
      #expect(running.documents.fetches == 2)
    }
  }

  @Test("a thousand made-up keys in one second cause one request, and good tokens pass (J06)")
  func flood() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      let requestGuard = try self.requestGuard(running)
      let good = try self.first.token(at: running.now.unix)
      for number in 0 ..< 1_000 {
        _ = running.keys.lookup(for: KeyID("made-up-\(number)"), at: running.now)
        if number % 100 == 0 {
          #expect(requestGuard.decide(self.request(good)).grant != nil)
        }
      }
      #expect(await eventually { running.documents.fetches == 2 })
      for second in 0 ..< 29 {
        running.time.advance(by: 1)
        #expect(running.keys.lookup(for: KeyID("again-\(second)"), at: running.now) == nil)
      }
      _ = await running.settled()
      #expect(running.documents.fetches == 2)
      running.time.advance(by: 1)
      #expect(running.keys.lookup(for: KeyID("after the cooldown"), at: running.now) != nil)
      #expect(await eventually { running.documents.fetches == 3 })
    }
  }

  @Test("a request that failed counts for the cooldown too (J07)")
  func failureCounts() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      running.documents.publish(text: "{\"keys\":[]}")
      let lookup = try #require(running.keys.lookup(for: KeyID("a"), at: running.now))
      #expect(await lookup.wait())
      #expect(running.status.lastProblem == .keysUnusable)
      #expect(running.keys.lookup(for: KeyID("b"), at: running.now) == nil)
    }
  }

  @Test("a key that the issuer does not have is asked for again once the cooldown is over (J09)")
  func memory() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      _ = await running.keys.lookup(for: KeyID("second"), at: running.now)?.wait()
      #expect(running.documents.fetches == 2)
      running.time.advance(by: 29)
      #expect(running.keys.lookup(for: KeyID("second"), at: running.now) == nil)
      // The issuer had signed with it before it was published.
      try running.documents.publish(self.first, self.second)
      running.time.advance(by: 1)
      _ = await running.keys.lookup(for: KeyID("second"), at: running.now)?.wait()
      #expect(running.current?.names == ["first", "second"])
    }
  }

  @Test("the cooldown begins with the answer, so that a hanging issuer is not asked at once again")
  func hanging() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      running.documents.hold()
      let lookup = try #require(running.keys.lookup(for: KeyID("a"), at: running.now))
      let waiting = Task { await lookup.wait() }
      #expect(await eventually { running.keys.waitingCount == 1 })
      running.time.advance(by: 40)
      running.documents.fail(.deadlineExceeded)
      running.documents.release()
      #expect(await waiting.value)
      #expect(running.keys.lookup(for: KeyID("b"), at: running.now) == nil)
    }
  }

  @Test("a key is remembered as unknown from the answer on, not from the question")
  func memoryFromAnswer() async throws {
    var refresh = KeySetRefreshProbe()
    #expect(try refresh.remembersAfterAnswer(issuer: self.first) == [true, true, false])
  }

  @Test("new keys clear what was remembered (J09)")
  func memoryEnds() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      _ = await running.keys.lookup(for: KeyID("second"), at: running.now)?.wait()
      try running.documents.publish(self.second)
      await running.pass(301)
      #expect(running.current?.names == ["second"])
      #expect(running.keys.lookup(for: KeyID("first"), at: running.now) != nil)
    }
  }

  @Test("ten thousand made-up keys are not all remembered")
  func bounded() throws {
    var refresh = KeySetRefreshProbe()
    #expect(try refresh.remembered(of: 10_000, issuer: self.first) == KeySetRefreshProbe.most)
  }

  @Test("a hundred calls share one request (J11)")
  func singleFlight() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      running.documents.hold()
      try running.documents.publish(self.first, self.second)
      let requestGuard = try self.requestGuard(running)
      let token = try self.second.token(at: running.now.unix)
      try await withThrowingTaskGroup(of: Decision.self) { group in
        for _ in 0 ..< 100 {
          let pending = try #require(self.pending(requestGuard.begin(self.request(token))))
          group.addTask { await requestGuard.finish(pending) }
        }
        #expect(await eventually { running.keys.waitingCount == 100 })
        running.documents.release()
        for try await decision in group { #expect(decision.grant != nil) }
      }
      #expect(running.documents.fetches == 2)
      #expect(running.keys.waitingCount == 0)
    }
  }

  @Test("no more calls wait than there is room for")
  func room() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      running.documents.hold()
      await withTaskGroup(of: Void.self) { group in
        for number in 0 ..< 1_100 {
          let lookup = running.keys.lookup(for: KeyID("made-up-\(number)"), at: running.now)
          group.addTask { _ = await lookup?.wait() }
        }
        #expect(await eventually { running.keys.waitingCount == 1_024 })
        for _ in 0 ..< 76 { _ = await group.next() }
        #expect(running.keys.waitingCount == 1_024)
        running.documents.release()
      }
      #expect(running.keys.waitingCount == 0)
    }
  }

  @Test("a call for which there is no room is undecided, not refused")
  func crowded() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      running.documents.hold()
      let requestGuard = try self.requestGuard(running)
      let token = try self.second.token(at: running.now.unix)
      await withTaskGroup(of: Void.self) { group in
        for number in 0 ..< 1_024 {
          let lookup = running.keys.lookup(for: KeyID("made-up-\(number)"), at: running.now)
          group.addTask { _ = await lookup?.wait() }
        }
        #expect(await eventually { running.keys.waitingCount == 1_024 })
        guard let pending = self.pending(requestGuard.begin(self.request(token))) else {
          Issue.record("decided without waiting")
          return
        }
        #expect(await requestGuard.finish(pending).denial?.reason == .dependencyUnavailable)
        running.documents.release()
      }
    }
  }

  @Test("a token that came during a fetch by schedule is asked for once more (J09)")
  func scheduled() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      let requestGuard = try self.requestGuard(running)
      running.documents.hold()
      running.time.advance(by: 301)
      #expect(await eventually { running.documents.heldCount == 1 })
      let token = try self.second.token(at: running.now.unix)
      let pending = try #require(self.pending(requestGuard.begin(self.request(token))))
      let call = Task { await requestGuard.finish(pending) }
      #expect(await eventually { running.keys.waitingCount == 1 })
      // The answer that is under way was made before the key was published.
      running.documents.release(with: try ScriptedDocuments.document([self.first]))
      try running.documents.publish(self.first, self.second)
      #expect(await call.value.grant != nil)
      #expect(running.documents.fetches == 3)
    }
  }

  @Test("a client that gives up leaves nothing behind and is not let in (S06)")
  func cancelled() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      running.documents.hold()
      try running.documents.publish(self.first, self.second)
      let requestGuard = try self.requestGuard(running)
      let token = try self.second.token(at: running.now.unix)
      let pending = try #require(self.pending(requestGuard.begin(self.request(token))))
      let call = Task { await requestGuard.finish(pending) }
      #expect(await eventually { running.keys.waitingCount == 1 })
      call.cancel()
      #expect(await call.value.denial?.reason == .callCancelled)
      #expect(running.keys.waitingCount == 0)
    }
  }

  @Test("a call whose own deadline passes meanwhile is not let in (S07)")
  func deadline() async throws {
    try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      running.documents.hold()
      try running.documents.publish(self.first, self.second)
      let requestGuard = try self.requestGuard(running)
      for (timeout, isLate) in [("2S", true), ("3S", false)] {
        let token = try self.second.token(at: running.now.unix)
        let request = self.request(token, timeout: timeout)
        let pending = try #require(self.pending(requestGuard.begin(request)))
        let call = Task { await requestGuard.finish(pending) }
        #expect(await eventually { running.keys.waitingCount == 1 })
        running.time.advance(by: 2)
        running.documents.release()
        let decision = await call.value
        #expect(decision.denial?.reason == (isLate ? .deadlineExceeded : nil))
        // The next round needs an unknown key again.
        running.documents.hold()
        try running.documents.publish(self.first)
        running.time.advance(by: 400)
        running.documents.release()
        #expect(await eventually { running.current?.names == ["first"] })
        running.documents.hold()
        try running.documents.publish(self.first, self.second)
      }
    }
  }

  @Test("whoever waits is let go when the service stops during a fetch (J13)")
  func stopped() async throws {
    let waiting = try await RunningKeys.run(ScriptedDocuments(self.first)) { running in
      running.documents.hold()
      let lookup = try #require(running.keys.lookup(for: KeyID("second"), at: running.now))
      let waiting = Task { await lookup.wait() }
      #expect(await eventually { running.keys.waitingCount == 1 })
      return waiting
    }
    _ = await waiting.value
  }
}
