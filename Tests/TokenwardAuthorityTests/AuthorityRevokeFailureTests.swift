// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// Catalogue O05 and O14.
@Suite("Taking back while the store fails")
struct AuthorityRevokeFailureTests {
  /// Takes something back in one of several ways.
  enum Way: CaseIterable {
    case token
    case possession
    case owner
    case ownerCutoff
    case tenantCutoff
    case disabling
  }

  private func take(_ token: IssuedAPIToken, _ way: Way, _ test: TestAuthority) async throws {
    let (authority, admin) = (test.authority, try test.admin)
    let now = test.clock.moment.unix
    switch way {
    case .token:
      _ = try await authority.revoke(token.record.id, reason: "lost", as: admin)
    case .possession:
      try await authority.revoke(presented: token.token, peer: nil)
    case .owner:
      _ = try await authority.revokeAll(of: "orders", in: "other", reason: "lost", as: admin)
    case .ownerCutoff:
      try await authority.revokeAll(
        issuedBefore: now,
        of: "orders",
        in: "other",
        reason: "lost",
        as: admin
      )
    case .tenantCutoff:
      try await authority.revokeAll(
        issuedBefore: now,
        of: nil,
        in: "other",
        reason: "lost",
        as: admin
      )
    case .disabling:
      _ = try await authority.setOwner(
        "orders",
        in: "other",
        isDisabled: true,
        reason: "lost",
        as: admin
      )
    }
  }

  @Test(
    "what cannot be committed holds at once, is tried again, and holds after a start then",
    arguments: Way.allCases,
    [ScriptedStore.Fault.lost, .corrupted]
  )
  func fails(_ way: Way, _ fault: ScriptedStore.Fault) async throws {
    let test = try await TestAuthority()
    let token = try await test.token("orders", tenant: "other")
    let neighbour = try await test.token("orders")
    test.clock.advance(by: 10)
    let access = try await test.authority.exchange(token.token, for: .init())
    // The commit, and each time that it is tried again.
    test.store.fail([fault, fault, fault])
    #expect(await failure { try await self.take(token, way, test) } == .unavailable(.store))
    #expect(test.denial(token.token) == .tokenRevoked)
    #expect(
      await failure { try await test.authority.exchange(token.token, for: .init()) }
        == .unauthenticated
    )
    #expect(try await test.authority.introspect(access.token, as: test.admin) == nil)
    #expect(test.denial(neighbour.token) == nil)
    #expect(test.authority.status().pendingWithdrawals == 1)
    #expect(test.denial(token.token, in: try await test.restarted()) == nil)

