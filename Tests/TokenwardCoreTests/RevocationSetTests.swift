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
    #expect(!set.isRevoked(self.principal()))
    set.revoke("t1", of: Self.issuer, until: Self.now.adding(seconds: 100), at: Self.now)
    #expect(set.isRevoked(self.principal()))
    #expect(!set.isRevoked(self.principal(id: "t2")))
    #expect(!set.isRevoked(self.principal(id: nil)))
    #expect(!set.isRevoked(self.principal(issuer: "https://other.test")))
    set.revoke("K", of: Self.issuer, until: Self.now.adding(seconds: 100), at: Self.now)
    #expect(set.isRevoked(self.principal(id: "K")))
    #expect(!set.isRevoked(self.principal(id: "\u{212A}")))
    #expect(set.isRevoked(self.principal()))
  }

  @Test("everything of a subject from before a time is withdrawn")
  func subject() {
    let set = RevocationSet()
    set.revokeAll(of: "alice", of: Self.issuer, issuedBefore: Self.now)
    #expect(set.isRevoked(self.principal(issuedAt: -1)))
    #expect(!set.isRevoked(self.principal(issuedAt: 0)))
    #expect(!set.isRevoked(self.principal(issuedAt: 1)))
    #expect(set.isRevoked(self.principal(issuedAt: nil)))
    #expect(!set.isRevoked(self.principal(subject: "bob")))
    #expect(!set.isRevoked(self.principal(subject: "\u{FF41}lice")))
    #expect(!set.isRevoked(self.principal(issuer: "https://other.test")))
  }

  @Test("an earlier time does not take a later one back")
  func laterTimeWins() {
    let set = RevocationSet()
    set.revokeAll(of: "alice", of: Self.issuer, issuedBefore: Self.now)
    set.revokeAll(of: "alice", of: Self.issuer, issuedBefore: Self.now.adding(seconds: -100))
    #expect(set.isRevoked(self.principal(issuedAt: -1)))
    set.revokeAll(of: "alice", of: Self.issuer, issuedBefore: Self.now.adding(seconds: 100))
    #expect(set.isRevoked(self.principal(issuedAt: 99)))
  }

  @Test("entries are forgotten only after their tokens have expired")
  func forgetting() {
    let set = RevocationSet()
    set.revoke("t1", of: Self.issuer, until: Self.now.adding(seconds: 100), at: Self.now)
    set.revokeAll(of: "bob", of: Self.issuer, issuedBefore: Self.now)
    set.revoke(
      "t2",
      of: Self.issuer,
      until: Self.now.adding(seconds: 500),
      at: Self.now.adding(seconds: 100)
    )
    #expect(set.isRevoked(self.principal(id: "t1")))
    set.revoke(
      "t3",
      of: Self.issuer,
      until: Self.now.adding(seconds: 500),
      at: Self.now.adding(seconds: 101)
    )
    #expect(!set.isRevoked(self.principal(id: "t1")))
    #expect(set.isRevoked(self.principal(id: "t2")))
    #expect(set.isRevoked(self.principal(id: "t3")))
    #expect(set.isRevoked(self.principal(id: nil, subject: "bob")))
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
    await withTaskGroup(of: Void.self) { group in
      for writer in 0 ..< 4 {
        group.addTask {
          for index in 0 ..< 100 {
            let id = TokenID("\(writer)-\(index)")
            set.revoke(id, of: Self.issuer, until: Self.now.adding(seconds: 100), at: Self.now)
            for earlier in 0 ... index {
              var assertion = Principal.Assertion(
                issuer: Self.issuer,
                subject: "alice",
                expiresAt: Self.now
              )
              assertion.tokenID = TokenID("\(writer)-\(earlier)")
              #expect(set.isRevoked(Principal(assertingVerified: assertion)))
            }
          }
        }
      }
    }
  }
}
