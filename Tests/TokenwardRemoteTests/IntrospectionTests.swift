// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardRemote
import TokenwardTestKit

@Suite("Tokens that their issuer is asked about", .timeLimit(.minutes(2)))
struct IntrospectionTests {
  let http = ScriptedHTTP()
  let clock = ManualClock()

  final class Secret: SecretSource {
    let error: SecretError?
    let asked = Atomic<Int>(0)
    init(error: SecretError? = nil) { self.error = error }
    func secret() async throws(SecretError) -> SecretBytes {
      self.asked.wrappingAdd(1, ordering: .relaxed)
      if let error { throw error }
      return SecretBytes(Array("s p:&".utf8))
    }
  }

  func verifier(
    age: Duration = .seconds(5),
    secret: Secret = Secret()
  ) throws -> IntrospectionVerifier {
    var endpoint = IntrospectionEndpoint(
      issuer: "https://issuer.test",
      url: try RemoteURL("https://issuer.test/introspect"),
      clientID: "orders:1",
      clientSecret: secret,
      audiences: .oneOf(["orders"])
    )
    endpoint.age = age
    return try IntrospectionVerifier(endpoint, client: self.http, time: self.clock)
  }

  func requestGuard(_ verifier: any TokenVerifier) throws -> RequestGuard {
    RequestGuard(
      policy: try MethodPolicy([Allow("orders.v1.Orders/Get", .scopes(["read"]))]),
      verifier: verifier,
      time: self.clock
    )
  }

  func decide(_ requestGuard: RequestGuard, _ token: String = "opaque") async -> Decision {
    var request = AccessRequest(path: "/orders.v1.Orders/Get", door: .grpc)
    request.add(header: "authorization", value: "Bearer \(token)")
    switch requestGuard.begin(request) {
    case .decided(let decision): return decision
    case .pending(let pending): return await requestGuard.finish(pending)
    }
  }

  func active(_ changes: [String: String?] = [:], expiresIn: Int64 = 300) -> String {
    var members: [String: String?] = [
      "active": "true", "sub": "\"alice\"", "aud": "\"orders\"", "scope": "\"read write\"",
      "client_id": "\"web\"", "exp": "\(self.clock.moment.unix.seconds + expiresIn)",
      "iss": "\"https://issuer.test\"", "token_type": "\"Bearer\"",
    ]
    for (name, value) in changes { members[name] = value }
    let text = members.sorted { $0.key < $1.key }.compactMap { name, value in
      value.map { "\"\(name)\":\($0)" }
    }
    return "{\(text.joined(separator: ","))}"
  }

  @Test("an active token is let in as whom the issuer says")
  func activeToken() async throws {
    self.http.answer(json: self.active(["cnf": nil, "nbf": "1"]))
    let grant = try #require(await self.decide(self.requestGuard(self.verifier())).grant)
    #expect(grant.principal?.subject == "alice")
    #expect(grant.principal?.issuer == "https://issuer.test")
    #expect(grant.principal?.clientID == "web")
    #expect(grant.expiresAt == self.clock.moment.unix.adding(seconds: 300))
    let request = try #require(self.http.requests.first)
    #expect(request.method == .post)
    #expect(request.url.text == "https://issuer.test/introspect")
    #expect(request.body == Array("token=opaque&token_type_hint=access_token".utf8))
    // "orders%3A1:s+p%3A%26" in Base64: each half is form-encoded first (RFC 6749 §2.3.1).
    let basic = request.headers.first { $0.name == "authorization" }?.value
    #expect(basic == "Basic b3JkZXJzJTNBMTpzK3AlM0ElMjY=")
  }

  static let refused: [(String, String?, DenialReason)] = [
    ("active", "false", .tokenUnknown), ("active", "\"true\"", .dependencyUnavailable),
    ("active", "1", .dependencyUnavailable), ("active", "null", .dependencyUnavailable),
    ("active", nil, .dependencyUnavailable), ("exp", nil, .claimMissing),
    ("exp", "\"1800000300\"", .claimMalformed), ("exp", "1800000000", .tokenExpired),
    ("exp", "1800009999", .lifetimeExceeded), ("nbf", "1800000001", .tokenNotYetValid),
    ("iat", "1800000001", .tokenNotYetValid), ("aud", nil, .claimMissing),
    ("aud", "\"billing\"", .audienceMismatch), ("aud", "[]", .claimMalformed),
    ("sub", nil, .claimMissing), ("sub", "\"\"", .claimMalformed),
    ("sub", "\"a\\u0000b\"", .claimMalformed), ("iss", "\"https://other.test\"", .issuerUnknown),
    ("iss", "[\"https://issuer.test\"]", .claimMalformed),
    ("token_type", "\"DPoP\"", .bindingMismatch),
    ("token_type", "7", .claimMalformed), ("cnf", "{\"jkt\":\"x\"}", .bindingMismatch),
    ("act", "{\"sub\":\"b\"}", .claimMalformed), ("scope", "\"write\"", .scopeInsufficient),
    ("scope", "[\"read\"]", .scopeInsufficient), ("scope", nil, .scopeInsufficient),
  ]