    var due = TokenAuthority.Due()
    await test.authority.work(&due)
    #expect(test.authority.status().pendingWithdrawals == 1)
    #expect(test.denial(token.token) == .tokenRevoked)
    await test.authority.work(&due)
    await test.authority.work(&due)
    #expect(test.authority.status().pendingWithdrawals == 0)
    #expect(test.denial(token.token) == .tokenRevoked)
    #expect(test.denial(neighbour.token) == nil)
    #expect(test.trail.events.last?.details["late"] == "true")
    #expect(test.trail.events.last?.outcome == .allowed)
    #expect(test.denial(token.token, in: try await test.restarted()) == .tokenRevoked)
  }

  @Test("asking again says so until it is in the store, and then that it is")
  func again() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let id = token.record.id
    let admin = try test.admin
    test.store.fail([.lost, .lost])
    for _ in 0 ..< 2 {
      #expect(
        await failure { try await test.authority.revoke(id, reason: "", as: admin) }
          == .unavailable(.store)
      )
    }
    let status = try await test.authority.revoke(id, reason: "", as: admin)
    #expect(status.state == .revoked)
    #expect(test.authority.status().pendingWithdrawals == 0)
    #expect(test.denial(token.token, in: try await test.restarted()) == .tokenRevoked)
  }

  @Test("it is not known whether it has happened: it holds until that is found out")
  func unknown() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    test.store.fail([.unanswered], readings: 2)
    let unknown = await failure {
      try await test.authority.revoke(token.record.id, reason: "", as: test.admin)
    }
    #expect(unknown == .unavailable(.store))
    #expect(test.denial(token.token) == .tokenRevoked)
    var due = TokenAuthority.Due()
    // One reading fails still; the next one settles it.
    await test.authority.work(&due)
    #expect(test.authority.status().pendingWithdrawals == 1)
    await test.authority.work(&due)
    #expect(test.authority.status().pendingWithdrawals == 0)
    #expect(test.denial(token.token) == .tokenRevoked)
  }

  @Test("reading a record again does not give back what is pending of it")
  func reread() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let id = token.record.id
    // Its use is of another pepper, so the record is read and shown again when it is told.
    test.authority.use(
      try await AuthoritySecrets.rotatePepper(
        in: test.keeper,
        inUse: [token.record.secret.pepper],
        at: test.clock.moment.unix
      )
    )
    _ = try await test.authority.exchange(token.token, for: .init())
    test.store.fail([.lost, .lost])
    _ = await failure { try await test.authority.revoke(id, reason: "", as: test.admin) }
    var due = TokenAuthority.Due()
    await test.authority.work(&due)
    #expect(test.authority.status().pendingUses == 0)
    #expect(test.authority.status().pendingWithdrawals == 1)
    #expect(test.denial(token.token) == .tokenRevoked)
    #expect(
      await failure { try await test.authority.rotate(id, .init(graceSeconds: 0), as: test.admin) }?
        .isPrecondition == true
    )
  }

  @Test("a token that is made meanwhile is of the generation that is pending, and commits it")
  func dependent() async throws {
    let test = try await TestAuthority()
    let old = try await test.token()
    test.store.fail([.lost])
    _ = await failure {
      try await test.authority.revokeAll(of: "orders", in: nil, reason: "", as: test.admin)
    }
    let new = try await test.token()
    #expect(new.record.ownerGeneration == 1)
    #expect(test.authority.status().pendingWithdrawals == 0)
    for authority in [test.authority, try await test.restarted()] {
      #expect(test.denial(old.token, in: authority) == .tokenRevoked)
      #expect(test.denial(new.token, in: authority) == nil)
    }
  }

  @Test("an owner that is enabled again is not disabled by what was pending before")
  func enabled() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    func set(_ isDisabled: Bool) async throws {
      _ = try await test.authority.setOwner(
        "orders",
        in: nil,
        isDisabled: isDisabled,
        reason: "",
        as: test.admin
      )
    }
    // The second is what enabling tries first.
    test.store.fail([.lost, .lost])
    #expect(await failure { try await set(true) } == .unavailable(.store))
    #expect(test.denial(token.token) == .tokenRevoked)
    try await set(false)
    #expect(test.denial(token.token) == nil)
    var due = TokenAuthority.Due()
    await test.authority.work(&due)
    #expect(test.denial(token.token) == nil)
    #expect(test.denial(token.token, in: try await test.restarted()) == nil)
  }

  @Test("an access token that cannot be withdrawn for good does not count here all the same")
  func accessToken() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let access = try await test.authority.exchange(token.token, for: .init())
    let twin = try await test.authority.exchange(token.token, for: .init())
    test.store.fail([.lost], readings: 1)
    #expect(
      await failure { try await test.authority.revoke(presented: access.token, peer: nil) }
        == .unavailable(.store)
    )
    #expect(try await test.authority.introspect(access.token, as: test.admin) == nil)
    #expect(try await test.authority.introspect(twin.token, as: test.admin) != nil)
    var due = TokenAuthority.Due()
    await test.authority.work(&due)
    #expect(test.authority.status().pendingWithdrawals == 0)
    let restarted = try await test.restarted()
    #expect(try await restarted.introspect(access.token, as: test.admin) == nil)
    #expect(try await restarted.introspect(twin.token, as: test.admin) != nil)
    // From now on it is nothing new.
    let events = test.trail.events.count
    try await test.authority.revoke(presented: access.token, peer: nil)
    #expect(test.trail.events.count == events)
  }

  @Test("a refusal leaves nothing pending")
  func refused() async throws {
    let test = try await TestAuthority()
    let token = try await test.token("orders", tenant: "other")
    let caller = try await test.caller([.revokeTokens])
    let error = await failure {
      try await test.authority.revoke(token.record.id, reason: "", as: caller)
    }
    #expect(error?.isForbidden == true)
    #expect(test.denial(token.token) == nil)
    #expect(test.authority.status().pendingWithdrawals == 0)
    let missing = await failure {
      try await test.authority.revoke(TokenID("0123456789abcdef"), reason: "", as: test.admin)
    }
    #expect(missing != nil)
    #expect(test.authority.status().pendingWithdrawals == 0)
  }

  @Test("a record of the audit that is owed is written when the token is presented again")
  func owed() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    test.trail.setBroken(true)
    #expect(
      await failure { try await test.authority.revoke(presented: token.token, peer: nil) }
        == .unavailable(.audit)
    )
    #expect(test.denial(token.token) == .tokenRevoked)
    test.trail.setBroken(false)
    let events = test.trail.events.count
    for _ in 0 ..< 3 { try await test.authority.revoke(presented: token.token, peer: nil) }
    #expect(test.trail.events.count == events + 1)
    #expect(test.trail.events.last?.action == .revokeToken)
  }

  @Test("a commit that would not outlast a crash is acknowledged to nobody, and stops exchanges")
  func undurable() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let other = try await test.token()
    let id = token.record.id
    _ = try await test.authority.exchange(other.token, for: .init())
    test.store.fail([.undurable])
    #expect(
      await failure { try await test.authority.revoke(id, reason: "", as: test.admin) }
        == .unavailable(.store)
    )
    #expect(test.authority.status().isStoreBroken)
    // Taken back here all the same; the other one is verified and not exchanged.
    #expect(test.denial(token.token) == .tokenRevoked)
    #expect(test.denial(other.token) == nil)
    #expect(
      await failure { try await test.authority.exchange(other.token, for: .init()) }
        == .unavailable(.store)
    )
    let restarted = try await test.restarted()
    #expect(!restarted.status().isStoreBroken)
    _ = try await restarted.exchange(other.token, for: .init())
  }

  @Test("a token whose commit would not outlast a crash is not handed out")
  func undurableToken() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    test.store.fail([.undurable])
    #expect(await failure { try await test.token() } == .unavailable(.store))
    test.store.fail([])
    // Rotated by a commit that may vanish: what both outcomes allow.
    let again = try await TestAuthority()
    let rotated = try await again.token()
    again.store.fail([.undurable])
    let error = await failure {
      try await again.authority.rotate(rotated.record.id, .init(graceSeconds: 0), as: again.admin)
    }
    #expect(error == .unavailable(.store))
    #expect(again.denial(rotated.token) != nil)
    #expect(test.denial(token.token) == nil)
  }
}
