// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

@Suite("verified-token cache")
struct VerifiedTokenCacheTests {
  @Test("a good token is verified once, then remembered")
  func hit() throws {
    let fixture = try GuardFixture()
    let token = try fixture.token([])
    for _ in 0 ..< 3 { #expect(fixture.refusal(token) == nil) }
    #expect(fixture.verifier.cacheStatistics.misses == 1)
    #expect(fixture.verifier.cacheStatistics.hits == 2)
    #expect(fixture.verifier.cacheStatistics.refusals == 0)
  }

  @Test("a bad signature is found once, then remembered; other mistakes are not")
  func refusals() throws {
    let fixture = try GuardFixture()
    let stranger = try TestIssuer(fixture.issuer.name)
    let forged = try stranger.token(at: fixture.now)
    for _ in 0 ..< 3 { #expect(fixture.refusal(forged) == .signatureInvalid) }
    #expect(fixture.verifier.cacheStatistics.misses == 1)
    #expect(fixture.verifier.cacheStatistics.refusals == 2)
    let expired = try fixture.token([("exp", "1")])
    for _ in 0 ..< 3 { #expect(fixture.refusal(expired) == .tokenExpired) }
    #expect(fixture.verifier.cacheStatistics.misses == 4)
  }

  @Test("without a cache every token is verified again, to the same answer")
  func withoutCache() throws {
    let fixture = try GuardFixture(cache: nil)
    let token = try fixture.token([])
    for _ in 0 ..< 2 { #expect(fixture.refusal(token) == nil) }
    #expect(fixture.verifier.cacheStatistics.misses == 0)
    #expect(fixture.verifier.cacheStatistics.hits == 0)
  }

  @Test("an entry dies at its age of monotonic time, although the wall clock went back")
  func age() throws {
    let fixture = try GuardFixture()
    let token = try fixture.token([])
    #expect(fixture.refusal(token) == nil)
    fixture.clock.set(unix: fixture.now.adding(seconds: -3_000))
    fixture.clock.advanceMonotonic(by: .milliseconds(4_999))
    #expect(fixture.refusal(token) == nil)
    #expect(fixture.verifier.cacheStatistics.hits == 1)
    fixture.clock.advanceMonotonic(by: .milliseconds(1))
    #expect(fixture.refusal(token) == nil)
    #expect(fixture.verifier.cacheStatistics.hits == 1)
    #expect(fixture.verifier.cacheStatistics.misses == 2)
  }

  @Test("a shorter age is kept to, for good and bad tokens")
  func shorterAge() throws {
    let fixture = try GuardFixture(cache: JWTVerifier.Cache(seconds: 2))
    let forged = try TestIssuer(fixture.issuer.name).token(at: fixture.now)
    for token in [try fixture.token([]), forged] {
      _ = fixture.refusal(token)
      fixture.clock.advanceMonotonic(by: .milliseconds(1_999))
      _ = fixture.refusal(token)
      fixture.clock.advanceMonotonic(by: .milliseconds(1))
      _ = fixture.refusal(token)
    }
    #expect(fixture.verifier.cacheStatistics.hits == 1)
    #expect(fixture.verifier.cacheStatistics.refusals == 1)
    #expect(fixture.verifier.cacheStatistics.misses == 4)
  }

  @Test("no entry is older than 5 seconds, whatever the cache was made for")
  func longestAge() throws {
    let cache = VerifiedTokenCache(verified: 64, refused: 64, age: .seconds(3_600))
    let token = BearerToken("a").fingerprint
    let entry = VerifiedTokenCache.Entry(issuer: 0, keyGeneration: 1, outcome: .signatureInvalid)
    let now = Moment(unix: ManualClock.defaultStart, monotonic: .seconds(100))
    func found(after duration: Duration) -> Bool {
      cache.find(token, at: Moment(unix: now.unix, monotonic: now.monotonic + duration)) != nil
    }
    #expect(!found(after: .zero))
    cache.insert(entry, for: token, at: now)
    #expect(found(after: .zero))
    #expect(found(after: .milliseconds(4_999)))
    #expect(!found(after: .seconds(5)))
    // A monotonic clock does not go back; if it does, nothing is believed.
    #expect(!found(after: .milliseconds(-1)))
    #expect(VerifiedTokenCache.maximumAge == .seconds(5))
  }

  @Test("an entry dies when the keys change, and when they are gone")
  func keyChange() throws {
    let issuer = try TestIssuer()
    let keys = SwitchableKeys(try issuer.keySet)
    let fixture = try GuardFixture(issuer: issuer, keys: keys)
    let token = try fixture.token([])
    #expect(fixture.refusal(token) == nil)
    keys.set(try TestIssuer(issuer.name, keyID: "other").keySet)
    #expect(fixture.refusal(token) == .keyUnknown)
    keys.set(try TestIssuer(issuer.name).keySet)
    #expect(fixture.refusal(token) == .signatureInvalid)
    keys.set(nil)
    #expect(fixture.refusal(token) == .dependencyUnavailable)
    // The same keys, published again, are another generation.
    keys.set(try issuer.keySet)
    #expect(fixture.refusal(token) == nil)
    #expect(fixture.verifier.cacheStatistics.hits == 0)
    #expect(fixture.verifier.cacheStatistics.refusals == 0)
  }

  @Test("a token that was refused works as soon as its key is there")
  func keyArrives() throws {
    let issuer = try TestIssuer()
    let keys = SwitchableKeys(try TestIssuer(issuer.name).keySet)
    let fixture = try GuardFixture(issuer: issuer, keys: keys)
    let token = try fixture.token([])
    #expect(fixture.refusal(token) == .signatureInvalid)
    keys.set(try issuer.keySet)
    #expect(fixture.refusal(token) == nil)
  }

  @Test("dates are judged although the token is cached")
  func expiry() throws {
    let fixture = try GuardFixture()
    let token = try fixture.token([("exp", "\(fixture.now.seconds + 3)")])
    #expect(fixture.refusal(token) == nil)
    fixture.clock.advance(by: 2)
    #expect(fixture.refusal(token) == nil)
    fixture.clock.advance(by: 1)
    #expect(fixture.refusal(token) == .tokenExpired)
    fixture.clock.set(unix: fixture.now.adding(seconds: -1))
    #expect(fixture.refusal(token) == nil)
    let early = try fixture.token([("nbf", "\(fixture.now.seconds)")])
    #expect(fixture.refusal(early) == nil)
    fixture.clock.set(unix: fixture.now.adding(seconds: -1))
    #expect(fixture.refusal(early) == .tokenNotYetValid)
    let issued = try fixture.token([("iat", "\(fixture.now.seconds)")])
    #expect(fixture.refusal(issued) == nil)
    fixture.clock.set(unix: fixture.now.adding(seconds: -1))
    #expect(fixture.refusal(issued) == .tokenNotYetValid)
    #expect(fixture.verifier.cacheStatistics.misses == 3)
  }

  @Test("the policy is judged although the token is cached")
  func policy() throws {
    let fixture = try GuardFixture(requirement: .scopes(["orders.read"]))
    let token = try fixture.token([("scope", "\"other\"")])
    for _ in 0 ..< 2 {
      #expect(fixture.refusal(token) == .scopeInsufficient)
      let open = fixture.decide(token, path: "/\(GuardFixture.openMethod)")
      #expect(open.grant?.principal?.subject == "alice")
    }
    #expect(fixture.verifier.cacheStatistics.misses == 1)
  }

  @Test("good and bad tokens are never taken for each other, under load and eviction")
  func neverCrossed() async throws {
    let fixture = try GuardFixture(cache: JWTVerifier.Cache(verifiedTokens: 64, refusedTokens: 64))
    let stranger = try TestIssuer(fixture.issuer.name)
    let good = try (0 ..< 100).map { try fixture.token([("sub", "\"user-\($0)\"")]) }
    let bad = try (0 ..< 100).map {
      try stranger.token(subject: Subject("user-\($0)"), at: fixture.now)
    }
    let mistakes = await withTaskGroup(of: Int.self) { group in
      for worker in 0 ..< 4 {
        group.addTask {
          var random = SeededGenerator(seed: UInt64(worker))
          var mistakes = 0
          for _ in 0 ..< 2_000 {
            let index = Int.random(in: 0 ..< 100, using: &random)
            if Bool.random(using: &random) {
              let subject = fixture.decide(good[index]).grant?.principal?.subject
              if subject != Subject("user-\(index)") { mistakes += 1 }
            } else if fixture.refusal(bad[index]) != .signatureInvalid {
              mistakes += 1
            }
          }
          return mistakes
        }
      }
      return await group.reduce(0, +)
    }
    #expect(mistakes == 0)
  }

  @Test("a million distinct bad tokens stay within the bound and displace no good one")
  func bound() {
    let cache = VerifiedTokenCache(verified: 64, refused: 1_024, age: .seconds(5))
    let now = Moment(unix: ManualClock.defaultStart, monotonic: .seconds(100))
    var assertion = Principal.Assertion(
      issuer: "https://issuer.test",
      subject: "alice",
      expiresAt: now.unix.adding(seconds: 100)
    )
    assertion.tokenID = "good"
    let good = BearerToken("good").fingerprint
    cache.insert(
      .init(
        issuer: 0,
        keyGeneration: 1,
        outcome: .verified(Principal(assertingVerified: assertion))
      ),
      for: good,
      at: now
    )
    let refused = VerifiedTokenCache.Entry(issuer: 0, keyGeneration: 1, outcome: .signatureInvalid)
    var bytes = [UInt8](repeating: 0, count: 4)
    for number in 0 ..< 1_000_000 as Range<UInt32> {
      for index in 0 ..< 4 { bytes[index] = UInt8(truncatingIfNeeded: number >> UInt32(index * 8)) }
      cache.insert(refused, for: TokenFingerprint(of: bytes.span), at: now)
    }
    #expect(cache.count <= 1_024 + 64)
    #expect(cache.count > 900)
    guard case .verified(let principal)? = cache.find(good, at: now)?.outcome else {
      Issue.record("the good token was displaced")
      return
    }
    #expect(principal.tokenID == "good")
    // The last one is there, the first one is not.
    #expect(cache.find(TokenFingerprint(of: bytes.span), at: now) != nil)
    #expect(cache.find(TokenFingerprint(of: [0, 0, 0, 0].span), at: now) == nil)
  }

  @Test("verified tokens stay within their bound too, the oldest makes room")
  func verifiedBound() {
    let cache = VerifiedTokenCache(verified: 32, refused: 32, age: .seconds(5))
    let now = Moment(unix: ManualClock.defaultStart, monotonic: .seconds(100))
    for number in 0 ..< 1_000 {
      let assertion = Principal.Assertion(
        issuer: "https://issuer.test",
        subject: Subject("\(number)"),
        expiresAt: now.unix
      )
      let entry = VerifiedTokenCache.Entry(
        issuer: 0,
        keyGeneration: 1,
        outcome: .verified(Principal(assertingVerified: assertion))
      )
      let fingerprint = BearerToken("\(number)").fingerprint
      cache.insert(entry, for: fingerprint, at: now)
      guard case .verified(let principal)? = cache.find(fingerprint, at: now)?.outcome else {
        Issue.record("\(number) is not there")
        return
      }
      #expect(principal.subject.text == "\(number)")
    }
    #expect(cache.count <= 32)
  }

  @Test("what is too old to count is let go of, and hides nothing")
  func forgetting() {
    let cache = VerifiedTokenCache(verified: 4_096, refused: 64, age: .seconds(5))
    func moment(_ seconds: Int) -> Moment {
      Moment(unix: ManualClock.defaultStart, monotonic: .seconds(seconds))
    }
    func good(_ number: Int) -> VerifiedTokenCache.Entry {
      let assertion = Principal.Assertion(
        issuer: "https://issuer.test",
        subject: Subject("\(number)"),
        expiresAt: ManualClock.defaultStart
      )
      return .init(
        issuer: 0,
        keyGeneration: 1,
        outcome: .verified(Principal(assertingVerified: assertion))
      )
    }
    for number in 0 ..< 4_000 {
      let fingerprint = BearerToken("\(number)").fingerprint
      cache.insert(good(number), for: fingerprint, at: moment(number))
      #expect(cache.find(fingerprint, at: moment(number)) != nil)
    }
    #expect(cache.count < 200)
    let token = BearerToken("a").fingerprint
    cache.insert(good(0), for: token, at: moment(9_000))
    let bad = VerifiedTokenCache.Entry(issuer: 0, keyGeneration: 2, outcome: .signatureInvalid)
    cache.insert(bad, for: token, at: moment(9_100))
    guard case .signatureInvalid? = cache.find(token, at: moment(9_101))?.outcome else {
      Issue.record("the young entry is hidden by an old one")
      return
    }
  }

  @Test("a token inserted again is younger, and still in its place when others make room")
  func insertedAgain() {
    let cache = VerifiedTokenCache(verified: 32, refused: 32 * 3, age: .seconds(5))
    let now = Moment(unix: ManualClock.defaultStart, monotonic: .seconds(100))
    let later = Moment(unix: ManualClock.defaultStart, monotonic: .seconds(104))
    let bad = VerifiedTokenCache.Entry(issuer: 0, keyGeneration: 1, outcome: .signatureInvalid)
    let again = BearerToken("again").fingerprint
    cache.insert(bad, for: again, at: now)
    cache.insert(bad, for: again, at: later)
    #expect(cache.count == 1)
    let end = Moment(unix: ManualClock.defaultStart, monotonic: .seconds(106))
    #expect(cache.find(again, at: end) != nil)
    for number in 0 ..< 1_000 {
      let fingerprint = BearerToken("\(number)").fingerprint
      cache.insert(bad, for: fingerprint, at: later)
      #expect(cache.find(fingerprint, at: later) != nil)
    }
    #expect(cache.count == 32 * 3)
    #expect(cache.find(again, at: later) == nil)
  }

  @Test(
    "the fingerprint is that of the whole token",
    arguments: [
      ("a", "b"), ("aa", "a"), ("a.b.c", "a.b.d"), ("a", "A"), ("", "a"),
    ]
  )
  func fingerprint(left: String, right: String) {
    #expect(BearerToken(left).fingerprint != BearerToken(right).fingerprint)
    #expect(BearerToken(left).fingerprint == BearerToken(bytes: Array(left.utf8)).fingerprint)
    #expect(PresentedToken(BearerToken(left)).fingerprint == BearerToken(left).fingerprint)
  }

  @Test("a key source owes its verifier what the contract says")
  func contract() throws {
    let keys = SwitchableKeys()
    #expect(try KeySourceContract.problems(of: keys, replacingWith: keys.set) == [])
    // A source that never changes breaks the contract; the contract must see it.
    let fixed = StaticKeys(try TestIssuer().keySet)
    #expect(try !KeySourceContract.problems(of: fixed) { _ in }.isEmpty)
  }
}
