// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

@Suite("revocation")
struct RevocationSetTests {
  private static let issuer: Issuer = "https://issuer.test"
  private static let now = ManualClock.defaultStart

  private func principal(
    id: TokenID? = "t1",
    issuer: Issuer = Self.issuer,
    subject: Subject = "alice",
    issuedAt: Int64? = -10
  ) -> Principal {
    var assertion = Principal.Assertion(
      issuer: issuer,
      subject: subject,
      expiresAt: Self.now.adding(seconds: 100)
    )
    assertion.tokenID = id
    assertion.issuedAt = issuedAt.map(Self.now.adding(seconds:))
    return Principal(assertingVerified: assertion)
  }

  @Test("a token is withdrawn by its name and issuer, by bytes")
  func token() {
    let set = RevocationSet()
    #expect(set.isRevoked(self.principal()) == false)
    set.revoke("t1", of: Self.issuer, until: Self.now.adding(seconds: 100), at: Self.now)
    #expect(set.isRevoked(self.principal()) == true)
    #expect(set.isRevoked(self.principal(id: "t2")) == false)
    #expect(set.isRevoked(self.principal(id: nil)) == false)
    #expect(set.isRevoked(self.principal(issuer: "https://other.test")) == false)
    set.revoke("K", of: Self.issuer, until: Self.now.adding(seconds: 100), at: Self.now)
    #expect(set.isRevoked(self.principal(id: "K")) == true)
    #expect(set.isRevoked(self.principal(id: "\u{212A}")) == false)
    #expect(set.isRevoked(self.principal()) == true)
  }

  @Test("everything of a subject from before a time is withdrawn")
  func subject() {
    let set = RevocationSet()
    set.revokeAll(of: "alice", of: Self.issuer, issuedBefore: Self.now)
    #expect(set.isRevoked(self.principal(issuedAt: -1)) == true)
    #expect(set.isRevoked(self.principal(issuedAt: 0)) == false)
    #expect(set.isRevoked(self.principal(issuedAt: 1)) == false)
    #expect(set.isRevoked(self.principal(issuedAt: nil)) == true)
    #expect(set.isRevoked(self.principal(subject: "bob")) == false)
    #expect(set.isRevoked(self.principal(subject: "\u{FF41}lice")) == false)
    #expect(set.isRevoked(self.principal(issuer: "https://other.test")) == false)
  }

  @Test("an earlier time does not take a later one back")
  func laterTimeWins() {
    let set = RevocationSet()
    set.revokeAll(of: "alice", of: Self.issuer, issuedBefore: Self.now)
    set.revokeAll(of: "alice", of: Self.issuer, issuedBefore: Self.now.adding(seconds: -100))
    #expect(set.isRevoked(self.principal(issuedAt: -1)) == true)
    set.revokeAll(of: "alice", of: Self.issuer, issuedBefore: Self.now.adding(seconds: 100))
    #expect(set.isRevoked(self.principal(issuedAt: 99)) == true)
  }

  @Test("entries are forgotten an hour and the largest skew after their tokens have expired")
  func forgetting() {
    let set = RevocationSet()
    func revoke(_ id: TokenID, until expiry: Int64, at now: Int64) {
      set.revoke(
        id,
        of: Self.issuer,
        until: Self.now.adding(seconds: expiry),
        at: Self.now.adding(seconds: now)
      )
    }
    revoke("t1", until: 100, at: 0)
    set.revokeAll(of: "bob", of: Self.issuer, issuedBefore: Self.now)
    revoke("t2", until: 9_000, at: 100 + 3_660)
    #expect(set.isRevoked(self.principal(id: "t1")) == true)
    revoke("t3", until: 9_000, at: 100 + 3_661)
    #expect(set.isRevoked(self.principal(id: "t1")) == false)
    #expect(set.isRevoked(self.principal(id: "t2")) == true)
    #expect(set.isRevoked(self.principal(id: "t3")) == true)
    #expect(set.isRevoked(self.principal(id: nil, subject: "bob")) == true)
  }

  @Test("an earlier date does not shorten an entry")
  func notShortened() {
    let set = RevocationSet()
    let later = Self.now.adding(seconds: 9_000)
    set.revoke("t1", of: Self.issuer, until: later, at: Self.now)
    set.revoke("t1", of: Self.issuer, until: Self.now, at: Self.now)
    set.revoke("t2", of: Self.issuer, until: Self.now, at: Self.now)
    set.revoke("t3", of: Self.issuer, until: later, at: Self.now.adding(seconds: 3_700))
    #expect(set.isRevoked(self.principal(id: "t1")) == true)
    #expect(set.isRevoked(self.principal(id: "t2")) == false)
  }

