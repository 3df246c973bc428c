// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// Catalogue O05 and O06.
@Suite("Taking back")
struct AuthorityRevokeTests {
  @Test("an acknowledged revocation holds at once, for good, and only for that token")
  func revoke() async throws {
    let test = try await TestAuthority()
    let (token, twin) = (try await test.token(), try await test.token())
    test.journal.clear()
    let status = try await test.authority.revoke(token.record.id, reason: "lost", as: test.admin)
    #expect(status.state == .revoked)
    #expect(status.record.revocation?.reason == "lost")
    #expect(test.journal.all == ["commit", "audit token.revoke allowed"])
    #expect(test.denial(token.token) == .tokenRevoked)
    #expect(test.denial(twin.token) == nil)
    test.clock.advance(by: 10)
    let again = try await test.authority.revoke(token.record.id, reason: "other", as: test.admin)
    #expect(again.record == status.record)
    let restarted = try await test.restarted()
    #expect(test.denial(token.token, in: restarted) == .tokenRevoked)
    #expect(test.denial(twin.token, in: restarted) == nil)
  }

  @Test("a revocation whose record cannot be written holds, and says so")
  func audit() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    test.trail.setBroken(true)
    let error = await failure {
      try await test.authority.revoke(token.record.id, reason: "", as: test.admin)
    }
    #expect(error == .unavailable(.audit))
    #expect(test.denial(token.token) == .tokenRevoked)
    test.trail.setBroken(false)
    _ = try await test.authority.revoke(token.record.id, reason: "", as: test.admin)
    #expect(test.trail.events.last?.action == .revokeToken)
  }

  @Test("a commit that happened without an answer is acknowledged")
  func unanswered() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    test.store.fail([.unanswered])
    let status = try await test.authority.revoke(token.record.id, reason: "", as: test.admin)
    #expect(status.state == .revoked)
    #expect(test.denial(token.token) == .tokenRevoked)
  }

  @Test("conflicts are decided again, a bounded number of times")
  func conflicts() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    test.store.fail([ScriptedStore.Fault](repeating: .conflict, count: 7))
    _ = try await test.authority.revoke(token.record.id, reason: "", as: test.admin)
    let other = try await test.token()
    test.store.fail([ScriptedStore.Fault](repeating: .conflict, count: 8))
    let error = await failure {
      try await test.authority.revoke(other.record.id, reason: "", as: test.admin)
    }
    #expect(error == .unavailable(.store))
    // It was allowed, so it holds here and is tried again.
    #expect(test.denial(other.token) == .tokenRevoked)
    #expect(test.authority.status().pendingWithdrawals == 1)
  }

  @Test("a rotation that may have happened leaves what both outcomes allow")
  func lostRotation() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let id = token.record.id
    test.store.fail([.lost], readings: 1)
    let error = await failure {
      try await test.authority.rotate(id, .init(graceSeconds: 0), as: test.admin)
    }
    #expect(error == .unavailable(.store))
    #expect(test.denial(token.token) != nil)
    var due = TokenAuthority.Due()
    await test.authority.work(&due)
    #expect(test.denial(token.token) == nil)
    // With grace, both outcomes allow the old secret.
    test.store.fail([.unanswered], readings: 1)
    let other = await failure {
      try await test.authority.rotate(id, .init(graceSeconds: 60), as: test.admin)
    }
    #expect(other == .unavailable(.store))
    #expect(test.denial(token.token) == nil)
    await test.authority.work(&due)
    #expect(test.denial(token.token) == nil)
    #expect(try await test.authority.token(id, as: test.admin).record.rotations == 1)
    test.clock.advance(by: 60)
    #expect(test.denial(token.token) == .tokenRevoked)
  }

  @Test(
    "everything of an owner is taken back, what it gets afterwards is not, and nobody else's is"
  )
  func owner() async throws {
    let test = try await TestAuthority()
    let tokens = [try await test.token(), try await test.token()]
    let neighbour = try await test.token("billing")
    let namesake = try await test.token("orders", tenant: "other")
    let record = try await test.authority.revokeAll(
      of: "orders",
      in: nil,
      reason: "",
      as: test.admin
    )
    #expect(record.generation == 1)
    for token in tokens { #expect(test.denial(token.token) == .tokenRevoked) }
    #expect(test.denial(neighbour.token) == nil)
    #expect(test.denial(namesake.token) == nil)
    let next = try await test.token()
    #expect(test.denial(next.token) == nil)
    #expect(next.record.ownerGeneration == 1)
    let restarted = try await test.restarted()
    #expect(test.denial(tokens[0].token, in: restarted) == .tokenRevoked)
    #expect(test.denial(next.token, in: restarted) == nil)
    #expect(
      try await test.authority.token(tokens[0].record.id, as: test.admin).state == .revoked
    )
  }

  @Test("a disabled owner's tokens rest until it is enabled")
  func disabled() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    func set(_ isDisabled: Bool) async throws -> OwnerRecord {
      try await test.authority.setOwner(
        "orders",
        in: nil,
        isDisabled: isDisabled,
        reason: "audit",
        as: test.admin
      )
    }
    #expect(try await set(true).isDisabled)
    #expect(test.denial(token.token) == .tokenRevoked)
    #expect(await failure { try await test.token() }?.isPrecondition == true)
    #expect(try await test.authority.token(token.record.id, as: test.admin).state == .ownerDisabled)
    let first = try await test.authority.owner("orders", in: nil, as: test.admin)
    #expect(try await set(true) == first)
    test.journal.clear()
    #expect(try await !set(false).isDisabled)
    #expect(test.journal.all == ["audit owner.enable allowed", "commit"])
    #expect(test.denial(token.token) == nil)
    #expect(test.denial(try await test.token().token) == nil)
  }

  @Test("a token that is being made while its owner is disabled is not made")
  func disabledMeanwhile() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    test.store.beforeNextCommit {
      _ = try? await test.authority.setOwner(
        "orders",
        in: nil,
        isDisabled: true,
        reason: "",
        as: admin
      )
    }
    #expect(await failure { try await test.token() }?.isPrecondition == true)
    #expect(try await test.records().count == 1)
  }

  @Test(
    "a token that is being made while everything of its owner is taken back is of the next generation"
  )
  func revokedMeanwhile() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    test.store.beforeNextCommit {
      _ = try? await test.authority.revokeAll(of: "orders", in: nil, reason: "", as: admin)
    }
    let token = try await test.token()
    #expect(token.record.ownerGeneration == 1)
    #expect(test.denial(token.token) == nil)
  }

  @Test("what was made before a time is taken back", arguments: [true, false])
  func issuedBefore(_ isOwner: Bool) async throws {
    let test = try await TestAuthority()
    let old = try await test.token()
    let foreign = try await test.token("orders", tenant: "other")
    test.clock.advance(by: 10)
    let cutoff = test.clock.moment.unix
    let new = try await test.token()
    let neighbour = try await test.token("billing")
    // The first administrator takes its own token, too; this one is made late enough.
    let admin = try test.caller(
      try await test.token("second", scopes: []) { $0.roles = [.administrator] }.token
    )
    try await test.authority.revokeAll(
      issuedBefore: cutoff,
      of: isOwner ? "orders" : nil,
      in: nil,
      reason: "",
      as: admin
    )
    #expect(test.denial(old.token) == .tokenRevoked)
    #expect(test.denial(new.token) == nil)
    #expect(test.denial(neighbour.token) == nil)
    #expect(test.denial(foreign.token) == nil)
    #expect((test.denial(test.administrator) == nil) == isOwner)
    // An earlier time gives nothing back.
    try await test.authority.revokeAll(
      issuedBefore: cutoff.adding(seconds: -5),
      of: isOwner ? "orders" : nil,
      in: nil,
      reason: "",
      as: admin
    )
    #expect(test.denial(old.token) == .tokenRevoked)
    #expect(test.denial(old.token, in: try await test.restarted()) == .tokenRevoked)
    let future = await failure {
      try await test.authority.revokeAll(
        issuedBefore: cutoff.adding(seconds: 60),
        of: isOwner ? "orders" : nil,
        in: nil,
        reason: "",
        as: admin
      )
    }
    #expect(future?.field == "issued_before")
  }

  @Test("who has a token may take it back, and who has its name may not")
  func possession() async throws {
    let test = try await TestAuthority()
    let (token, twin) = (try await test.token(), try await test.token())
    let guess = APITokenFormat.token(
      id: Array(token.record.id.text.utf8),
      secret: Base62.random(43)
    )
    for wrong in [guess, Array(token.record.id.text.utf8), Array("garbage".utf8), []] {
      try await test.authority.revoke(presented: BearerToken(bytes: wrong), peer: nil)
    }
    #expect(test.denial(token.token) == nil)
    try await test.authority.revoke(presented: token.token, peer: "ipv4:127.0.0.1:1")
    #expect(test.denial(token.token) == .tokenRevoked)
    #expect(test.denial(twin.token) == nil)
    #expect(test.trail.events.last?.actor == token.record.id)
    // Again and again: nothing is written, and the store is not asked.
    let (events, journal) = (test.trail.events.count, test.journal.all)
    for _ in 0 ..< 50 { try await test.authority.revoke(presented: token.token, peer: nil) }
    #expect(test.trail.events.count == events)
    #expect(test.journal.all == journal)
    #expect(test.authority.status().repeatedWithdrawals == 50)
    // A secret that was replaced without grace is nobody's.
    let new = try await test.authority.rotate(
      twin.record.id,
      .init(graceSeconds: 0),
      as: test.admin
    )
    try await test.authority.revoke(presented: twin.token, peer: nil)
    #expect(test.denial(new.token) == nil)
  }

  @Test("a reason cannot forge a line", arguments: ["a\nb", "a\u{1B}[0m", "\u{2028}", "\u{202E}"])
  func reasons(_ reason: String) async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let error = await failure {
      try await test.authority.revoke(token.record.id, reason: reason, as: test.admin)
    }
    #expect(error?.field == "reason")
    _ = try await test.authority.revoke(token.record.id, reason: "änderung — ok", as: test.admin)
  }
}
