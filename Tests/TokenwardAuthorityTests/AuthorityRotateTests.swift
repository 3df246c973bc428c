// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// Catalogue O07.
@Suite("New secrets")
struct AuthorityRotateTests {
  @Test("the old secret works during the grace, and not a moment longer")
  func grace() async throws {
    let test = try await TestAuthority()
    let old = try await test.token()
    let new = try await test.authority.rotate(
      old.record.id,
      .init(graceSeconds: 60),
      as: test.admin
    )
    #expect(new.record.id == old.record.id)
    #expect(new.record.rotations == 1)
    #expect(test.denial(old.token) == nil)
    #expect(test.denial(new.token) == nil)
    test.clock.advance(by: 59)
    #expect(test.denial(old.token) == nil)
    test.clock.advance(by: 1)
    #expect(test.denial(old.token) == .tokenRevoked)
    #expect(test.denial(new.token) == nil)
    #expect(test.denial(old.token, in: try await test.restarted()) == .tokenRevoked)
  }

  @Test("a third secret ends the first one at once")
  func third() async throws {
    let test = try await TestAuthority()
    let first = try await test.token()
    let id = first.record.id
    let second = try await test.authority.rotate(id, .init(graceSeconds: 600), as: test.admin)
    let third = try await test.authority.rotate(id, .init(graceSeconds: 600), as: test.admin)
    #expect(test.denial(first.token) == .tokenUnknown)
    #expect(test.denial(second.token) == nil)
    #expect(test.denial(third.token) == nil)
    let last = try await test.authority.rotate(id, .init(graceSeconds: 0), as: test.admin)
    #expect(test.denial(second.token) == .tokenUnknown)
    #expect(test.denial(third.token) != nil)
    #expect(test.denial(last.token) == nil)
  }

  @Test("an old secret does not outlive the expiry that it had")
  func oldExpiry() async throws {
    let test = try await TestAuthority()
    let old = try await test.token { $0.lifetimeSeconds = 100 }
    let rotation = Rotation(graceSeconds: 600, lifetimeSeconds: 1_000)
    let new = try await test.authority.rotate(old.record.id, rotation, as: test.admin)
    test.clock.advance(by: 99)
    #expect(test.denial(old.token) == nil)
    test.clock.advance(by: 1)
    #expect(test.denial(old.token) == .tokenRevoked)
    #expect(test.denial(new.token) == nil)
  }

