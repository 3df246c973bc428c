// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// A call is allowed exactly if the plain reading of all rules below allows it, with and without a
/// cache, and again when it is asked a second time; and a denial tells nobody anything about claims
/// or methods before a signature was good.
func checkGuard(_ input: [UInt8]) {
  let call = GuardRequest(input)
  let expected = ExpectedGrant(call)

  let observer = Observer()
  let plain = GuardFixture.requestGuard(GuardFixture.plainVerifier, observer)
  let cached = GuardFixture.requestGuard(GuardFixture.cachedVerifier, Observer())
  let request = call.accessRequest
  let decision = plain.decide(request)
  expect(observer.seen == [decision.denial?.reason], "the observer is told once, and the truth")
  checkSame(decision, expected)
  checkSame(cached.decide(request), decision, "a cache changes nothing")

  guard expected?.isSingleUse == true else {
    checkSame(cached.decide(request), decision, "nor does it when it knows the token")
    return
  }
  expect(plain.decide(request).denial?.reason == .tokenRevoked, "a second use is refused")
  expect(cached.decide(request).denial?.reason == .tokenRevoked, "from the cache as well")
}

private func checkSame(_ decision: Decision, _ expected: ExpectedGrant?) {
  switch decision {
  case .allow(let grant):
    guard let expected else { return expect(false, "allowed, although a rule says no") }
    expect(utf8("/" + grant.method.fullName) == expected.path, "for the method that is called")
    expect((grant.principal?.subject).map { utf8($0.text) } == expected.subject, "as its subject")
    expect((grant.principal?.issuer).map { utf8($0.text) } == expected.issuer, "of its issuer")
    expect(grant.expiresAt?.seconds == expected.callEnd, "until it expires")
    expect(grant.principal?.expiresAt.seconds == expected.expiresAt, "and for how long it counts")
  case .deny(let denial):
    expect(expected == nil, "denied (\(denial.reason)), although every rule is kept")
    switch denial.reason {
    case .clockUnavailable, .dependencyUnavailable, .internalInvariant, .rateLimited:
      expect(false, "nothing fails here: \(denial.reason)")
    default: break
    }
    expect(denial.response.httpStatus >= 400, "a denial is an error")
  }
}

private func checkSame(_ left: Decision, _ right: Decision, _ property: String) {
  expect(left.denial?.reason == right.denial?.reason, property)
  expect(left.grant?.method == right.grant?.method, property)
  expect(left.grant?.expiresAt == right.grant?.expiresAt, property)
  expect(left.grant?.principal?.subject == right.grant?.principal?.subject, property)
}

/// What must come out if the call is allowed.
struct ExpectedGrant {
  let path: [UInt8]
  var subject: [UInt8]?
  var issuer: [UInt8]?
  var expiresAt: Int64?
  var callEnd: Int64?
  var isSingleUse = false

  init?(_ call: GuardRequest) {
    let timeouts = call.values(of: "grpc-timeout")
    let credentials = call.values(of: "authorization")
    guard timeouts.count <= 1, timeouts.allSatisfy(followsTimeoutGrammar),
      call.values(of: "authorization-bin").isEmpty, credentials.count <= 1,
      followsPathGrammar(call.path)
    else { return nil }
    self.path = call.path
    guard let credential = credentials.first else {
      guard call.path == utf8("/t.Open/Ping") else { return nil }
      return
    }
    // Nothing but the token that was signed, whatever surrounds it.
    guard lowercased(Array(credential.prefix(7))) == utf8("bearer "),
      Array(credential.dropFirst(7)) == call.token, call.token.count <= 8_192,
      let claims = ExpectedClaims(call.claims),
      claims.certificate == nil
        || call.hasCertificate && claims.certificate == GuardFixture.certificate.bytes,
      !claims.isRevoked, claims.meets(path: call.path)
    else { return nil }
    self.subject = claims.subject
    self.issuer = utf8(claims.issuer.name)
    self.expiresAt = claims.expiry + claims.issuer.skew
    self.callEnd = GuardFixture.now < claims.expiry ? claims.expiry : self.expiresAt
    self.isSingleUse = claims.issuer.isSingleUse
  }
}
