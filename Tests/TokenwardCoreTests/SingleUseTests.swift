// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

@Suite("single use")
struct SingleUseTests {
  @Test("of 100 uses at once exactly one is the first")
  func race() async throws {
    let fixture = try GuardFixture(isSingleUse: true)
    for round in 0 ..< 5 {
      let token = try fixture.token([("jti", "\"once-\(round)\"")])
      let allowed = await withTaskGroup(of: DenialReason?.self) { group in
        for _ in 0 ..< 100 { group.addTask { fixture.refusal(token) } }
        return await group.reduce(into: (first: 0, repeated: 0)) { count, reason in
          if reason == nil { count.first += 1 }
          if reason == .tokenRevoked { count.repeated += 1 }
        }
      }
      #expect(allowed.first == 1)
      #expect(allowed.repeated == 99)
    }
  }

  @Test("a token without a name cannot be single-use")
  func nameless() throws {
    let fixture = try GuardFixture(isSingleUse: true)
    #expect(fixture.refusal(try fixture.token([])) == .claimMissing)
    #expect(fixture.refusal(try fixture.token([("jti", "\"x\"")])) == nil)
    let clock = ManualClock()
    var assertion = Principal.Assertion(
      issuer: "https://issuer.test",
      subject: "alice",
      expiresAt: clock.moment.unix.adding(seconds: 10)
    )
    assertion.isSingleUse = true
    let requestGuard = RequestGuard(
      policy: try MethodPolicy { Allow(GuardFixture.method, .authenticated) },
      verifier: FixedTokenVerifier(assertion),
      time: clock
    )
    var request = AccessRequest(path: "/\(GuardFixture.method)", door: .grpc)
    request.add(header: "authorization", value: "Bearer a")
    #expect(requestGuard.decide(request).denial?.reason == .claimMissing)
  }

  @Test("a memory that is full or cannot be reached denies, and only single-use tokens")
  func unavailable() throws {
    let unreachable = try GuardFixture(isSingleUse: true, singleUse: UnreachableSingleUse())
    let token = try unreachable.token([("jti", "\"x\"")])
    #expect(unreachable.refusal(token) == .dependencyUnavailable)
    let manyUses = try GuardFixture(singleUse: UnreachableSingleUse())
    #expect(manyUses.refusal(try manyUses.token([("jti", "\"x\"")])) == nil)

    let full = try GuardFixture(isSingleUse: true, singleUse: InMemorySingleUse(capacity: 2))
    for (id, expected) in [("a", nil), ("b", nil), ("c", DenialReason.dependencyUnavailable)] {
      #expect(full.refusal(try full.token([("jti", "\"\(id)\"")])) == expected, "\(id)")
    }
    #expect(full.refusal(try full.token([("jti", "\"a\"")])) == .tokenRevoked)
  }

  @Test("room is made by expired tokens only, once a second")
  func sweeping() {
    let memory = InMemorySingleUse(capacity: 2)
    let now = ManualClock.defaultStart
    func claim(_ id: TokenID, until: Int64, at: Int64) -> Bool? {
      memory.claim(
        id,
        of: "https://issuer.test",
        until: now.adding(seconds: until),
        at: Moment(unix: now.adding(seconds: at), monotonic: .seconds(1_000 + at))
      )
    }
    #expect(claim("a", until: 10, at: 0) == true)
    #expect(claim("b", until: 20, at: 0) == true)
    #expect(claim("c", until: 30, at: 9) == nil)
    #expect(claim("a", until: 10, at: 9) == false)
    #expect(claim("c", until: 30, at: 10) == true)
    #expect(claim("b", until: 20, at: 10) == false)
    #expect(claim("d", until: 30, at: 10) == nil)
    #expect(claim("d", until: 30, at: 20) == true)
    #expect(claim("c", until: 30, at: 20) == false)
  }

  @Test("a wall clock that is ahead for an hour does not let a token in twice")
  func clockAhead() {
    let memory = InMemorySingleUse(capacity: 2)
    let now = ManualClock.defaultStart
    func claim(_ id: TokenID, wall: Int64, monotonic: Int64) -> Bool? {
      memory.claim(
        id,
        of: "https://issuer.test",
        until: now.adding(seconds: 100),
        at: Moment(unix: now.adding(seconds: wall), monotonic: .seconds(monotonic))
      )
    }
    #expect(claim("a", wall: 0, monotonic: 1_000) == true)
    #expect(claim("b", wall: 0, monotonic: 1_000) == true)
    #expect(claim("c", wall: 3_600, monotonic: 1_001) == nil)
    #expect(claim("a", wall: 0, monotonic: 1_002) == false)
    // Nor one that is behind: the token is still good by it.
    #expect(claim("c", wall: 50, monotonic: 1_200) == nil)
    #expect(claim("a", wall: 50, monotonic: 1_200) == false)
  }

  @Test("names of two issuers, and names alike, are different")
  func identity() {
    let memory = InMemorySingleUse()
    let now = ManualClock().moment
    let until = now.unix.adding(seconds: 10)
    #expect(memory.claim("K", of: "https://a.test", until: until, at: now) == true)
    #expect(memory.claim("K", of: "https://b.test", until: until, at: now) == true)
    #expect(memory.claim("\u{212A}", of: "https://a.test", until: until, at: now) == true)
    #expect(memory.claim("K", of: "https://a.test", until: until, at: now) == false)
  }

  @Test("a call that is denied for another reason uses nothing up")
  func deniedCalls() throws {
    let fixture = try GuardFixture(isSingleUse: true, requirement: .scopes(["orders.read"]))
    let unfit = try fixture.token([("jti", "\"x\"")])
    #expect(fixture.refusal(unfit) == .scopeInsufficient)
    let fit = try fixture.token([("jti", "\"x\""), ("scope", "\"orders.read\"")])
    #expect(fixture.decide(fit, path: "/no.Such/Method").denial?.reason == .methodUnlisted)
    #expect(fixture.refusal(fit) == nil)
    #expect(fixture.refusal(fit) == .tokenRevoked)
  }
}
