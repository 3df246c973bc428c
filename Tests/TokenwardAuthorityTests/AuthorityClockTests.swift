// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// Catalogue O15.
@Suite("The clock of the authority")
struct AuthorityClockTests {
  @Test(
    "a clock that jumps stops issuing, and nothing else",
    arguments: [-3_600, -61, 61, 3_600] as [Int64]
  )
  func jump(_ seconds: Int64) async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let id = token.record.id
    let admin = try test.admin
    let before = test.clock.moment.unix
    test.clock.set(unix: before.adding(seconds: seconds))
    #expect(await failure { try await test.token() } == .unavailable(.clock))
    #expect(
      await failure { try await test.authority.rotate(id, .init(graceSeconds: 0), as: admin) }
        == .unavailable(.clock)
    )
    #expect(
      await failure { try await test.authority.exchange(token.token, for: .init()) }
        == .unavailable(.clock)
    )
    #expect(
      await failure { try await test.authority.rotateKeys(nil, isForced: true, as: admin) }
        == .unavailable(.clock)
    )
    #expect(test.authority.status().clock == .jumped)
    #expect(test.denial(token.token) == nil)
    // Back again: everything goes on.
    test.clock.set(unix: before)
    #expect(test.authority.status().clock == .good)
    #expect(test.denial(try await test.token().token) == nil)
    test.clock.set(unix: before.adding(seconds: seconds))
    _ = try await test.authority.revoke(id, reason: "", as: admin)
    #expect(test.denial(token.token) == .tokenRevoked)
  }

  @Test("a step within a minute is no jump", arguments: [-60, -1, 1, 60] as [Int64])
  func step(_ seconds: Int64) async throws {
    let test = try await TestAuthority()
    test.clock.set(unix: test.clock.moment.unix.adding(seconds: seconds))
    let token = try await test.token { $0.lifetimeSeconds = 100 }
    #expect(token.record.expiresAt == token.record.createdAt.adding(seconds: 100))
  }

  @Test("small steps do not add up to a jump that nobody sees")
  func creeping() async throws {
    let test = try await TestAuthority()
    for _ in 0 ..< 6 {
      test.clock.set(unix: test.clock.moment.unix.adding(seconds: 10))
      _ = try await test.token()
    }
    test.clock.set(unix: test.clock.moment.unix.adding(seconds: 1))
    #expect(await failure { try await test.token() } == .unavailable(.clock))
  }

  @Test("the drift of months is followed")
  func drift() async throws {
    let test = try await TestAuthority()
    for _ in 0 ..< 100 {
      test.clock.advance(by: 3_600)
      test.clock.set(unix: test.clock.moment.unix.adding(seconds: 2))
      #expect(test.authority.status().clock == .good)
    }
  }

  @Test("a restart believes a new time, but not one before the records")
  func restart() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let now = test.clock.moment.unix
    let admin = try test.admin
    test.clock.set(unix: now.adding(seconds: 3_600))
    let later = try await test.restarted()
    let request = NewToken(name: "later", owner: "orders", audiences: ["orders"])
    let made = try await later.create(request, as: admin)
    #expect(made.record.createdAt == now.adding(seconds: 3_600))
    test.clock.set(unix: now.adding(seconds: 3_600 - 61))
    let earlier = try await test.restarted()
    #expect(earlier.status().clock == .behindRecords)
    #expect(await failure { try await earlier.create(request, as: admin) } == .unavailable(.clock))
    #expect(test.denial(token.token, in: earlier) == nil)
    _ = try await earlier.revoke(token.record.id, reason: "", as: admin)
    // It goes on by itself when time has caught up, or if somebody says that it was wrong before.
    test.clock.advance(by: 1)
    #expect(earlier.status().clock == .good)
    _ = try await earlier.create(request, as: admin)
    test.clock.set(unix: now)
    let told = try await test.restarted(acceptsRecordsFromFuture: true)
    _ = try await told.create(request, as: admin)
  }

  @Test("a clock that cannot be read issues nothing and still takes back")
  func unreadable() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let admin = try test.admin
    test.clock.setFailed()
    let request = NewToken(name: "later", owner: "orders", audiences: ["orders"])
    #expect(
      await failure { try await test.authority.create(request, as: admin) } == .unavailable(.clock)
    )
    #expect(
      await failure { try await test.authority.exchange(token.token, for: .init()) }
        == .unavailable(.clock)
    )
    #expect(
      await failure { try await test.authority.introspect(token.token, as: admin) }
        == .unavailable(.clock)
    )
    #expect(test.authority.status().clock == .unreadable)
    _ = try await test.authority.revoke(token.record.id, reason: "", as: admin)
    test.clock.setFailed(false)
    #expect(test.denial(token.token) == .tokenRevoked)
    #expect(test.denial(try await test.token().token) == nil)
  }
}
