// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("Access tokens of the authority")
struct AuthorityExchangeTests {
  /// Verifies as a service would that has fetched the keys.
  private func verify(
    _ token: BearerToken,
    _ test: TestAuthority,
    audience: Audience = "orders"
  ) throws -> Principal {
    let keys = try KeySet(jwks: test.authority.publicKeys(), trust: .publicKeys)
    let issuer = try TrustedIssuer(
      TestAuthority.issuer,
      audiences: .oneOf([audience]),
      algorithms: [.es256, .eddsa],
      keys: StaticKeys(keys)
    )
    let verifier = try JWTVerifier(issuers: [issuer], cache: nil)
    return try verifier.verify(PresentedToken(token), at: test.clock.moment)
  }

  @Test(
    "a service accepts it, and reads what the API token is granted",
    arguments: [nil, Algorithm.eddsa]
  )
  func accepted(_ algorithm: Algorithm?) async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    test.journal.clear()
    var parameters = AccessRequestParameters()
    parameters.algorithm = algorithm
    let access = try await test.authority.exchange(token.token, for: parameters)
    #expect(test.journal.all == ["audit token.exchange allowed"])
    #expect(access.lifetimeSeconds == 300)
    let principal = try self.verify(access.token, test)
    #expect(principal.subject == "main/orders")
    #expect(principal.isClientActingForItself)
    #expect(principal.scopes == ["orders.read"])
    #expect(principal.tokenID == access.id)
    #expect(principal.tenant == .main)
    #expect(principal.claims.string("grant_id") == token.record.id.text)
    #expect(principal.expiresAt == access.expiresAt)
    #expect(throws: (any Error).self) { try self.verify(access.token, test, audience: "billing") }
  }

  @Test("it asks for no more than there is")
  func narrowing() async throws {
    let test = try await TestAuthority()
    let token = try await test.token(scopes: ["orders.read", "orders.write"]) {
      $0.audiences = ["orders", "billing"]
    }
    func exchange(_ edit: (inout AccessRequestParameters) -> Void) async throws -> IssuedAccessToken
    {
      var parameters = AccessRequestParameters()
      edit(&parameters)
      return try await test.authority.exchange(token.token, for: parameters)
    }
    let less = try await exchange {
      $0.scopes = ["orders.read"]
      $0.audiences = ["billing"]
      $0.lifetimeSeconds = 3_600
    }
    let principal = try self.verify(less.token, test, audience: "billing")
    #expect(principal.scopes == ["orders.read"])
    #expect(less.lifetimeSeconds == 3_600)
    #expect(throws: (any Error).self) { try self.verify(less.token, test) }
    #expect(
      await failure { try await exchange { $0.scopes = ["orders.delete"] } }?.isForbidden == true
    )
    #expect(await failure { try await exchange { $0.audiences = ["shop"] } }?.isForbidden == true)
    #expect(
      await failure { try await exchange { $0.audiences = ["orders", "shop"] } }?.isForbidden
        == true
    )
    #expect(
      await failure { try await exchange { $0.lifetimeSeconds = 3_601 } }?.field == "lifetime"
    )
    #expect(await failure { try await exchange { $0.lifetimeSeconds = 0 } }?.field == "lifetime")
    #expect(try await exchange { $0.scopes = [] }.scopes.isEmpty)
    #expect(await failure { try await exchange { $0.algorithm = .rs256 } }?.field == "algorithm")
  }

  @Test("it ends no later than the API token")
  func rest() async throws {
    let test = try await TestAuthority()
    let token = try await test.token { $0.lifetimeSeconds = 200 }
    test.clock.advance(by: 100)
    let access = try await test.authority.exchange(token.token, for: .init())
    #expect(access.lifetimeSeconds == 100)
    #expect(access.expiresAt == token.record.expiresAt)
    var parameters = AccessRequestParameters()
    parameters.lifetimeSeconds = 101
    #expect(
      await failure { try await test.authority.exchange(token.token, for: parameters) }?.isForbidden
        == true
    )
    parameters.lifetimeSeconds = 100
    _ = try await test.authority.exchange(token.token, for: parameters)
    test.clock.advance(by: 100)
    #expect(
      await failure { try await test.authority.exchange(token.token, for: .init()) }
        == .unauthenticated
    )
  }

  @Test("with fewer scopes, only roles stay that stand for nothing else")
  func roles() async throws {
    let test = try await TestAuthority()
    for (role, scopes) in [
      ("reader", ["orders.read"]), ("clerk", ["orders.read", "orders.write"]),
    ] {
      _ = try await test.authority.putRole(
        .init(
          role: Role(role),
          scopes: scopes.map { Scope($0) },
          methods: [],
          changedAt: UnixTime(seconds: 0)
        ),
        as: test.admin
      )
    }
    let token = try await test.token(scopes: []) { $0.roles = ["reader", "clerk"] }
    let all = try await test.authority.exchange(token.token, for: .init())
    #expect(Set(try self.verify(all.token, test).roles) == ["reader", "clerk"])
    var parameters = AccessRequestParameters()
    parameters.scopes = ["orders.read"]
    let few = try await test.authority.exchange(token.token, for: parameters)
    #expect(try self.verify(few.token, test).roles == ["reader"])
    // The administrator's too: a token for reading does not carry the name.
    parameters.scopes = [Permission.readTokens.scope]
    let admin = try await test.authority.exchange(test.administrator, for: parameters)
    #expect(try self.verify(admin.token, test, audience: "tokenward").roles.isEmpty)
    let whole = try await test.authority.exchange(test.administrator, for: .init())
    #expect(try self.verify(whole.token, test, audience: "tokenward").roles == [.administrator])
  }

  @Test("limits of methods and networks and the certificate go with it")
  func limits() async throws {
    let test = try await TestAuthority()
    _ = try await test.authority.putRole(
      .init(
        role: "reader",
        scopes: ["orders.read"],
        methods: ["orders.v1.Orders/Get"],
        changedAt: UnixTime(seconds: 0)
      ),
      as: test.admin
    )
    let network = try #require(NetworkPrefix(address: [10, 0, 0, 0], length: 8))
    let certificate = CertificateThumbprint(der: [1])
    let token = try await test.token(scopes: []) {
      $0.roles = ["reader"]
      $0.networks = [network]
      $0.certificate = certificate
    }
    var parameters = AccessRequestParameters()
    func error() async -> AuthorityError? {
      await failure { try await test.authority.exchange(token.token, for: parameters) }
    }
    #expect(await error() == .unauthenticated)
    parameters.peer = "ipv4:10.1.2.3:1"
    #expect(await error() == .unauthenticated)
    parameters.peerCertificate = CertificateThumbprint(der: [2])
    #expect(await error() == .unauthenticated)
    parameters.peerCertificate = certificate
    for peer in [nil, "", "unix:/run/x", "ipv4:11.0.0.1:1", "ipv4:010.0.0.1:1", "10.0.0.1.evil"] {
      parameters.peer = peer
      #expect(await error() == .unauthenticated)
    }
    parameters.peer = "ipv4:10.255.0.1:1"
    let access = try await test.authority.exchange(token.token, for: parameters)
    let principal = try self.verify(access.token, test)
    #expect(principal.methods?.patterns == ["orders.v1.Orders/Get"])
    #expect(principal.networks == [network])
    #expect(principal.certificate == certificate)
  }

  @Test("a removed role widens nothing")
  func removedRole() async throws {
    let test = try await TestAuthority()
    _ = try await test.authority.putRole(
      .init(
        role: "reader",
        scopes: ["orders.read"],
        methods: ["orders.v1.Orders/Get"],
        changedAt: UnixTime(seconds: 0)
      ),
      as: test.admin
    )
    let token = try await test.token(scopes: ["orders.write"]) { $0.roles = ["reader"] }
    try await test.authority.removeRole("reader", as: test.admin)
    let match = try test.authority.snapshot.match(token.token.bytes, at: test.clock.moment.unix)
    #expect(match.scopes == ["orders.write"])
    let limit = try #require(match.methods)
    #expect(limit.patterns.isEmpty)
    #expect(
      await failure { try await test.authority.exchange(token.token, for: .init()) }?.isForbidden
        == true
    )
  }

  @Test("one API token is exchanged so often a second, and others are not kept from it")
  func rate() async throws {
    let test = try await TestAuthority()
    let (token, other) = (try await test.token(), try await test.token())
    func exchange(_ token: IssuedAPIToken) async -> AuthorityError? {
      await failure { try await test.authority.exchange(token.token, for: .init()) }
    }
    for _ in 0 ..< 1_000 { #expect(await exchange(token) == nil) }
    let events = test.trail.events.count
    for _ in 0 ..< 10 { #expect(await exchange(token) == .unavailable(.rate)) }
    #expect(test.trail.events.count == events)
    #expect(test.authority.status().limitedExchanges == 10)
    #expect(await exchange(other) == nil)
    // It is still verified, and a second later it may again.
    #expect(test.denial(token.token) == nil)
    test.clock.advance(by: 1)
    for _ in 0 ..< 100 { #expect(await exchange(token) == nil) }
    #expect(await exchange(token) == .unavailable(.rate))
    test.clock.advance(by: 10)
    for _ in 0 ..< 1_000 { #expect(await exchange(token) == nil) }
    #expect(await exchange(token) == .unavailable(.rate))
  }

  @Test("of refusals with one token some are only counted")
  func refusals() async throws {
    let test = try await TestAuthority()
    let (token, other) = (try await test.token(), try await test.token())
    let before = test.trail.events.count
    func refuse(_ token: IssuedAPIToken) async throws {
      let error = await failure {
        try await test.authority.revoke(
          TokenID("0123456789abcdef"),
          reason: "",
          as: test.caller(token.token)
        )
      }
      #expect(error?.isForbidden == true)
    }
    for _ in 0 ..< 210 { try await refuse(token) }
    #expect(test.trail.events.count == before + 200)
    #expect(test.authority.status().unwrittenRefusals == 10)
    try await refuse(other)
    #expect(test.trail.events.count == before + 201)
    test.clock.advance(by: 1)
    try await refuse(token)
    #expect(test.trail.events.count == before + 202)
  }

  @Test("without an audit record there is none")
  func audit() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    test.trail.setBroken(true)
    #expect(
      await failure { try await test.authority.exchange(token.token, for: .init()) }
        == .unavailable(.audit)
    )
    // Verification goes on.
    #expect(test.denial(token.token) == nil)
    test.trail.setBroken(false)
    _ = try await test.authority.exchange(token.token, for: .init())
  }

  @Test("an API token that does not count is exchanged for nothing")
  func ended() async throws {
    let test = try await TestAuthority()
    let token = try await test.token()
    let old = token.token
    let new = try await test.authority.rotate(
      token.record.id,
      .init(graceSeconds: 60),
      as: test.admin
    )
    _ = try await test.authority.exchange(old, for: .init())
    test.clock.advance(by: 60)
    #expect(
      await failure { try await test.authority.exchange(old, for: .init()) } == .unauthenticated
    )
    _ = try await test.authority.exchange(new.token, for: .init())
    _ = try await test.authority.revoke(token.record.id, reason: "", as: test.admin)
    #expect(
      await failure { try await test.authority.exchange(new.token, for: .init()) }
        == .unauthenticated
    )
  }

  @Test("it ends with its API token, its owner, and by itself")
  func introspection() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    let checker = AuthorityRevocation(test.authority)
    func isActive(_ token: BearerToken) async throws -> Bool {
      try await test.authority.introspect(token, as: admin) != nil
    }
    let token = try await test.token()
    let access = try await test.authority.exchange(token.token, for: .init())
    let twin = try await test.authority.exchange(token.token, for: .init())
    let principal = try self.verify(access.token, test)
    let other = try self.verify(twin.token, test)
    #expect(try await isActive(token.token))
    #expect(try await isActive(access.token))
    #expect(checker.isRevoked(principal) == false)

    try await test.authority.revoke(presented: access.token, peer: nil)
    #expect(try await !isActive(access.token))
    #expect(checker.isRevoked(principal) == true)
    #expect(try await isActive(twin.token))
    #expect(checker.isRevoked(other) == false)
    let restarted = try await test.restarted()
    #expect(try await restarted.introspect(access.token, as: admin) == nil)
    #expect(try await restarted.introspect(twin.token, as: admin) != nil)

    func set(_ isDisabled: Bool) async throws {
      _ = try await test.authority.setOwner(
        "orders",
        in: nil,
        isDisabled: isDisabled,
        reason: "",
        as: admin
      )
    }
    try await set(true)
    #expect(try await !isActive(twin.token))
    #expect(try await !isActive(token.token))
    #expect(checker.isRevoked(other) == true)
    try await set(false)
    #expect(try await isActive(twin.token))

    _ = try await test.authority.revoke(token.record.id, reason: "", as: admin)
    #expect(try await !isActive(twin.token))
    #expect(checker.isRevoked(other) == true)
    test.clock.setFailed()
    #expect(checker.isRevoked(other) == nil)
  }

  @Test("what the authority did not make is not active, and another tenant's is not told")
  func foreign() async throws {
    let test = try await TestAuthority()
    let stranger = try TestIssuer(TestAuthority.issuer)
    let forged = try BearerToken(stranger.token(subject: "main/orders"))
    #expect(try await test.authority.introspect(forged, as: test.admin) == nil)
    try await test.authority.revoke(presented: forged, peer: nil)
    let token = try await test.token("orders", tenant: "other")
    let access = try await test.authority.exchange(token.token, for: .init())
    let caller = try await test.caller([.introspectTokens])
    for bearer in [token.token, access.token] {
      #expect(try await test.authority.introspect(bearer, as: caller) == nil)
      #expect(try await test.authority.introspect(bearer, as: test.admin) != nil)
    }
    let without = try await test.caller([.readTokens])
    #expect(
      await failure { try await test.authority.introspect(token.token, as: without) }?.isForbidden
        == true
    )
  }
}
