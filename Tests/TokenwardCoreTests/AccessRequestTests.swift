// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import Testing
import TokenwardCore
import TokenwardTestKit

/// What a front door hands over, and the order in which the guard judges it.
@Suite("requests")
struct AccessRequestTests {
  private func reason(
    _ headers: [(String, String)],
    path: String = "/\(GuardFixture.method)"
  ) throws -> DenialReason? {
    try self.decision(headers, path: path).denial?.reason
  }

  private func decision(
    _ headers: [(String, String)],
    path: String = "/\(GuardFixture.method)"
  ) throws -> Decision {
    let fixture = try GuardFixture()
    var request = AccessRequest(path: path, door: .grpc)
    for (name, value) in headers { request.add(header: name, value: value) }
    return fixture.requestGuard.decide(request)
  }

  private func good() throws -> String {
    "Bearer \(try GuardFixture.issuer.get().token(at: ManualClock.defaultStart))"
  }

  @Test(
    "names of headers are taken in any letter case",
    arguments: [
      "authorization", "Authorization", "AUTHORIZATION", "aUTHORIZATIOn",
    ]
  )
  func letterCase(name: String) throws {
    #expect(try self.reason([(name, self.good())]) == nil)
  }

  @Test(
    "other names are not authorization",
    arguments: [
      "authorization ", "authorizatiom", "\u{FF41}uthorization", "authorizatio\u{274}", "x",
      "author\u{131}zation", "authorization\0", "authorizatioN2",
    ]
  )
  func otherNames(name: String) throws {
    #expect(try self.reason([(name, self.good())]) == .credentialMissing)
    #expect(try self.reason([(name, "x"), ("authorization", self.good())]) == nil)
  }

