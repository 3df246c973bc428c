// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("The background work of the authority")
struct AuthorityRunningTests {
  private func stored(_ id: TokenID, _ test: TestAuthority) async throws -> TokenRecord {
    try #require(try await test.records().first { $0.id == id })
  }

  @Test("uses reach the store once a minute, and when it ends")
  func uses() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let id = token.record.id
    var due = TokenAuthority.Due()
    await test.authority.work(&due)
    _ = try await test.authority.exchange(token.token, for: .init())
    test.clock.advance(by: 59)
    await test.authority.work(&due)
    #expect(try await self.stored(id, test).lastUsedAt == nil)
    #expect(test.authority.status().pendingUses == 1)
    test.clock.advance(by: 1)
    await test.authority.work(&due)
    #expect(try await self.stored(id, test).lastUsedAt == token.record.createdAt)
    #expect(test.authority.status().pendingUses == 0)

    _ = try await test.authority.exchange(token.token, for: .init())
    let running = Task { await test.authority.run() }
    running.cancel()
    await running.value
    #expect(
      try await self.stored(id, test).lastUsedAt == token.record.createdAt.adding(seconds: 60)
    )
  }

  @Test("a use is of the digest under the current pepper from then on")
  func rekeying() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let id = token.record.id
    let old = token.record.secret.pepper
    test.authority.use(
      try await AuthoritySecrets.rotatePepper(
        in: test.keeper,
        inUse: [old],
        at: test.clock.moment.unix
      )
    )
    _ = try await test.authority.exchange(token.token, for: .init())
    var due = TokenAuthority.Due()
    await test.authority.work(&due)
    #expect(try await self.stored(id, test).secret.pepper != old)
    let match = try test.authority.snapshot.match(token.token.bytes, at: test.clock.moment.unix)
    #expect(match.rekey == nil)
  }

  @Test("nothing that was withdrawn is forgotten by a start with a clock that is ahead")
  func ahead() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    let token = try await test.token()
    let access = try await test.authority.exchange(token.token, for: .init())
    try await test.authority.revoke(presented: access.token, peer: nil)
    let now = test.clock.moment.unix
    test.clock.set(unix: now.adding(seconds: 86_400))
    let wrong = try await test.restarted()
    var due = TokenAuthority.Due()
    await wrong.work(&due)
    test.clock.advance(by: 7_199)
    await wrong.work(&due)
    #expect(wrong.status().withdrawnAccessTokens == 1)
    test.clock.set(unix: now.adding(seconds: 60))
    let right = try await test.restarted()
    #expect(try await right.introspect(access.token, as: admin) == nil)
    // Two hours of a good clock are proof enough.
    var again = TokenAuthority.Due()
    await right.work(&again)
    test.clock.advance(by: 7_199)
    await right.work(&again)
    #expect(right.status().withdrawnAccessTokens == 1)
    test.clock.advance(by: 1)
    await right.work(&again)
    #expect(right.status().withdrawnAccessTokens == 0)
    #expect(try await test.restarted().status().withdrawnAccessTokens == 0)
  }

  @Test("a clock that jumps begins to prove itself anew")
  func jump() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let access = try await test.authority.exchange(token.token, for: .init())
    try await test.authority.revoke(presented: access.token, peer: nil)
    var due = TokenAuthority.Due()
    await test.authority.work(&due)
    test.clock.advance(by: 5_000)
    let now = test.clock.moment.unix
    test.clock.set(unix: now.adding(seconds: 3_600))
    await test.authority.work(&due)
    test.clock.set(unix: now)
    await test.authority.work(&due)
    test.clock.advance(by: 5_000)
    await test.authority.work(&due)
    #expect(test.authority.status().withdrawnAccessTokens == 1)
    test.clock.advance(by: 2_200)
    await test.authority.work(&due)
    #expect(test.authority.status().withdrawnAccessTokens == 0)
  }

  @Test("nothing is answered before the start")
  func start() async throws {
    let test = try await TestAuthority()
    let secrets = try await AuthoritySecrets.load(
      from: test.keeper,
      isFirstStart: false,
      at: test.clock.moment.unix
    )
    let authority = try TokenAuthority(
      AuthorityConfiguration(issuer: TestAuthority.issuer),
      store: test.store,
      secrets: secrets,
      keys: SigningKeys(
        store: test.store,
        keyring: LocalSigningKeyring(secrets: secrets),
        schedule: KeySchedule(),
        algorithms: [.es256],
        time: test.clock
      ),
      audit: test.trail,
      time: test.clock
    )
    let admin = try test.admin
    let error = await failure {
      try await authority.exchange(test.administrator, for: .init())
    }
    #expect(error == .unavailable(.store))
    #expect(
      await failure { try await authority.revoke(admin.token, reason: "", as: admin) }
        == .unavailable(.store)
    )
    #expect(!authority.status().isStarted)
    try await authority.start()
    #expect(authority.status().isStarted)
    _ = try await authority.exchange(test.administrator, for: .init())
  }

  @Test("configurations that make no sense are refused")
  func configuration() throws {
    var limits = AuthorityLimits()
    limits.maximumAccessLifetimeSeconds = 3_601
    limits.defaultTokenLifetimeSeconds = 0
    do {
      _ = try AuthorityConfiguration(issuer: "", limits: limits, defaultAlgorithm: .rs256)
      Issue.record("was accepted")
    } catch {
      #expect(
        error.problems.map(\.path) == [
          "issuer", "algorithm", "token_lifetime", "max_access_lifetime",
        ]
      )
    }
    _ = try AuthorityConfiguration(issuer: "https://authority.test")
  }
}
