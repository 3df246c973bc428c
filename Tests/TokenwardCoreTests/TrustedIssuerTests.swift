// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

/// What a configuration of issuers may say.
@Suite("trusted issuers")
struct TrustedIssuerTests {
  private static let keys = Result { StaticKeys(try TestIssuer().keySet) }

  private static func issuer(
    _ name: Issuer = "https://issuer.test",
    audiences: AudienceRequirement = .oneOf(["orders"]),
    algorithms: [Algorithm] = [.es256],
    type: TokenType = .accessToken,
    maximumLifetimeSeconds: Int64 = 3_600
  ) throws -> TrustedIssuer {
    try TrustedIssuer(
      name,
      audiences: audiences,
      algorithms: algorithms,
      keys: Self.keys.get(),
      type: type,
      maximumLifetimeSeconds: maximumLifetimeSeconds
    )
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var path: String
    var make: @Sendable () throws -> TrustedIssuer
  }

  static let senseless = [
    Case(testDescription: "no name", path: "issuer") { try Self.issuer("") },
    Case(testDescription: "1,025 bytes of name", path: "issuer") {
      try Self.issuer(Issuer(String(repeating: "i", count: 1_025)))
    },
    Case(testDescription: "no audience", path: "audiences") {
      try Self.issuer(audiences: .oneOf([]))
    },
    Case(testDescription: "an empty audience", path: "audiences") {
      try Self.issuer(audiences: .oneOf(["orders", ""]))
    },
    Case(testDescription: "65 audiences", path: "audiences") {
      try Self.issuer(audiences: .oneOf((0 ... 64).map { Audience("a\($0)") }))
    },
    Case(testDescription: "no reason for any audience", path: "audiences_unchecked_because") {
      try Self.issuer(audiences: .unchecked(because: " \n"))
    },
    Case(testDescription: "no algorithm", path: "algorithms") { try Self.issuer(algorithms: []) },
    Case(testDescription: "an algorithm twice", path: "algorithms") {
      try Self.issuer(algorithms: [.es256, .rs256, .es256])
    },
    Case(testDescription: "HMAC beside signatures", path: "algorithms") {
      try Self.issuer(algorithms: [.es256, .hs256])
    },
    Case(testDescription: "an empty type", path: "typ") { try Self.issuer(type: .mediaType("")) },
    Case(testDescription: "a type with a space", path: "typ") {
      try Self.issuer(type: .mediaType("at jwt"))
    },
    Case(testDescription: "a type that is not ASCII", path: "typ") {
      try Self.issuer(type: .mediaType("\u{E4}t+jwt"))
    },
    Case(testDescription: "no reason for any type", path: "typ_unchecked_because") {
      try Self.issuer(type: .unchecked(because: ""))
    },
    Case(testDescription: "no lifetime", path: "max_lifetime") {
      try Self.issuer(maximumLifetimeSeconds: 0)
    },
    Case(testDescription: "more than a day", path: "max_lifetime") {
      try Self.issuer(maximumLifetimeSeconds: 86_401)
    },
    Case(testDescription: "a negative lifetime", path: "max_lifetime") {
      try Self.issuer(maximumLifetimeSeconds: .min)
    },
  ]

  @Test("what cannot be meant is refused", arguments: Self.senseless)
  func refused(row: Case) throws {
    do {
      _ = try row.make()
      Issue.record("accepted")
    } catch let error as ConfigurationError {
      #expect(error.problems.map(\.path) == [row.path])
    }
  }

  @Test("the closest things are accepted")
  func accepted() throws {
    _ = try Self.issuer(Issuer(String(repeating: "i", count: 1_024)))
    _ = try Self.issuer(audiences: .oneOf((0 ..< 64).map { Audience("a\($0)") }))
    _ = try Self.issuer(audiences: .unchecked(because: "a legacy issuer sets none"))
    _ = try Self.issuer(algorithms: [.hs256, .hs384])
    _ = try Self.issuer(algorithms: Algorithm.allCases.filter { !$0.isSymmetric })
    _ = try Self.issuer(type: .unchecked(because: "a legacy issuer sets none"))
    _ = try Self.issuer(maximumLifetimeSeconds: 86_400)
    _ = try Self.issuer(maximumLifetimeSeconds: 1)
  }

  @Test("all problems of an issuer are reported together")
  func together() {
    do {
      _ = try Self.issuer("", audiences: .oneOf([]), algorithms: [], maximumLifetimeSeconds: 0)
      Issue.record("accepted")
    } catch {
      let paths = (error as? ConfigurationError)?.problems.map(\.path)
      #expect(paths == ["issuer", "audiences", "algorithms", "max_lifetime"])
    }
  }

  @Test("the skew is 0 to 60 seconds", arguments: [-1, 61, 3_600, .max, .min])
  func skew(seconds: Int) throws {
    #expect(throws: ConfigurationError.self) { try ClockSkew(seconds: seconds) }
    #expect(try ClockSkew(seconds: 0) == .none)
    _ = try ClockSkew(seconds: 60)
  }