  @Test("an answer that says anything but a plain yes is a denial", arguments: Self.refused)
  func refusedAnswer(member: String, value: String?, reason: DenialReason) async throws {
    self.http.answer(json: self.active([member: value]))
    let requestGuard = try self.requestGuard(self.verifier())
    #expect(await self.decide(requestGuard).denial?.reason == reason)
  }

  @Test("the one byte between yes and no: the twin of each refused answer")
  func twin() async throws {
    for changes in [[:], ["iss": nil], ["token_type": nil], ["token_type": "\"bearer\""]]
      as [[String: String?]]
    {
      self.http.answer(json: self.active(changes))
      let requestGuard = try self.requestGuard(self.verifier())
      #expect(await self.decide(requestGuard).grant != nil)
    }
  }

  @Test("an issuer that does not answer as it should makes the call unavailable")
  func failures() async throws {
    let json = [(name: "content-type", value: "application/json")]
    let good = Array(self.active().utf8)
    let outcomes: [ScriptedHTTP.Outcome] = [
      .failure(.connectionFailed), .failure(.deadlineExceeded), .failure(.tooLarge),
      .success(HTTPAnswer(status: 401, headers: json, body: good)),
      .success(HTTPAnswer(status: 302, headers: json, body: good)),
      .success(HTTPAnswer(status: 500, headers: json, body: good)),
      .success(HTTPAnswer(status: 201, headers: json, body: good)),
      .success(HTTPAnswer(status: 200, headers: [("content-type", "text/html")], body: good)),
      .success(HTTPAnswer(status: 200, headers: json + json, body: good)),
      .success(HTTPAnswer(status: 200, body: good)),
      .success(HTTPAnswer(status: 200, headers: json, body: Array("{".utf8))),
      .success(HTTPAnswer(status: 200, headers: json, body: Array("[true]".utf8))),
      .success(HTTPAnswer(status: 200, headers: json, body: good + good)),
    ]
    for outcome in outcomes {
      self.http.answer(outcome)
      let requestGuard = try self.requestGuard(self.verifier())
      #expect(await self.decide(requestGuard).denial?.reason == .dependencyUnavailable)
    }
    #expect(self.http.requests.count == outcomes.count)
    self.http.answer(.success(HTTPAnswer(status: 200, headers: json, body: good)))
    #expect(await self.decide(try self.requestGuard(self.verifier())).grant != nil)
  }

  @Test("without its secret nothing is sent")
  func noSecret() async throws {
    let error = SecretError(.unavailable, problem: "sealed", hint: "unseal it")
    let requestGuard = try self.requestGuard(self.verifier(secret: Secret(error: error)))
    #expect(await self.decide(requestGuard).denial?.reason == .dependencyUnavailable)
    #expect(self.http.requests.isEmpty)
  }

  @Test("yes and no are remembered for five seconds and no longer")
  func memory() async throws {
    let requestGuard = try self.requestGuard(self.verifier())
    let answers = [self.active([:]), "{\"active\":false}"]
    for answer in answers {
      let asked = self.http.requests.count
      self.http.answer(json: answer)
      let first = await self.decide(requestGuard).denial?.reason
      self.clock.advanceMonotonic(by: .milliseconds(4_999))
      #expect(await self.decide(requestGuard).denial?.reason == first)
      #expect(self.http.requests.count == asked + 1)
      self.clock.advanceMonotonic(by: .milliseconds(1))
    }
    // Withdrawn after five seconds at the latest, and back as soon.
    self.http.answer(json: self.active())
    #expect(await self.decide(requestGuard).grant != nil)
    #expect(self.http.requests.count == 3)
  }

  @Test("a remembered token ends with its own dates")
  func expiry() async throws {
    let requestGuard = try self.requestGuard(self.verifier())
    self.http.answer(json: self.active(expiresIn: 2))
    #expect(await self.decide(requestGuard).grant != nil)
    self.clock.advance(by: 2)
    #expect(await self.decide(requestGuard).denial?.reason == .tokenExpired)
  }

  @Test("one token is never taken for another")
  func tokens() async throws {
    let requestGuard = try self.requestGuard(self.verifier())
    self.http.answer(json: self.active())
    #expect(await self.decide(requestGuard, "one").grant != nil)
    self.http.answer(json: "{\"active\":false}")
    #expect(await self.decide(requestGuard, "two").denial?.reason == .tokenUnknown)
    #expect(await self.decide(requestGuard, "one").grant != nil)
    #expect(self.http.requests.count == 2)
  }

