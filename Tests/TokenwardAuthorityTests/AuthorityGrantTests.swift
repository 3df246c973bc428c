// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore

/// Catalogue O08 and O09: nobody passes on what he does not hold.
@Suite("Passing on")
struct AuthorityGrantTests {
  private static let limited: RoleRecord = .init(
    role: "reader",
    scopes: ["orders.read"],
    methods: ["orders.v1.Orders/*"],
    changedAt: UnixTime(seconds: 0)
  )

  private func request(_ edit: (inout NewToken) -> Void = { _ in }) -> NewToken {
    var request = NewToken(name: "child", owner: "operator", audiences: ["orders"])
    request.scopes = ["orders.read"]
    edit(&request)
    return request
  }

  @Test("a caller passes on its own scopes, and no other")
  func scopes() async throws {
    let test = try await TestAuthority()
    let caller = try await test.caller([.createTokens], scopes: ["orders.read"])
    let made = try await test.authority.create(self.request(), as: caller)
    #expect(made.record.owner == "operator")
    for scope: Scope in ["orders.write", Permission.readTokens.scope, "orders.Read"] {
      let request = self.request { $0.scopes = [scope] }
      let error = await failure { try await test.authority.create(request, as: caller) }
      #expect(error?.isForbidden == true)
    }
    #expect(test.trail.events.count { $0.outcome == .refused } == 3)
  }

  @Test("a caller without the permission makes nothing")
  func permission() async throws {
    let test = try await TestAuthority()
    let caller = try await test.caller([.readTokens], scopes: ["orders.read"])
    let error = await failure { try await test.authority.create(self.request(), as: caller) }
    #expect(error?.isForbidden == true)
    #expect(test.trail.events.last?.outcome == .refused)
    #expect(test.trail.events.last?.actor == caller.token)
  }

  @Test("only an administrator makes another")
  func administrators() async throws {
    let test = try await TestAuthority()
    let everything = try await test.caller(Permission.allCases, scopes: ["orders.read"])
    let request = self.request { $0.roles = [.administrator] }
    let error = await failure { try await test.authority.create(request, as: everything) }
    #expect(error?.isForbidden == true)
    _ = try await test.authority.create(request, as: test.admin)
  }

  @Test("a caller that only says it is an administrator is none")
  func pretending() async throws {
    let test = try await TestAuthority()
    let real = try await test.caller([.createTokens], scopes: ["orders.read"])
    let pretender = Caller(
      token: real.token,
      subject: real.subject,
      tenant: real.tenant,
      scopes: Set(Permission.allCases.map(\.scope)).union(["orders.read", "orders.write"]),
      roles: [.administrator],
      expiresAt: real.expiresAt
    )
    let request = self.request { $0.scopes = ["orders.write"] }
    let error = await failure { try await test.authority.create(request, as: pretender) }
    #expect(error?.isForbidden == true)
    _ = try await test.authority.create(self.request(), as: pretender)
  }

