// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("Roles")
struct AuthorityRoleTests {
  private func role(
    _ name: Role,
    _ scopes: [Scope],
    methods: [String] = []
  ) -> RoleRecord {
    RoleRecord(role: name, scopes: scopes, methods: methods, changedAt: UnixTime(seconds: 0))
  }

  @Test("a role is defined, changed and removed at once for every token that has it")
  func life() async throws {
    let test = try await TestAuthority()
    let authority = test.authority
    _ = try await authority.putRole(self.role("reader", ["orders.read"]), as: test.admin)
    let token = try await test.token(scopes: []) { $0.roles = ["reader"] }
    func scopes(_ authority: TokenAuthority) throws -> [Scope] {
      try authority.snapshot.match(token.token.bytes, at: test.clock.moment.unix).scopes
    }
    #expect(try scopes(authority) == ["orders.read"])
    _ = try await authority.putRole(self.role("reader", ["orders.list"]), as: test.admin)
    #expect(try scopes(authority) == ["orders.list"])
    #expect(try scopes(try await test.restarted()) == ["orders.list"])
    #expect(try await authority.roles(as: test.admin).map(\.role) == ["reader", .administrator])
    try await authority.removeRole("reader", as: test.admin)
    #expect(try scopes(authority).isEmpty)
    try await authority.removeRole("reader", as: test.admin)
    #expect(try await authority.roles(as: test.admin).map(\.role) == [.administrator])
  }

  @Test("the administrator's role is nobody's to change, in any spelling that is the same")
  func administrator() async throws {
    let test = try await TestAuthority()
    let change = self.role(.administrator, ["orders.read"])
    #expect(
      await failure { try await test.authority.putRole(change, as: test.admin) }?.isForbidden
        == true
    )
    #expect(
      await failure { try await test.authority.removeRole(.administrator, as: test.admin) }?
        .isForbidden
        == true
    )
    // A record that somebody has put into the store does not define it either.
    var transaction = StoreTransaction()
    transaction.written.append(.role(change))
    _ = try await test.store.memory.commit(transaction)
    let restarted = try await test.restarted()
    let match = try restarted.snapshot.match(test.administrator.bytes, at: test.clock.moment.unix)
    #expect(Set(match.scopes) == Set(Permission.allCases.map(\.scope)))
  }

  @Test("who is no administrator defines no role, and changes none that it does not have")
  func holding() async throws {
    let test = try await TestAuthority()
    let authority = test.authority
    let narrow = self.role("clerk", ["orders.read"])
    let wide = self.role("clerk", ["orders.read", "orders.write"])
    let stranger = try await test.caller(
      [.manageRoles, .allTenants],
      scopes: ["orders.read", "orders.write"]
    )
    // A service may trust the name, whatever is behind it.
    #expect(
      await failure { try await authority.putRole(narrow, as: stranger) }?.isForbidden == true
    )
    _ = try await authority.putRole(wide, as: test.admin)
    #expect(
      await failure { try await authority.putRole(narrow, as: stranger) }?.isForbidden == true
    )
    #expect(
      await failure { try await authority.removeRole("clerk", as: stranger) }?.isForbidden == true
    )
    let caller = try await test.caller([.manageRoles, .allTenants]) { $0.roles = ["clerk"] }
    _ = try await authority.putRole(narrow, as: caller)
    #expect(await failure { try await authority.putRole(wide, as: caller) }?.isForbidden == true)
    try await authority.removeRole("clerk", as: caller)
    // It still has the name, which is no role any more.
    #expect(await failure { try await authority.putRole(narrow, as: caller) }?.isForbidden == true)
    _ = try await authority.putRole(wide, as: test.admin)
  }

  @Test("only an administrator widens what the tokens of others may call")
  func methods() async throws {
    let test = try await TestAuthority()
    let every = "orders.v1.Orders/*"
    let one = "orders.v1.Orders/Get"
    func put(_ methods: [String], as caller: Caller) async -> AuthorityError? {
      let role = self.role("reader", ["orders.read"], methods: methods)
      return await failure { try await test.authority.putRole(role, as: caller) }
    }
    #expect(await put([every], as: try test.admin) == nil)
    // Not limited itself: another role of it names more.
    let both = self.role("both", ["orders.read"], methods: [every, "billing.v1.Bills/*"])
    _ = try await test.authority.putRole(both, as: test.admin)
    let caller = try await test.caller([.manageRoles, .allTenants]) {
      $0.roles = ["reader", "both"]
    }
    #expect(await put([], as: caller)?.isForbidden == true)
    #expect(await put([every, "billing.v1.Bills/Get"], as: caller)?.isForbidden == true)
    #expect(await put([one], as: caller) == nil)
    #expect(await put([every], as: caller)?.isForbidden == true)
    #expect(await put([], as: try test.admin) == nil)
    // A role without methods that gets some is a way out of the limit of another role.
    #expect(await put([one], as: caller)?.isForbidden == true)
    #expect(await put([every], as: try test.admin) == nil)
  }

  @Test("a role that is changed while it is passed on is decided on again")
  func race() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    _ = try await test.authority.putRole(self.role("reader", ["orders.read"]), as: admin)
    let caller = try await test.caller([.createTokens]) { $0.roles = ["reader"] }
    let wide = self.role("reader", ["orders.read", "orders.write"])
    test.store.beforeNextCommit { _ = try? await test.authority.putRole(wide, as: admin) }
    var request = NewToken(name: "child", owner: "operator", audiences: ["orders"])
    request.roles = ["reader"]
    let error = await failure { try await test.authority.create(request, as: caller) }
    #expect(error?.isForbidden == true)
  }

  @Test("a change of a role that may have happened leaves the role for nothing")
  func lost() async throws {
    let test = try await TestAuthority()
    _ = try await test.authority.putRole(self.role("reader", ["orders.read"]), as: test.admin)
    let token = try await test.token(scopes: []) { $0.roles = ["reader"] }
    test.store.fail([.lost], readings: 1)
    let wide = self.role("reader", ["orders.write"])
    #expect(
      await failure { try await test.authority.putRole(wide, as: test.admin) }
        == .unavailable(.store)
    )
    func scopes() throws -> [Scope] {
      try test.authority.snapshot.match(token.token.bytes, at: test.clock.moment.unix).scopes
    }
    #expect(try scopes().isEmpty)
    var due = TokenAuthority.Due()
    await test.authority.work(&due)
    #expect(try scopes() == ["orders.read"])
  }

  @Test(
    "unusable roles are refused",
    arguments: [
      ("a/b", ["a"], []), ("", ["a"], []), ("r", ["a b"], []), ("r", ["a", "a"], []), ("r", [], []),
      ("r", ["a"], ["Orders"]), ("r", ["a"], ["/orders.v1.Orders/Get"]), ("r", ["a"], ["*"]),
      ("r", ["a"], ["a.B/C", "a.B/C"]),
    ] as [(String, [String], [String])]
  )
  func unusable(_ name: String, _ scopes: [String], _ methods: [String]) async throws {
    let test = try await TestAuthority()
    let role = self.role(Role(name), scopes.map { Scope($0) }, methods: methods)
    #expect(await failure { try await test.authority.putRole(role, as: test.admin) }?.field != nil)
    let good = self.role("r", ["a"], methods: ["orders.v1.Orders/*"])
    _ = try await test.authority.putRole(good, as: test.admin)
  }
}
