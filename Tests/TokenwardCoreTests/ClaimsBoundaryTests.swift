// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

/// Dates at their boundaries, second by second, after the table of Tink's JWT validator.
@Suite("dates in claims")
struct ClaimsBoundaryTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var claims: String
    var skew = 0
    var nanoseconds: Int32 = 0
    var expected: DenialReason?

    init(
      _ claims: String,
      skew: Int = 0,
      nanoseconds: Int32 = 0,
      _ expected: DenialReason? = nil
    ) {
      self.claims = claims
      self.skew = skew
      self.nanoseconds = nanoseconds
      self.expected = expected
    }

    var testDescription: String { "\(self.claims), skew \(self.skew)" }
  }

  // `N` is replaced by the present second; `N+1` and `N-1` by the ones beside it.
  static let rows = [
    Row("exp N-1", .tokenExpired), Row("exp N", .tokenExpired), Row("exp N+1"),
    Row("exp N-61", skew: 60, .tokenExpired), Row("exp N-60", skew: 60, .tokenExpired),
    Row("exp N-59", skew: 60), Row("exp N-1", skew: 1, .tokenExpired), Row("exp N", skew: 1),
    Row("exp N+0.5", .tokenExpired), Row("exp N+0.999999999999999999", .tokenExpired),
    Row("exp N+1.0"), Row("exp N+1.5"), Row("exp N-1.5", skew: 1, .tokenExpired),
    Row("exp N", nanoseconds: 999_999_999, .tokenExpired),
    Row("exp N+1", nanoseconds: 999_999_999),
    Row("exp N-59", skew: 60, nanoseconds: 999_999_999),
    Row("exp N-60", skew: 60, nanoseconds: 1, .tokenExpired),
    Row("exp 0", .tokenExpired), Row("exp 1", skew: 60, .tokenExpired),
    Row("exp -1", .claimMalformed), Row("exp -0", .claimMalformed),
    Row("exp 253402300799", .lifetimeExceeded), Row("exp 253402300800", .claimMalformed),
    Row("exp 9223372036854775807", .claimMalformed),
    Row("exp 9223372036854775807", skew: 60, .claimMalformed),
    Row("exp 9223372036854775808", .claimMalformed),
    Row("exp 18446744073709551616", .claimMalformed), Row("exp 1e10", .claimMalformed),
    Row("exp 1E400", .claimMalformed), Row("exp \"N+1\"", .claimMalformed),
    Row("exp null", .claimMalformed), Row("exp [N+1]", .claimMalformed),
    Row("exp -", .claimMissing),

    Row("nbf N-1"), Row("nbf N"), Row("nbf N+1", .tokenNotYetValid),
    Row("nbf N+1", skew: 1), Row("nbf N+2", skew: 1, .tokenNotYetValid),
    Row("nbf N+60", skew: 60), Row("nbf N+61", skew: 60, .tokenNotYetValid),
    Row("nbf N+1", nanoseconds: 999_999_999, .tokenNotYetValid),
    Row("nbf N+0.9"), Row("nbf N+1.0", .tokenNotYetValid), Row("nbf 0"),
    Row("nbf 253402300799", .tokenNotYetValid), Row("nbf 253402300800", .claimMalformed),
    Row("nbf -1", .claimMalformed), Row("nbf \"0\"", .claimMalformed),
    Row("nbf null", .claimMalformed), Row("nbf 9223372036854775808", .claimMalformed),

    Row("iat N-1"), Row("iat N"), Row("iat N+1", .tokenNotYetValid), Row("iat N+1", skew: 1),
    Row("iat N+2", skew: 1, .tokenNotYetValid), Row("iat N+60", skew: 60),
    Row("iat N+61", skew: 60, .tokenNotYetValid), Row("iat N+0.5"),
    Row("iat 253402300799", .tokenNotYetValid), Row("iat -1", .claimMalformed),
    Row("iat \"0\"", .claimMalformed), Row("iat true", .claimMalformed),

    // The longest lifetime is 3,600 s.
    Row("exp N+3600"), Row("exp N+3601", .lifetimeExceeded), Row("exp N+3600", skew: 60),
    Row("exp N+3660", skew: 60), Row("exp N+3661", skew: 60, .lifetimeExceeded),
    Row("iat N-3300"), Row("iat N-3301", .lifetimeExceeded),
    Row("iat N-3301", skew: 60, .lifetimeExceeded), Row("iat 0", .lifetimeExceeded),
  ]

  @Test("each date is judged to the second", arguments: Self.rows)
  func boundary(row: Row) throws {
    let start = UnixTime(seconds: 1_800_000_000, nanoseconds: row.nanoseconds)
    let fixture = try GuardFixture(
      clock: ManualClock(start),
      clockSkew: ClockSkew(seconds: row.skew)
    )
    let parts = row.claims.split(separator: " ", maxSplits: 1)
    let token = try fixture.token([(String(parts[0]), Self.value(String(parts[1]), start))])
    #expect(fixture.refusal(token) == row.expected)
    // Twice, the second time from the cache if it was good.
    #expect(fixture.refusal(token) == row.expected)
  }

  /// `N+1.5` becomes a second from now and a half.
  private static func value(_ text: String, _ now: UnixTime) -> String? {
    guard text != "-" else { return nil }
    guard let start = text.firstIndex(of: "N") else { return text }
    let rest = text[text.index(after: start)...]
    let whole = rest.prefix { "+-0123456789".contains($0) }
    let fraction = rest.dropFirst(whole.count)
    return text[..<start] + "\(now.seconds + (Int64(whole) ?? 0))" + fraction
  }

  @Test(
    "the grant ends when the token does, and with the skew if it began in it",
    arguments: [(100, 100), (1, 1), (0, 7), (-1, 6), (-6, 1)]
  )
  func grantExpiry(expiry: Int64, end: Int64) throws {
    let fixture = try GuardFixture(clockSkew: ClockSkew(seconds: 7))
    let token = try fixture.token([
      ("iat", "\(fixture.now.seconds - 10)"), ("exp", "\(fixture.now.seconds + expiry)"),
    ])
    let grant = fixture.decide(token).grant
    #expect(grant?.expiresAt == fixture.now.adding(seconds: end))
    #expect(grant?.principal?.expiresAt == fixture.now.adding(seconds: expiry + 7))
    #expect(grant?.decidedAt == fixture.clock.moment)
  }

  @Test("a name with a NUL in front of it is another name")
  func longerNames() throws {
    let fixture = try GuardFixture()
    // Otherwise the guard would learn the issuer, and only then find the control character.
    let hidden = try fixture.token([("iss", "1"), ("\\u0000iss", "\"https://issuer.test\"")])
    #expect(fixture.refusal(hidden) == .claimMalformed)
    #expect(fixture.decide(hidden).denial?.issuer == nil)
    let added = try fixture.token([("\\u0000iss", "\"https://issuer.test\"")])
    #expect(fixture.refusal(added) == .claimMalformed)
    #expect(fixture.decide(added).denial?.issuer == fixture.issuer.name)
  }

  @Test("the verifier by itself judges dates to the second, for those who use it without a guard")
  func verifierAlone() throws {
    let fixture = try GuardFixture(cache: nil)
    let now = fixture.now.seconds
    func reason(_ claims: [(String, String?)]) throws -> DenialReason? {
      let token = PresentedToken(BearerToken(try fixture.token(claims)))
      do throws(VerificationFailure) {
        _ = try fixture.verifier.verify(token, at: fixture.clock.moment)
        return nil
      } catch { return error.reason }
    }
    #expect(try reason([("exp", "\(now)")]) == .tokenExpired)
    #expect(try reason([("exp", "\(now + 1)")]) == nil)
    for claim in ["nbf", "iat"] {
      #expect(try reason([(claim, "\(now + 1)")]) == .tokenNotYetValid)
      #expect(try reason([(claim, "\(now)")]) == nil)
    }
    // The later of the two counts, whichever it is.
    #expect(try reason([("nbf", "\(now + 1)"), ("iat", "\(now)")]) == .tokenNotYetValid)
    #expect(try reason([("nbf", "\(now)"), ("iat", "\(now + 1)")]) == .tokenNotYetValid)
    #expect(try reason([("nbf", "\(now)"), ("iat", "\(now)")]) == nil)
  }

  @Test("a claim is found under its name in escapes, and decides as it would in plain letters")
  func escapedNames() throws {
    let fixture = try GuardFixture(requirement: .scopes(["read"]))
    let escaped = #"\u0065\u0078\u0070"#
    let scope = ("\\u0073cope", "\"read\"")
    let good = (escaped, "\(fixture.now.seconds + 9)")
    #expect(fixture.refusal(try fixture.token([("exp", nil), good, scope])) == nil)
    let bad = (escaped, "\(fixture.now.seconds)")
    #expect(fixture.refusal(try fixture.token([("exp", nil), bad, scope])) == .tokenExpired)
  }

  @Test("the dates of the token are those of its principal")
  func datesOfPrincipal() throws {
    let fixture = try GuardFixture()
    let now = fixture.now
    let token = try fixture.token([
      ("iat", "\(now.seconds - 20)"), ("nbf", "\(now.seconds - 10)"),
      ("exp", "\(now.seconds + 30)"),
    ])
    let principal = try #require(fixture.decide(token).grant?.principal)
    #expect(principal.issuedAt == now.adding(seconds: -20))
    #expect(principal.notBefore == now.adding(seconds: -10))
    #expect(principal.expiresAt == now.adding(seconds: 30))
    // What is withdrawn by the date of issue is found by it.
    let owner = Subject("alice")
    fixture.revocations.revokeAll(
      of: owner,
      of: fixture.issuer.name,
      issuedBefore: now.adding(seconds: -20)
    )
    #expect(fixture.refusal(token) == nil)
    fixture.revocations.revokeAll(
      of: owner,
      of: fixture.issuer.name,
      issuedBefore: now.adding(seconds: -19)
    )
    #expect(fixture.refusal(token) == .tokenRevoked)
  }

  @Test(
    "256 roles are granted, 257 grant nothing",
    arguments: [(256, nil), (257, DenialReason.roleMissing)]
  )
  func manyRoles(count: Int, expected: DenialReason?) throws {
    let fixture = try GuardFixture(requirement: .roles(["r1"]))
    let roles = (1 ... count).map { "\"r\($0)\"" }.joined(separator: ",")
    #expect(fixture.refusal(try fixture.token([("roles", "[\(roles)]")])) == expected)
  }

  @Test("points in time are in order to the nanosecond")
  func order() {
    let moments = [(0, 999_999_999), (1, 0), (1, 1), (2, 0)].map {
      UnixTime(seconds: $0.0, nanoseconds: Int32($0.1))
    }
    for (index, earlier) in moments.enumerated() {
      #expect(!(earlier < earlier))
      for later in moments[(index + 1)...] { #expect(earlier < later && !(later < earlier)) }
    }
  }

  @Test("a token without iat is accepted in its last permitted lifetime only")
  func hiddenIssue() throws {
    let fixture = try GuardFixture()
    let longest = TrustedIssuer.defaultLifetimeSeconds
    let token = try fixture.token([("exp", "\(fixture.now.seconds + longest + 1)")])
    #expect(fixture.refusal(token) == .lifetimeExceeded)
    fixture.clock.advance(by: 1)
    #expect(fixture.refusal(token) == nil)
    let honest = try fixture.token([
      ("iat", "\(fixture.now.seconds - 1)"), ("exp", "\(fixture.now.seconds + longest)"),
    ])
    #expect(fixture.refusal(honest) == .lifetimeExceeded)
  }

  @Test("a token of a later issuer's limits is judged by its own issuer")
  func limitsOfIssuers() throws {
    let strict = try TestIssuer("https://strict.test")
    let lax = try TestIssuer("https://lax.test")
    let clock = ManualClock()
    let verifier = try JWTVerifier(issuers: [
      strict.trusted(maximumLifetimeSeconds: 60), lax.trusted(maximumLifetimeSeconds: 600),
    ])
    func refusal(_ issuer: TestIssuer, _ lifetime: Int64) throws -> DenialReason? {
      let token = try issuer.token(expiresIn: lifetime, at: clock.moment.unix)
      do throws(VerificationFailure) {
        _ = try verifier.verify(PresentedToken(BearerToken(token)), at: clock.moment)
        return nil
      } catch { return error.reason }
    }
    #expect(try refusal(strict, 60) == nil)
    #expect(try refusal(strict, 61) == .lifetimeExceeded)
    #expect(try refusal(lax, 600) == nil)
    #expect(try refusal(lax, 601) == .lifetimeExceeded)
  }

  @Test("arithmetic on times stays at the ends of the range")
  func saturation() {
    let last = UnixTime(seconds: .max, nanoseconds: 5)
    #expect(last.adding(seconds: 1) == UnixTime(seconds: .max))
    #expect(UnixTime(seconds: .min).adding(seconds: -1) == UnixTime(seconds: .min))
    #expect(last.adding(seconds: 0) == last)
    #expect(UnixTime(seconds: 5).adding(seconds: -7) == UnixTime(seconds: -2))
    #expect(UnixTime(seconds: .min).duration(to: last) == .seconds(Int64.max))
    #expect(UnixTime(seconds: 2).duration(to: UnixTime(seconds: 1)) == .zero)
    #expect(
      UnixTime(seconds: 1, nanoseconds: 900).duration(to: UnixTime(seconds: 2, nanoseconds: 100))
        == .seconds(1) - .nanoseconds(800)
    )
    #expect(UnixTime(seconds: 1, nanoseconds: -1).nanoseconds == 0)
    #expect(UnixTime(seconds: 1, nanoseconds: .max).nanoseconds == 999_999_999)
  }
}