  @Test("a token lives as long again, or as long as is asked for within the limits")
  func lifetime() async throws {
    let test = try await TestAuthority()
    let old = try await test.token { $0.lifetimeSeconds = 1_000 }
    test.clock.advance(by: 900)
    let now = test.clock.moment.unix
    let id = old.record.id
    let new = try await test.authority.rotate(id, .init(graceSeconds: 0), as: test.admin)
    #expect(new.record.expiresAt == now.adding(seconds: 1_000))
    #expect(new.record.createdAt == old.record.createdAt)
    let longest = Rotation(graceSeconds: 0, lifetimeSeconds: 366 * 86_400)
    _ = try await test.authority.rotate(id, longest, as: test.admin)
    let tooLong = Rotation(graceSeconds: 0, lifetimeSeconds: 366 * 86_400 + 1)
    #expect(
      await failure { try await test.authority.rotate(id, tooLong, as: test.admin) }?.field
        == "lifetime"
    )
    for grace: Int64 in [-1, 7 * 86_400 + 1, .max] {
      let error = await failure {
        try await test.authority.rotate(id, .init(graceSeconds: grace), as: test.admin)
      }
      #expect(error?.field == "grace")
    }
    _ = try await test.authority.rotate(id, .init(graceSeconds: 7 * 86_400), as: test.admin)
  }

  @Test("who rotates gets the token, so whoever does not hold what it grants may not")
  func escalation() async throws {
    let test = try await TestAuthority()
    let rich = try await test.token(scopes: ["orders.read", "orders.write"])
    let poor = try await test.caller(
      [.readTokens, .rotateTokens, .anyOwner],
      scopes: ["orders.read"]
    )
    let admin = try test.admin.token
    for id in [rich.record.id, admin] {
      let error = await failure {
        try await test.authority.rotate(id, .init(graceSeconds: 0), as: poor)
      }
      #expect(error?.isForbidden == true)
    }
    #expect(test.denial(rich.token) == nil)
    #expect(test.denial(test.administrator) == nil)
    let id = rich.record.id
    let scopes: [Scope] = ["orders.read", "orders.write"]
    // The token speaks for its owner, and who gets its secret does so, too.
    let stranger = try await test.caller([.rotateTokens], scopes: scopes)
    #expect(
      await failure {
        try await test.authority.rotate(id, .init(graceSeconds: 0), as: stranger)
      } == .forbidden("a token of another owner needs tokenward.tokens.any_owner")
    )
    let equal = try await test.caller([.rotateTokens, .anyOwner], scopes: scopes)
    let new = try await test.authority.rotate(id, .init(graceSeconds: 0), as: equal)
    #expect(test.denial(rich.token) == .tokenUnknown)
    #expect(test.denial(new.token) == nil)
    // It lives no longer than who rotated it.
    #expect(new.record.expiresAt == equal.expiresAt)
  }

  @Test("a token rotates itself with the permission only, and does not outlive itself")
  func itself() async throws {
    let test = try await TestAuthority()
    let without = try await test.caller([], scopes: ["orders.read"])
    let refused = await failure {
      try await test.authority.rotate(without.token, .init(graceSeconds: 0), as: without)
    }
    #expect(refused?.isForbidden == true)
    let with = try await test.caller([.rotateTokens], scopes: ["orders.read"])
    test.clock.advance(by: 10)
    let new = try await test.authority.rotate(with.token, .init(graceSeconds: 0), as: with)
    #expect(new.record.expiresAt == with.expiresAt)
    let longer = Rotation(graceSeconds: 0, lifetimeSeconds: 91 * 86_400)
    let error = await failure { try await test.authority.rotate(with.token, longer, as: with) }
    #expect(error?.isForbidden == true)
  }

  @Test("what has ended gets no new secret")
  func ended() async throws {
    let test = try await TestAuthority()
    let revoked = try await test.token()
    _ = try await test.authority.revoke(revoked.record.id, reason: "", as: test.admin)
    let expired = try await test.token { $0.lifetimeSeconds = 10 }
    let disabled = try await test.token("sleeper")
    _ = try await test.authority.setOwner(
      "sleeper",
      in: nil,
      isDisabled: true,
      reason: "",
      as: test.admin
    )
    test.clock.advance(by: 10)
    for issued in [revoked, expired, disabled] {
      let error = await failure {
        try await test.authority.rotate(issued.record.id, .init(graceSeconds: 0), as: test.admin)
      }
      #expect(error?.isPrecondition == true)
    }
  }

  @Test("of sixteen rotations at once, never more than two secrets work")
  func concurrent() async throws {
    let test = try await TestAuthority()
    let first = try await test.token()
    let admin = try test.admin
    let tokens = await withTaskGroup(of: BearerToken?.self) { group in
      for _ in 0 ..< 16 {
        group.addTask {
          try? await test.authority.rotate(first.record.id, .init(graceSeconds: 600), as: admin)
            .token
        }
      }
      var tokens = [first.token]
      for await token in group { if let token { tokens.append(token) } }
      return tokens
    }
    #expect(tokens.count == 17)
    #expect(tokens.count { test.denial($0) == nil } == 2)
    let restarted = try await test.restarted()
    #expect(tokens.count { test.denial($0, in: restarted) == nil } == 2)
    #expect(test.trail.events.count { $0.action == .rotateToken && $0.outcome == .allowed } == 16)
  }

  @Test(
    "a token that is revoked and rotated at once is revoked, whoever is first",
    arguments: 0 ..< 20
  )
  func race(_ round: Int) async throws {
    let test = try await TestAuthority()
    let first = try await test.token()
    let admin = try test.admin
    async let rotated = try? test.authority.rotate(
      first.record.id,
      .init(graceSeconds: 600),
      as: admin
    )
    async let revoked = test.authority.revoke(first.record.id, reason: "", as: admin)
    let (new, status) = try await (rotated, revoked)
    #expect(status.state == .revoked)
    #expect(test.denial(first.token) != nil)
    if let new { #expect(test.denial(new.token) == .tokenRevoked) }
    let restarted = try await test.restarted()
    #expect(restarted.snapshot.state(of: first.record.id, at: test.clock.moment.unix) == .revoked)
  }

  @Test("a rotation that a revocation overtakes on its way to the store does not happen")
  func overtaken() async throws {
    let test = try await TestAuthority()
    let first = try await test.token()
    let admin = try test.admin
    // Another owner record than the one that was read: decided again, and refused.
    test.store.beforeNextCommit {
      _ = try? await test.authority.revokeAll(of: "orders", in: nil, reason: "", as: admin)
    }
    let error = await failure {
      try await test.authority.rotate(first.record.id, .init(graceSeconds: 60), as: admin)
    }
    #expect(error?.isPrecondition == true)
    #expect(test.trail.events.contains { $0.action == .rotateToken && $0.outcome == .failed })
    #expect(test.denial(first.token) == .tokenRevoked)
  }
}
