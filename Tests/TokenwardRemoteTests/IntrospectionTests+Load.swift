// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardRemote
import TokenwardTestKit

/// Strangers and outages: nobody's token keeps the others out.
extension IntrospectionTests {
  private func json(_ status: Int, _ text: String) -> ScriptedHTTP.Outcome {
    let type = [(name: "content-type", value: "application/json")]
    return .success(HTTPAnswer(status: status, headers: type, body: Array(text.utf8)))
  }

  @Test(
    "an answer that only one token gets does not keep the others out",
    arguments: [400, 403, 413, 414, 422, 431, 200]
  )
  func strangeToken(status: Int) async throws {
    let requestGuard = try self.requestGuard(self.verifier())
    self.http.answer(self.json(status, "{\"active\":true,\"active\":true}"))
    #expect(await self.decide(requestGuard, "../etc").denial?.reason == .dependencyUnavailable)
    self.http.answer(json: self.active([:]))
    #expect(await self.decide(requestGuard, "good").grant != nil)
    // And it is not asked about again at once.
    #expect(await self.decide(requestGuard, "../etc").denial?.reason == .dependencyUnavailable)
    #expect(self.http.requests.count == 2)
  }

  @Test("an issuer that is down, or refuses us, is left alone", arguments: [401, 429, 500, 503])
  func down(status: Int) async throws {
    let requestGuard = try self.requestGuard(self.verifier())
    self.http.answer(self.json(status, "{}"))
    #expect(await self.decide(requestGuard, "a").denial?.reason == .dependencyUnavailable)
    self.http.answer(json: self.active([:]))
    #expect(await self.decide(requestGuard, "b").denial?.reason == .dependencyUnavailable)
    #expect(self.http.requests.count == 1)
    self.clock.advanceMonotonic(by: .seconds(1))
    #expect(await self.decide(requestGuard, "c").grant != nil)
  }

  @Test("questions that fail together are one failure, and one question finds out about the next")
  func together() async throws {
    let verifier = try self.verifier()
    let requestGuard = try self.requestGuard(verifier)
    self.http.hold()
    await withTaskGroup(of: Void.self) { group in
      for number in 0 ..< 40 { group.addTask { _ = await self.decide(requestGuard, "t\(number)") } }
      #expect(await eventually { self.http.heldCount == 40 })
      self.http.release()
    }
    self.clock.advanceMonotonic(by: .seconds(1))
    self.http.hold()
    self.http.answer(json: self.active([:]))
    let probe = Task { await self.decide(requestGuard, "probe") }
    #expect(await eventually { self.http.heldCount == 1 })
    #expect(await self.decide(requestGuard, "other").denial?.reason == .dependencyUnavailable)
    self.http.release()
    #expect(await probe.value.grant != nil)
    self.http.answer(json: self.active([:]))
    #expect(await self.decide(requestGuard, "other").grant != nil)
    // It is back: as many are asked about at a time as before.
    self.http.hold()
    let both = ["x", "y"].map { token in Task { await self.decide(requestGuard, token) } }
    #expect(await eventually { self.http.heldCount == 2 })
    self.http.release()
    for decision in both { _ = await decision.value }
  }

  @Test("made-up tokens cannot have the room of tokens that were good before")
  func reserved() async throws {
    let verifier = try self.verifier()
    let requestGuard = try self.requestGuard(verifier)
    self.http.answer(json: self.active([:]))
    #expect(await self.decide(requestGuard, "regular").grant != nil)
    self.clock.advanceMonotonic(by: .seconds(6))
    self.http.hold()
    let strangers = (0 ..< 48).map { number in
      Task { await self.decide(requestGuard, "t\(number)") }
    }
    #expect(await eventually { self.http.heldCount == 48 })
    let regular = Task { await self.decide(requestGuard, "regular") }
    #expect(await eventually { self.http.heldCount == 49 })
    for _ in 0 ..< 49 { self.http.answer(json: self.active([:])) }
    self.http.release()
    #expect(await regular.value.grant != nil)
    for stranger in strangers { _ = await stranger.value }
  }

  @Test("one token cannot have all the room to wait")
  func oneToken() async throws {
    let verifier = try self.verifier()
    let requestGuard = try self.requestGuard(verifier)
    self.http.hold()
    await withTaskGroup(of: Decision.self) { group in
      for _ in 0 ..< 300 { group.addTask { await self.decide(requestGuard) } }
      for _ in 0 ..< 44 {
        #expect(await group.next()?.denial?.reason == .dependencyUnavailable)
      }
      #expect(await eventually { verifier.waitingCount == 256 })
      self.http.release()
    }
    #expect(verifier.waitingCount == 0)
  }

  @Test("the secret is kept for five seconds, and not after the issuer refused it")
  func heldSecret() async throws {
    let secret = Secret()
    let requestGuard = try self.requestGuard(self.verifier(secret: secret))
    func ask(_ token: String, _ outcome: ScriptedHTTP.Outcome) async -> Int {
      self.http.answer(outcome)
      _ = await self.decide(requestGuard, token)
      return secret.asked.load(ordering: .relaxed)
    }
    #expect(await ask("a", self.json(200, "{\"active\":false}")) == 1)
    self.clock.advanceMonotonic(by: .milliseconds(4_999))
    #expect(await ask("b", self.json(200, "{\"active\":false}")) == 1)
    self.clock.advanceMonotonic(by: .milliseconds(1))
    #expect(await ask("c", self.json(401, "{}")) == 2)
    self.clock.advanceMonotonic(by: .seconds(1))
    #expect(await ask("d", self.json(200, "{\"active\":false}")) == 3)
  }
}