  @Test("an access token with fewer scopes passes on fewer, and is no administrator")
  func narrowed() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    func narrowed(_ scopes: Set<Scope>) -> Caller {
      Caller(
        token: "jti",
        grant: admin.token,
        subject: admin.subject,
        tenant: admin.tenant,
        scopes: scopes,
        roles: [.administrator],
        expiresAt: admin.expiresAt
      )
    }
    let request = self.request {
      $0.owner = "admin"
      $0.scopes = [Permission.readTokens.scope]
      $0.audiences = ["tokenward"]
    }
    let few = narrowed([Permission.createTokens.scope])
    let error = await failure { try await test.authority.create(request, as: few) }
    #expect(error?.isForbidden == true)
    let enough = narrowed([Permission.createTokens.scope, Permission.readTokens.scope])
    let made = try await test.authority.create(request, as: enough)
    #expect(made.record.createdBy == admin.token)
  }

  @Test("a token is made for audiences of its maker only")
  func audiences() async throws {
    let test = try await TestAuthority()
    let caller = try await test.caller([.createTokens], scopes: ["orders.read"])
    let request = self.request { $0.audiences = ["orders", "billing"] }
    let error = await failure { try await test.authority.create(request, as: caller) }
    #expect(error?.isForbidden == true)
    let other = try await test.caller([.createTokens], scopes: ["orders.read"]) {
      $0.audiences = ["billing", "orders"]
    }
    _ = try await test.authority.create(request, as: other)
  }

  @Test("a lifetime beyond the caller's needs a permission, and is never cut if asked for")
  func lifetime() async throws {
    let test = try await TestAuthority()
    let short = try await test.caller([.createTokens], scopes: ["orders.read"]) {
      $0.lifetimeSeconds = 1_000
    }
    let beyond = self.request { $0.lifetimeSeconds = 1_001 }
    let error = await failure { try await test.authority.create(beyond, as: short) }
    #expect(error?.isForbidden == true)
    let within = self.request { $0.lifetimeSeconds = 1_000 }
    let made = try await test.authority.create(within, as: short)
    #expect(made.record.expiresAt == short.expiresAt)
    // What is not asked for adapts.
    let usual = try await test.authority.create(self.request(), as: short)
    #expect(usual.record.expiresAt == short.expiresAt)
    let outliving = try await test.caller([.createTokens, .outlive], scopes: ["orders.read"]) {
      $0.lifetimeSeconds = 1_000
    }
    let long = try await test.authority.create(self.request(), as: outliving)
    #expect(long.record.expiresAt == long.record.createdAt.adding(seconds: 90 * 86_400))
  }

  @Test("another tenant's is closed, and looks like what does not exist")
  func tenants() async throws {
    let test = try await TestAuthority()
    let foreign = try await test.token("orders", tenant: "other")
    let permissions = Permission.allCases.filter { $0 != .allTenants }
    let caller = try await test.caller(permissions, scopes: ["orders.read"])
    let authority = test.authority
    let unknown: TokenID = "0000000000000000"
    var answers: [AuthorityError?] = []
    for id in [foreign.record.id, unknown] {
      answers.append(await failure { try await authority.token(id, as: caller) })
      answers.append(
        await failure { try await authority.rotate(id, .init(graceSeconds: 0), as: caller) }
      )
      answers.append(await failure { try await authority.revoke(id, reason: "", as: caller) })
    }
    #expect(Set(answers) == [.forbidden("not in the caller's tenant")])
    #expect(test.denial(foreign.token) == nil)
    let request = self.request { $0.tenant = "other" }
    #expect(await failure { try await authority.create(request, as: caller) }?.isForbidden == true)
    #expect(
      await failure {
        try await authority.setOwner(
          "orders",
          in: "other",
          isDisabled: true,
          reason: "",
          as: caller
        )
      }?.isForbidden == true
    )
    #expect(
      await failure {
        try await authority.revokeAll(of: "orders", in: "other", reason: "", as: caller)
      }?
      .isForbidden == true
    )
    var query = TokenQuery()
    query.tenant = "other"
    #expect(await failure { try await authority.tokens(query, as: caller) }?.isForbidden == true)
    let own = try await authority.tokens(TokenQuery(), as: caller)
    #expect(!own.isEmpty && own.allSatisfy { $0.record.tenant == .main })
    // Who may, can.
    #expect(try await authority.token(foreign.record.id, as: test.admin).state == .active)
    #expect(
      await failure { try await authority.token(unknown, as: test.admin) }
        == .notFound("no such token")
    )
    #expect(
      try await authority.tokens(query, as: test.admin).map(\.record.id) == [foreign.record.id]
    )
  }

  @Test("roles and keys are every tenant's")
  func shared() async throws {
    let test = try await TestAuthority()
    let permissions = Permission.allCases.filter { $0 != .allTenants }
    let caller = try await test.caller(permissions, scopes: ["orders.read"])
    #expect(
      await failure { try await test.authority.putRole(Self.limited, as: caller) }?.isForbidden
        == true
    )
    #expect(
      await failure { try await test.authority.removeRole("reader", as: caller) }?.isForbidden
        == true
    )
    #expect(
      await failure { try await test.authority.rotateKeys(nil, isForced: true, as: caller) }?
        .isForbidden
        == true
    )
    _ = try await test.authority.putRole(Self.limited, as: test.admin)
    let may = try await test.caller(Permission.allCases, scopes: ["orders.read"]) {
      $0.roles = ["reader"]
    }
    _ = try await test.authority.putRole(Self.limited, as: may)
    _ = try await test.authority.rotateKeys(nil, isForced: true, as: may)
    try await test.authority.removeRole("reader", as: may)
  }

  @Test("children of a token that is bound to a place are bound as well")
  func places() async throws {
    let test = try await TestAuthority()
    let office = try #require(NetworkPrefix(address: [10, 1, 0, 0], length: 16))
    let floor = try #require(NetworkPrefix(address: [10, 1, 2, 0], length: 24))
    let world = try #require(NetworkPrefix(address: [10, 0, 0, 0], length: 8))
    let certificate = CertificateThumbprint(der: [1])
    let caller = try await test.caller([.createTokens], scopes: ["orders.read"]) {
      $0.networks = [office]
      $0.certificate = certificate
    }
    func error(
      _ networks: [NetworkPrefix],
      _ bound: CertificateThumbprint?
    ) async -> AuthorityError? {
      let request = self.request {
        $0.networks = networks
        $0.certificate = bound
      }
      return await failure { try await test.authority.create(request, as: caller) }
    }
    #expect(await error([], certificate)?.isForbidden == true)
    #expect(await error([world], certificate)?.isForbidden == true)
    #expect(await error([floor, world], certificate)?.isForbidden == true)
    #expect(await error([floor], nil)?.isForbidden == true)
    #expect(await error([floor], CertificateThumbprint(der: [2]))?.isForbidden == true)
    #expect(await error([floor], certificate) == nil)
    #expect(await error([office], certificate) == nil)
  }

  @Test("children of a token that is limited to methods are limited to some of them")
  func methods() async throws {
    let test = try await TestAuthority()
    func role(_ name: Role, _ methods: [String]) async throws {
      _ = try await test.authority.putRole(
        .init(
          role: name,
          scopes: ["orders.read"],
          methods: methods,
          changedAt: UnixTime(seconds: 0)
        ),
        as: test.admin
      )
    }
    try await role("reader", ["orders.v1.Orders/*"])
    try await role("one", ["orders.v1.Orders/Get"])
    try await role("other", ["billing.v1.Bills/Get"])
    try await role("free", [])
    let caller = try await test.caller([.createTokens], scopes: ["orders.read"]) {
      $0.roles = ["reader", "one", "free"]
    }
    #expect(caller.methods == ["orders.v1.Orders/*", "orders.v1.Orders/Get"])
    func error(_ roles: [Role]) async -> AuthorityError? {
      let request = self.request { $0.roles = roles }
      return await failure { try await test.authority.create(request, as: caller) }
    }
    #expect(await error([])?.isForbidden == true)
    #expect(await error(["free"])?.isForbidden == true)
    #expect(await error(["free", "one"]) == nil)
    #expect(await error(["other"])?.isForbidden == true)
    #expect(await error(["one", "other"])?.isForbidden == true)
    #expect(await error(["one"]) == nil)
    #expect(await error(["reader", "one"]) == nil)
  }

  @Test("a caller whose own token has just been taken back passes nothing on")
  func revokedMaker() async throws {
    let test = try await TestAuthority()
    let caller = try await test.caller([.createTokens], scopes: ["orders.read"])
    let admin = try test.admin
    // The revocation comes between the decision and its commit.
    test.store.beforeNextCommit {
      _ = try? await test.authority.revoke(caller.token, reason: "stolen", as: admin)
    }
    let error = await failure { try await test.authority.create(self.request(), as: caller) }
    #expect(error?.isForbidden == true)
    #expect(try await test.records().allSatisfy { $0.name != "child" })
    #expect(
      test.trail.events.last?.outcome == .refused || test.trail.events.last?.outcome == .failed
    )
  }

  @Test("what a refused request carries does not fill the audit trail")
  func flooding() async throws {
    let test = try await TestAuthority()
    let caller = try await test.caller([.readTokens])
    let long = String(repeating: "x", count: 1 << 20)
    var request = self.request()
    request.owner = Owner(long)
    request.tenant = Tenant(long)
    let authority = test.authority
    func isForbidden(_ body: () async throws -> Void) async -> Bool {
      await failure(body)?.isForbidden == true
    }
    #expect(await isForbidden { _ = try await authority.create(request, as: caller) })
    #expect(
      await isForbidden {
        _ = try await authority.revoke(TokenID(long), reason: long, as: caller)
      }
    )
    #expect(await isForbidden { try await authority.removeRole(Role(long), as: caller) })
    let refused = test.trail.events.suffix(3)
    #expect(refused.allSatisfy { $0.outcome == .refused && $0.actor == caller.token })
    #expect(String(reflecting: refused).utf8.count < 10_000)
  }
}