  @Test("a second credential is a conflict, whatever and wherever it is")
  func conflicts() throws {
    let good = try self.good()
    for headers in [
      [("authorization", good), ("authorization", good)],
      [("authorization", good), ("Authorization", "x")],
      [("authorization", ""), ("authorization", good)],
      [("authorization", good), ("authorization-bin", "")],
      [("Authorization-Bin", "x"), ("authorization", good)],
      [("authorization-bin", "x")],
    ] {
      #expect(try self.reason(headers) == .credentialConflicting, "\(headers.map(\.0))")
      #expect(
        try self.reason(headers, path: "/\(GuardFixture.openMethod)") == .credentialConflicting
      )
    }
  }

  @Test(
    "what will run must be what is judged, byte for byte",
    arguments: [
      ("orders.v1.Orders", "Get", nil), ("", "", .internalInvariant),
      ("orders.v1.Orders", "", .internalInvariant), ("", "Get", .internalInvariant),
      ("orders.v1.Orders", "Ge", .internalInvariant),
      ("orders.v1.Orders", "Gett", .internalInvariant),
      ("orders.v1.Orders", "get", .internalInvariant),
      ("orders.v1.Order", "Get", .internalInvariant),
      ("orders.v1.Order", "s/Get", .internalInvariant),
      ("/orders.v1.Orders", "Get", .internalInvariant),
      ("orders.v1.Orders/", "Get", .internalInvariant),
      ("orders.v2.Orders", "Get", .internalInvariant),
      ("orders.v1.Orders", "G\u{435}t", .internalInvariant),
      ("\u{43E}rders.v1.Orders", "Get", .internalInvariant),
    ] as [(String, String, DenialReason?)]
  )
  func route(service: String, method: String, expected: DenialReason?) throws {
    let fixture = try GuardFixture()
    #expect(GuardFixture.method == "orders.v1.Orders/Get")
    var request = AccessRequest(path: "/\(GuardFixture.method)", door: .grpc)
    request.add(header: "authorization", value: "Bearer \(try fixture.token([]))")
    #expect(fixture.requestGuard.decide(request).denial == nil)
    request.route = AccessRequest.Route(service: service, method: method)
    #expect(fixture.requestGuard.decide(request).denial?.reason == expected)
    #expect(fixture.observer.records.count == 2)
  }

  @Test("a verifier is handed checked bytes only, and its memory is asked first")
  func recall() throws {
    let clock = ManualClock()
    let verifier = RememberingVerifier(at: clock.moment.unix)
    let requestGuard = RequestGuard(
      policy: try MethodPolicy { Allow(GuardFixture.method, .authenticated) },
      verifier: verifier,
      time: clock
    )
    func decision(_ token: String) -> Decision {
      var request = AccessRequest(path: "/\(GuardFixture.method)", door: .grpc)
      request.add(header: "authorization", value: "Bearer \(token)")
      return requestGuard.decide(request)
    }
    #expect(decision("known").grant?.principal?.subject == "remembered")
    #expect(verifier.verified == 0)
    #expect(decision("new").grant?.principal?.subject == "verified")
    #expect(verifier.verified == 1)
    for bad in ["new,", "n\u{435}w", "new known", "new\u{0}", "=", "new=w"] {
      #expect(decision(bad).denial?.reason == .credentialMalformed, "\(bad)")
    }
    #expect(decision("refused").denial?.reason == .signatureInvalid)
    #expect(verifier.verified == 1)
    // Who remembers nothing is asked nothing but to verify.
    let plain = FixedTokenVerifier(
      .init(issuer: "https://i.test", subject: "a", expiresAt: .init(seconds: 0))
    )
    #expect(try plain.recall(PresentedToken(BearerToken("a")), at: clock.moment)?.subject == nil)
  }

  @Test("an open method lets nobody in as somebody they are not")
  func openMethod() throws {
    let path = "/\(GuardFixture.openMethod)"
    let anonymous = try self.decision([], path: path)
    #expect(anonymous.grant != nil)
    #expect(anonymous.grant?.principal == nil)
    #expect(anonymous.grant?.expiresAt == nil)
    let known = try self.decision([("authorization", self.good())], path: path)
    #expect(known.grant?.principal?.subject == "alice")
    #expect(try self.reason([("authorization", "Bearer x")], path: path) == .tokenMalformed)
    #expect(try self.reason([("authorization", "")], path: path) == .credentialMalformed)
  }

  @Test(
    "a deadline that cannot be read is refused first",
    arguments: [
      ["-1S"], ["1"], [""], ["1S", "1S"], ["1S", ""], ["x", "1S"],
    ]
  )
  func timeout(values: [String]) throws {
    let headers = values.map { ("grpc-timeout", $0) }
    #expect(try self.reason(headers) == .requestMalformed)
    #expect(try self.reason(headers + [("authorization", self.good())]) == .requestMalformed)
    #expect(
      try self.reason(headers, path: "/\(GuardFixture.openMethod)") == .requestMalformed
    )
    #expect(
      try self.reason([("Grpc-Timeout", "1S"), ("authorization", self.good())]) == nil
    )
  }

  @Test("a method is told to be unlisted only to a verified caller")
  func unlisted() throws {
    for path in ["/orders.v1.Orders/None", "/no.Such/Method", "", "*", "/orders.v1.Orders/Get "] {
      #expect(try self.reason([], path: path) == .credentialMissing)
      #expect(
        try self.reason([("authorization", "Bearer a.b.c")], path: path) == .tokenMalformed
      )
      #expect(try self.reason([("authorization", self.good())], path: path) == .methodUnlisted)
    }
  }

  @Test("a clock that fails denies everything, open methods too")
  func clock() throws {
    let fixture = try GuardFixture()
    let token = try fixture.token([])
    fixture.clock.setFailed()
    #expect(fixture.refusal(token) == .clockUnavailable)
    #expect(fixture.refusal(nil) == .clockUnavailable)
    let open = fixture.decide(nil, path: "/\(GuardFixture.openMethod)")
    #expect(open.denial?.reason == .clockUnavailable)
    fixture.clock.setFailed(false)
    #expect(fixture.refusal(token) == nil)
    #expect(fixture.observer.reasons == [.clockUnavailable, .clockUnavailable, .clockUnavailable])
    #expect(fixture.observer.records[0].moment == nil)
    #expect(fixture.observer.records[0].duration == .zero)
  }

  @Test("observers are told what was decided, about whom, and nothing that is not proven")
  func records() throws {
    let fixture = try GuardFixture()
    var request = AccessRequest(
      path: "/\(GuardFixture.method)",
      door: .gateway,
      peer: "ipv4:1.2.3.4"
    )
    request.add(header: "authorization", value: "Bearer \(try fixture.token([]))")
    _ = fixture.requestGuard.decide(request)
    _ = fixture.decide("a.b.c", path: "/orders.v1.Orders/None")
    _ = fixture.decide(try fixture.token([("aud", "\"billing\"")]))
    let records = fixture.observer.records
    #expect(records.count == 3)
    #expect(records[0].door == .gateway)
    #expect(records[0].peer == "ipv4:1.2.3.4")
    #expect(records[0].isListed)
    #expect(records[0].method?.fullName == GuardFixture.method)
    #expect(records[0].moment == fixture.clock.moment)
    #expect(records[0].decision.grant?.principal?.subject == "alice")
    #expect(records[0].decision.denial == nil)
    #expect(!records[1].isListed)
    #expect(records[1].decision.denial?.reason == .tokenMalformed)
    #expect(records[1].decision.denial?.issuer == nil)
    #expect(records[1].decision.grant == nil)
    #expect(records[2].decision.denial?.reason == .audienceMismatch)
    #expect(records[2].decision.denial?.issuer == fixture.issuer.name)
    #expect(records[2].decision.denial?.principal == nil)
  }

  @Test("a denial after verification names the principal")
  func deniedPrincipal() throws {
    let fixture = try GuardFixture(requirement: .scopes(["orders.read"]))
    let denial = fixture.decide(try fixture.token([("scope", "\"other\"")])).denial
    #expect(denial?.reason == .scopeInsufficient)
    #expect(denial?.principal?.subject == "alice")
    #expect(denial?.issuer == fixture.issuer.name)
    #expect(fixture.refusal(try fixture.token([("scope", "\"orders.read\"")])) == nil)
  }

  @Test("a certificate-bound token works with its certificate only, cached or not")
  func certificate() throws {
    let fixture = try GuardFixture()
    let own = CertificateThumbprint(der: Array("certificate".utf8))
    let another = CertificateThumbprint(der: Array("certificat".utf8))
    // base64url of SHA-256 of "certificate", computed elsewhere.
    let thumbprint = "A9Zt0Ig1wco_EozOrNHzGslBYwlrIPRFroQoW8CDLXI"
    #expect(CertificateThumbprint(base64URL: thumbprint) == own)
    let token = try fixture.token([("cnf", "{\"x5t#S256\":\"\(thumbprint)\"}")])
    for _ in 0 ..< 2 {
      #expect(fixture.decide(token).denial?.reason == .bindingMismatch)
      #expect(fixture.decide(token, certificate: another).denial?.reason == .bindingMismatch)
      #expect(fixture.decide(token, certificate: own).grant?.principal?.certificate == own)
    }
    // A certificate beside a token that asks for none changes nothing.
    #expect(fixture.decide(try fixture.token([]), certificate: own).grant != nil)
  }

  @Test(
    "a thumbprint is 32 bytes in base64url",
    arguments: [
      "", "AAAA", String(repeating: "A", count: 42), String(repeating: "A", count: 44),
      String(repeating: "A", count: 42) + "B", String(repeating: "A", count: 43) + "=",
    ]
  )
  func thumbprints(text: String) {
    #expect(CertificateThumbprint(base64URL: text) == nil)
    #expect(CertificateThumbprint(base64URL: String(repeating: "A", count: 43)) != nil)
  }

  @Test("a verifier that answers with any reason denies with it", arguments: DenialReason.allCases)
  func verifierReasons(reason: DenialReason) throws {
    let verifier = FailingTokenVerifier(reason, issuer: "https://issuer.test")
    let requestGuard = RequestGuard(
      policy: try MethodPolicy { Allow(GuardFixture.method, .authenticated) },
      verifier: verifier,
      time: ManualClock()
    )
    var request = AccessRequest(path: "/\(GuardFixture.method)", door: .grpc)
    request.add(header: "authorization", value: "Bearer a")
    let denial = requestGuard.decide(request).denial
    #expect(denial?.reason == reason)
    #expect(denial?.issuer == "https://issuer.test")
    #expect(verifier.calls == 1)
  }

  @Test("what a custom verifier vouches for is judged at each request")
  func assertedPrincipal() throws {
    let clock = ManualClock()
    var assertion = Principal.Assertion(
      issuer: "https://issuer.test",
      subject: "alice",
      expiresAt: clock.moment.unix.adding(seconds: 10)
    )
    assertion.notBefore = clock.moment.unix.adding(seconds: 5)
    let requestGuard = RequestGuard(
      policy: try MethodPolicy { Allow(GuardFixture.method, .authenticated) },
      verifier: FixedTokenVerifier(assertion),
      time: clock
    )
    var request = AccessRequest(path: "/\(GuardFixture.method)", door: .grpc)
    request.add(header: "authorization", value: "Bearer a")
    #expect(requestGuard.decide(request).denial?.reason == .tokenNotYetValid)
    clock.advance(by: 4)
    #expect(requestGuard.decide(request).denial?.reason == .tokenNotYetValid)
    clock.advance(by: 1)
    #expect(requestGuard.decide(request).grant != nil)
    clock.advance(by: 4)
    #expect(requestGuard.decide(request).grant != nil)
    clock.advance(by: 1)
    #expect(requestGuard.decide(request).denial?.reason == .tokenExpired)
  }
}

/// Knows two tokens by heart, and verifies every other one.
private final class RememberingVerifier: TokenVerifier {
  private let count = Mutex(0)
  private let now: UnixTime

  init(at now: UnixTime) { self.now = now }

  var verified: Int { self.count.withLock { $0 } }

  private func principal(_ subject: Subject) -> Principal {
    Principal(
      assertingVerified: .init(
        issuer: "https://i.test",
        subject: subject,
        expiresAt: self.now.adding(seconds: 60)
      )
    )
  }

  func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    self.count.withLock { $0 += 1 }
    return self.principal("verified")
  }

  func recall(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal? {
    switch token.fingerprint {
    case BearerToken("known").fingerprint: return self.principal("remembered")
    case BearerToken("refused").fingerprint: throw VerificationFailure(.signatureInvalid)
    default: return nil
    }
  }
}