  @Test("a verifier needs issuers, each once, and a cache within bounds")
  func verifier() throws {
    let issuer = try Self.issuer()
    func paths(
      _ issuers: [TrustedIssuer],
      _ cache: JWTVerifier.Cache? = nil
    ) -> [String] {
      do throws(ConfigurationError) {
        _ = try JWTVerifier(issuers: issuers, cache: cache)
        return []
      } catch { return error.problems.map(\.path) }
    }
    #expect(paths([issuer]) == [])
    #expect(paths([]) == ["issuers"])
    #expect(paths([issuer, issuer]) == ["issuers[1].issuer"])
    // By bytes: these are two issuers.
    #expect(paths([try Self.issuer("K"), try Self.issuer("\u{212A}")]) == [])
    let many = try (0 ... 256).map { try Self.issuer(Issuer("https://\($0).test")) }
    #expect(paths(many) == ["issuers"])
    #expect(paths(many.dropLast()) == [])
    for seconds in [0, 6, 3_600, -1, .max] {
      #expect(paths([issuer], .init(seconds: seconds)) == ["cache.seconds"])
    }
    for seconds in 1 ... 5 { #expect(paths([issuer], .init(seconds: seconds)) == []) }
    for size in [0, -1, 10_000_001] {
      #expect(paths([issuer], .init(verifiedTokens: size)) == ["cache"])
      #expect(paths([issuer], .init(refusedTokens: size)) == ["cache"])
    }
    #expect(paths([issuer], .init(verifiedTokens: 1, refusedTokens: 1)) == [])
  }

  @Test("an audience or type that is not checked lets any through, and nothing else")
  func unchecked() throws {
    let test = try TestIssuer()
    let now = ManualClock().moment
    let verifier = try JWTVerifier(issuers: [
      TrustedIssuer(
        test.name,
        audiences: .unchecked(because: "test"),
        algorithms: [.es256],
        keys: StaticKeys(test.keySet),
        type: .unchecked(because: "test")
      )
    ])
    func refusal(_ token: String) -> DenialReason? {
      do throws(VerificationFailure) {
        _ = try verifier.verify(PresentedToken(BearerToken(token)), at: now)
        return nil
      } catch { return error.reason }
    }
    #expect(try refusal(test.token(audience: "billing", at: now.unix, type: "JWT")) == nil)
    #expect(try refusal(test.token(at: now.unix, claims: ["aud": "[]"])) == .claimMalformed)
    #expect(try refusal(test.token(at: now.unix, claims: ["aud": "\"\""])) == .claimMalformed)
    #expect(
      try refusal(
        test.sign(
          header: "{\"alg\":\"ES256\",\"kid\":\"test-1\"}",
          payload: "{\"iss\":\"https://issuer.test\",\"sub\":\"a\",\"exp\":\(now.unix.seconds + 9)}"
        )
      ) == nil
    )
    #expect(try refusal(test.token(expiresIn: -1, at: now.unix)) == .tokenExpired)
  }

  @Test(
    "a configured type is compared as a media type",
    arguments: [
      ("at+jwt", "at+jwt", true), ("application/at+jwt", "at+jwt", true),
      ("at+jwt", "application/AT+JWT", true), ("JWT", "jwt", true), ("JWT", "at+jwt", false),
      ("text/x", "text/x", true), ("text/x", "x", false), ("application/text/x", "text/x", false),
      ("at+jwt", "application/application/at+jwt", false), ("at+jwt", "", false),
    ]
  )
  func types(configured: String, given: String, isGood: Bool) throws {
    let test = try TestIssuer()
    let now = ManualClock().moment
    let verifier = try JWTVerifier(issuers: [test.trusted(type: .mediaType(configured))])
    var reason: DenialReason?
    do throws(VerificationFailure) {
      let token = try? test.token(at: now.unix, type: given)
      _ = try verifier.verify(PresentedToken(BearerToken(token ?? "")), at: now)
    } catch { reason = error.reason }
    #expect(reason == (isGood ? nil : .typeMismatch))
  }

  @Test(
    "tokens of every algorithm are accepted from an issuer that uses it, and only there",
    arguments: Algorithm.allCases
  )
  func algorithms(algorithm: Algorithm) throws {
    let test = try TestIssuer(algorithm: algorithm)
    let clock = ManualClock()
    let verifier = try JWTVerifier(issuers: [test.trusted()])
    let token = PresentedToken(BearerToken(try test.token(at: clock.moment.unix)))
    #expect(try verifier.verify(token, at: clock.moment).subject == "alice")
    let other: Algorithm = algorithm.isSymmetric ? (algorithm == .hs256 ? .hs384 : .hs256) : .es256
    guard other != algorithm else { return }
    let elsewhere = try JWTVerifier(issuers: [
      TrustedIssuer(
        test.name,
        audiences: .oneOf([test.audience]),
        algorithms: [other],
        keys: StaticKeys(test.keySet)
      )
    ])
    #expect(throws: VerificationFailure(.algorithmForbidden)) {
      try elsewhere.verify(token, at: clock.moment)
    }
  }
}