  @Test("a withdrawn token stays withdrawn while its issuer's skew keeps it alive")
  func skew() throws {
    let fixture = try GuardFixture(clockSkew: ClockSkew(seconds: 60))
    let expiry = fixture.now.adding(seconds: 100)
    let token = try fixture.token([("jti", "\"t1\""), ("exp", "\(expiry.seconds)")])
    fixture.revocations.revoke("t1", of: fixture.issuer.name, until: expiry, at: fixture.now)
    // Once more, with an earlier date: that shortens nothing.
    fixture.revocations.revoke("t1", of: fixture.issuer.name, until: fixture.now, at: fixture.now)
    fixture.clock.advance(by: 101)
    fixture.revocations.revoke("t2", of: fixture.issuer.name, until: expiry, at: fixture.now)
    #expect(fixture.refusal(token) == .tokenRevoked)
    let twin = try fixture.token([("jti", "\"t3\""), ("exp", "\(expiry.seconds)")])
    #expect(fixture.refusal(twin) == nil)
  }

  @Test("what cannot be known denies, whoever asks")
  func unknown() throws {
    struct Unreachable: RevocationChecker {
      func isRevoked(_ principal: Principal) -> Bool? {
        principal.tokenID == "known" ? false : nil
      }
    }
    let issuer = try TestIssuer()
    let clock = ManualClock()
    let requestGuard = RequestGuard(
      policy: try MethodPolicy { Allow(GuardFixture.method, .authenticated) },
      verifier: try JWTVerifier(issuers: [issuer.trusted()]),
      revocation: Unreachable(),
      time: clock
    )
    func reason(_ id: TokenID) throws -> DenialReason? {
      var request = AccessRequest(path: "/\(GuardFixture.method)", door: .grpc)
      let token = try issuer.token(tokenID: id, at: clock.moment.unix)
      request.add(header: "authorization", value: "Bearer \(token)")
      return requestGuard.decide(request).denial?.reason
    }
    #expect(try reason("lost") == .dependencyUnavailable)
    #expect(try reason("known") == nil)
  }

  @Test("a revocation counts at the next call, although the token is cached")
  func cached() throws {
    let fixture = try GuardFixture()
    let token = try fixture.token([("jti", "\"t1\"")])
    let other = try fixture.token([("jti", "\"t2\"")])
    #expect(fixture.refusal(token) == nil)
    #expect(fixture.refusal(other) == nil)
    fixture.revocations.revoke(
      "t1",
      of: fixture.issuer.name,
      until: fixture.now.adding(seconds: 300),
      at: fixture.now
    )
    #expect(fixture.refusal(token) == .tokenRevoked)
    #expect(fixture.refusal(other) == nil)
    #expect(fixture.verifier.cacheStatistics.hits == 2)
  }

  @Test("readers and writers at once never see a withdrawn token come back")
  func concurrency() async {
    let set = RevocationSet()
    set.revoke("first", of: Self.issuer, until: Self.now.adding(seconds: 9_000), at: Self.now)
    let first = self.principal(id: "first")
    let reappeared = await withTaskGroup(of: Int.self) { group in
      for writer in 0 ..< 2 {
        group.addTask {
          var missing = 0
          for index in 0 ..< 100 {
            let id = TokenID("\(writer)-\(index)")
            let now = Self.now.adding(seconds: Int64(index))
            set.revoke(id, of: Self.issuer, until: now.adding(seconds: 10), at: now)
            // This one is swept when the next is added, while others are read.
            set.revoke(
              TokenID("old \(id)"),
              of: Self.issuer,
              until: now.adding(seconds: -9_000),
              at: now
            )
            for earlier in 0 ... index {
              let principal = self.principal(id: TokenID("\(writer)-\(earlier)"))
              if set.isRevoked(principal) != true { missing += 1 }
            }
          }
          return missing
        }
      }
      for _ in 0 ..< 2 {
        group.addTask { (0 ..< 10_000).count { _ in set.isRevoked(first) != true } }
      }
      return await group.reduce(0, +)
    }
    #expect(reappeared == 0)
    #expect(set.isRevoked(self.principal(id: "old 0-0")) == false)
  }
}