  @Test("a hundred calls with one token share one question")
  func singleFlight() async throws {
    let verifier = try self.verifier()
    let requestGuard = try self.requestGuard(verifier)
    self.http.hold()
    self.http.answer(json: self.active())
    await withTaskGroup(of: Decision.self) { group in
      for _ in 0 ..< 100 { group.addTask { await self.decide(requestGuard) } }
      #expect(await eventually { verifier.waitingCount == 100 })
      self.http.release()
      for await decision in group { #expect(decision.grant != nil) }
    }
    #expect(self.http.requests.count == 1)
    #expect(verifier.waitingCount == 0 && verifier.questionCount == 0)
  }

  @Test("made-up tokens cause no more questions at a time than there is room for")
  func flood() async throws {
    let verifier = try self.verifier()
    let requestGuard = try self.requestGuard(verifier)
    self.http.hold()
    await withTaskGroup(of: Decision.self) { group in
      for number in 0 ..< 100 { group.addTask { await self.decide(requestGuard, "t\(number)") } }
      #expect(await eventually { verifier.waitingCount == 48 && self.http.heldCount == 48 })
      for _ in 0 ..< 52 {
        #expect(await group.next()?.denial?.reason == .dependencyUnavailable)
      }
      #expect(self.http.requests.count == 48)
      self.http.release()
    }
    #expect(verifier.questionCount == 0)
  }

  @Test("after a failure nobody asks for a while, twice as long after the next")
  func pause() async throws {
    let requestGuard = try self.requestGuard(self.verifier())
    func ask(_ token: String) async -> Int {
      _ = await self.decide(requestGuard, token)
      return self.http.requests.count
    }
    #expect(await ask("a") == 1)
    self.clock.advanceMonotonic(by: .milliseconds(999))
    #expect(await ask("b") == 1)
    self.clock.advanceMonotonic(by: .milliseconds(1))
    #expect(await ask("c") == 2)
    self.clock.advanceMonotonic(by: .milliseconds(1_999))
    #expect(await ask("d") == 2)
    self.clock.advanceMonotonic(by: .milliseconds(1))
    self.http.answer(json: "{\"active\":false}")
    #expect(await ask("e") == 3)
    #expect(await ask("f") == 4)
  }

  @Test("a caller that gives up does not take the answer from the others (S06)")
  func cancelled() async throws {
    let verifier = try self.verifier()
    let requestGuard = try self.requestGuard(verifier)
    self.http.hold()
    self.http.answer(json: self.active())
    let first = Task { await self.decide(requestGuard) }
    #expect(await eventually { verifier.waitingCount == 1 })
    let second = Task { await self.decide(requestGuard) }
    #expect(await eventually { verifier.waitingCount == 2 })
    first.cancel()
    #expect(await first.value.denial?.reason == .callCancelled)
    self.http.release()
    #expect(await second.value.grant != nil)
    #expect(verifier.waitingCount == 0 && verifier.questionCount == 0)
  }

  @Test("a decision that cannot wait is a denial, and asks nobody")
  func synchronous() throws {
    var request = AccessRequest(path: "/orders.v1.Orders/Get", door: .grpc)
    request.add(header: "authorization", value: "Bearer opaque")
    let requestGuard = try self.requestGuard(self.verifier())
    #expect(requestGuard.decide(request).denial?.reason == .dependencyUnavailable)
    #expect(self.http.requests.isEmpty)
  }

  @Test("a memory of more than five seconds is refused")
  func longMemory() throws {
    #expect(throws: ConfigurationError.self) { try self.verifier(age: .milliseconds(5_001)) }
    #expect(throws: ConfigurationError.self) { try self.verifier(age: .zero) }
    #expect(throws: Never.self) { try self.verifier(age: .milliseconds(1)) }
  }

  @Test("a JWT is not shown to the issuer of opaque tokens, nor the other way round (J14)")
  func kinds() async throws {
    let issuer = try TestIssuer()
    let both = TokenVerifiers(
      jwt: try JWTVerifier(issuers: [issuer.trusted()]),
      opaque: try self.verifier()
    )
    let requestGuard = try self.requestGuard(both)
    let other = try TestIssuer("https://other.test").token(at: self.clock.moment.unix)
    #expect(await self.decide(requestGuard, other).denial?.reason == .issuerUnknown)
    #expect(self.http.requests.isEmpty)
    let good = try issuer.token(scopes: ["read"], at: self.clock.moment.unix)
    #expect(await self.decide(requestGuard, good).grant?.principal?.issuer == issuer.name)
    #expect(self.http.requests.isEmpty)
    self.http.answer(json: self.active())
    #expect(await self.decide(requestGuard, "opaque.token").grant != nil)
    #expect(self.http.requests.count == 1)
  }
}
