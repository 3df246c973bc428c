// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore

/// Catalogue O08: roles and owners are names that services trust.
@Suite("Passing on names")
struct AuthorityGrantNameTests {
  private func request(_ edit: (inout NewToken) -> Void = { _ in }) -> NewToken {
    var request = NewToken(name: "child", owner: "operator", audiences: ["orders"])
    request.scopes = ["orders.read"]
    edit(&request)
    return request
  }

  @Test("a role is passed on by who has it, and not by who holds all that it stands for")
  func roles() async throws {
    let test = try await TestAuthority()
    _ = try await test.authority.putRole(
      .init(
        role: "clerk",
        scopes: ["orders.read", "orders.write"],
        methods: [],
        changedAt: UnixTime(seconds: 0)
      ),
      as: test.admin
    )
    let request = self.request {
      $0.roles = ["clerk"]
      $0.scopes = []
    }
    let whole = try await test.caller([.createTokens], scopes: ["orders.read", "orders.write"])
    let error = await failure { try await test.authority.create(request, as: whole) }
    #expect(error == .forbidden("the caller does not have the role clerk"))
    let clerk = try await test.caller([.createTokens]) { $0.roles = ["clerk"] }
    let made = try await test.authority.create(request, as: clerk)
    #expect(test.denial(made.token) == nil)
    // What it stands for can be passed on without the name.
    _ = try await test.authority.create(self.request(), as: clerk)
  }

  @Test("a role that stands for no scope is a name that services trust: only who has it grants it")
  func names() async throws {
    let test = try await TestAuthority()
    for name: Role in ["orders-admin", "orders-reader"] {
      _ = try await test.authority.putRole(
        .init(
          role: name,
          scopes: [],
          methods: ["orders.v1.Orders/*"],
          changedAt: UnixTime(seconds: 0)
        ),
        as: test.admin
      )
    }
    let caller = try await test.caller([.createTokens, .rotateTokens]) {
      $0.roles = ["orders-reader"]
    }
    func error(_ role: Role) async -> AuthorityError? {
      let request = self.request {
        $0.roles = [role]
        $0.scopes = []
      }
      return await failure { try await test.authority.create(request, as: caller) }
    }
    #expect(await error("orders-admin")?.isForbidden == true)
    #expect(await error("orders-reader") == nil)
    // Nor by rotating what somebody else was granted, of the same owner.
    let other = try await test.token("operator", scopes: []) { $0.roles = ["orders-admin"] }
    let own = try await test.token("operator", scopes: []) { $0.roles = ["orders-reader"] }
    let rotation = Rotation(graceSeconds: 0)
    #expect(
      await failure { try await test.authority.rotate(other.record.id, rotation, as: caller) }?
        .isForbidden == true
    )
    _ = try await test.authority.rotate(own.record.id, rotation, as: caller)
  }

  @Test("nobody makes a token that speaks for another owner, unless he may")
  func owners() async throws {
    let test = try await TestAuthority()
    let caller = try await test.caller([.createTokens], scopes: ["orders.read"])
    let may = try await test.caller([.createTokens, .anyOwner], scopes: ["orders.read"])
    let request = self.request { $0.owner = "payroll" }
    let error = await failure { try await test.authority.create(request, as: caller) }
    #expect(error == .forbidden("a token of another owner needs tokenward.tokens.any_owner"))
    let made = try await test.authority.create(request, as: may)
    #expect(made.record.owner == "payroll")
    _ = try await test.authority.create(self.request(), as: caller)
    // An owner of another tenant is somebody else, whatever its name.
    let abroad = self.request { $0.tenant = "other" }
    let elsewhere = try await test.caller([.createTokens, .allTenants], scopes: ["orders.read"])
    #expect(
      await failure { try await test.authority.create(abroad, as: elsewhere) }?.isForbidden == true
    )
    let everywhere = try await test.caller(
      [.createTokens, .allTenants, .anyOwner],
      scopes: ["orders.read"]
    )
    _ = try await test.authority.create(abroad, as: everywhere)
    // Administrators are not impersonated by anybody else.
    let admin = self.request { $0.owner = "admin" }
    #expect(
      await failure { try await test.authority.create(admin, as: everywhere) }?.isForbidden == true
    )
    _ = try await test.authority.create(admin, as: test.admin)
  }
}
