// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore

@Suite("What a caller still is")
struct AuthorityStandingTests {
  private func role(_ scopes: [Scope]) -> RoleRecord {
    RoleRecord(role: "keeper", scopes: scopes, methods: [], changedAt: UnixTime(seconds: 0))
  }

  private func access(_ caller: Caller) -> Caller {
    Caller(
      token: "jti",
      grant: caller.token,
      subject: caller.subject,
      tenant: caller.tenant,
      scopes: caller.scopes,
      roles: caller.roles,
      expiresAt: caller.expiresAt
    )
  }

  @Test("an access token ends with the role that it had its permissions from")
  func role() async throws {
    let test = try await TestAuthority()
    let authority = test.authority
    let permissions: [Permission] = [.readTokens, .revokeTokens, .manageOwners, .allTenants]
    _ = try await authority.putRole(self.role(permissions.map(\.scope)), as: test.admin)
    let caller = try await test.caller([]) { $0.roles = ["keeper"] }
    let victim = try await test.token(tenant: "other")
    for one in [caller, self.access(caller)] {
      #expect(try await authority.token(victim.record.id, as: one).state == .active)
    }
    // All but one permission are gone; the tokens that were proven before say nothing of it.
    _ = try await authority.putRole(self.role([Permission.revokeTokens.scope]), as: test.admin)
    for one in [caller, self.access(caller)] {
      let id = victim.record.id
      #expect(await failure { try await authority.token(id, as: one) }?.isForbidden == true)
      #expect(
        await failure { try await authority.revoke(id, reason: "", as: one) }?.isForbidden == true
      )
      #expect(
        await failure {
          try await authority.setOwner("a", in: nil, isDisabled: true, reason: "", as: one)
        }?.isForbidden == true
      )
    }
    #expect(test.denial(victim.token) == nil)
    let own = try await test.token()
    _ = try await authority.revoke(own.record.id, reason: "", as: self.access(caller))
    #expect(test.denial(own.token) == .tokenRevoked)
  }

  @Test("an access token from before a limit of methods may do nothing behind it")
  func methods() async throws {
    let test = try await TestAuthority()
    let scopes = [Permission.readTokens.scope]
    _ = try await test.authority.putRole(self.role(scopes), as: test.admin)
    let issued = try await test.token("operator", scopes: []) { $0.roles = ["keeper"] }
    let before = self.access(try test.caller(issued.token))
    _ = try await test.authority.tokens(TokenQuery(), as: before)
    var limited = self.role(scopes)
    limited.methods = ["tokenward.authority.v1.Tokens/List"]
    _ = try await test.authority.putRole(limited, as: test.admin)
    #expect(
      await failure { try await test.authority.tokens(TokenQuery(), as: before) }?.isForbidden
        == true
    )
    // One that carries the limit is held to it by the guard.
    let after = try test.caller(issued.token)
    #expect(after.methods == limited.methods)
    _ = try await test.authority.tokens(TokenQuery(), as: after)
  }

  @Test("an access token whose API token was taken back may do nothing")
  func revoked() async throws {
    let test = try await TestAuthority()
    let caller = self.access(try await test.caller([.readTokens]))
    _ = try await test.authority.tokens(TokenQuery(), as: caller)
    _ = try await test.authority.revoke(caller.root, reason: "", as: test.admin)
    #expect(
      await failure { try await test.authority.tokens(TokenQuery(), as: caller) }?.isForbidden
        == true
    )
  }

  @Test("only administrators lock administrators out")
  func administrators() async throws {
    let test = try await TestAuthority()
    let authority = test.authority
    let admin = try test.admin
    let caller = try await test.caller(Permission.allCases)
    let other = try await test.token("deputy", tenant: "other") { $0.roles = [.administrator] }
    func refused(_ body: () async throws -> Void) async -> Bool {
      await failure(body)?.isForbidden == true
    }
    func attempts(_ id: TokenID, _ owner: Owner, _ tenant: Tenant) async -> [Bool] {
      let past = UnixTime(seconds: 1)
      return [
        await refused { _ = try await authority.revoke(id, reason: "", as: caller) },
        await refused {
          _ = try await authority.revokeAll(of: owner, in: tenant, reason: "", as: caller)
        },
        await refused {
          try await authority.revokeAll(
            issuedBefore: past,
            of: owner,
            in: tenant,
            reason: "",
            as: caller
          )
        },
        await refused {
          try await authority.revokeAll(
            issuedBefore: past,
            of: nil,
            in: tenant,
            reason: "",
            as: caller
          )
        },
        await refused {
          _ = try await authority.setOwner(
            owner,
            in: tenant,
            isDisabled: true,
            reason: "",
            as: caller
          )
        },
      ]
    }
    #expect(await attempts(admin.token, "admin", .main) == [true, true, true, true, true])
    #expect(await attempts(other.record.id, "deputy", "other") == [true, true, true, true, true])
    #expect(test.denial(test.administrator) == nil && test.denial(other.token) == nil)
    // Disabled by an administrator, it is not for others to enable.
    for isDisabled in [true, false] {
      let isRefused = await refused {
        _ = try await authority.setOwner(
          "deputy",
          in: "other",
          isDisabled: isDisabled,
          reason: "",
          as: caller
        )
      }
      #expect(isRefused)
      _ = try await authority.setOwner(
        "deputy",
        in: "other",
        isDisabled: isDisabled,
        reason: "",
        as: admin
      )
    }
    let plain = try await test.token("plain", tenant: "third")
    #expect(
      await attempts(plain.record.id, "plain", "third") == [false, false, false, false, false]
    )
    // Administrators can, and where none is left nothing is kept from anybody.
    _ = try await authority.revoke(other.record.id, reason: "", as: admin)
    #expect(test.denial(other.token) == .tokenRevoked)
    #expect(
      await attempts(other.record.id, "deputy", "other") == [true, false, false, false, false]
    )
  }

  @Test("a secret in its grace makes nothing that lasts")
  func grace() async throws {
    let test = try await TestAuthority()
    let authority = test.authority
    let permissions: [Permission] = [.createTokens, .rotateTokens, .readTokens]
    let old = try await test.token("operator", scopes: permissions.map(\.scope) + ["orders.read"])
    let before = try test.caller(old.token)
    let id = old.record.id
    let key = IdempotencyKey("0123456789abcdefABCDEF")
    var child = NewToken(name: "child", owner: "operator", audiences: ["orders"])
    child.scopes = ["orders.read"]
    _ = try await authority.create(child, as: before)
    let first = try await authority.rotate(
      id,
      .init(graceSeconds: 600),
      idempotencyKey: key,
      as: before
    )
    let late = try test.caller(old.token)
    #expect(late.usesPreviousSecret && !before.usesPreviousSecret)
    #expect(await failure { try await authority.create(child, as: late) }?.isForbidden == true)
    #expect(
      await failure { try await authority.rotate(id, .init(graceSeconds: 600), as: late) }?
        .isForbidden == true
    )
    _ = try await authority.token(id, as: late)
    // Whose answer was lost has only the old secret to ask again with.
    let again = try await authority.rotate(
      id,
      .init(graceSeconds: 600),
      idempotencyKey: key,
      as: late
    )
    #expect(again.token.bytes == first.token.bytes)
    // An exchange is no way around it.
    let exchanged = try await authority.exchange(old.token, for: .init())
    #expect(Set(exchanged.scopes) == [Permission.readTokens.scope, "orders.read"])
    var asking = AccessRequestParameters()
    asking.scopes = [Permission.rotateTokens.scope]
    #expect(
      await failure { try await authority.exchange(old.token, for: asking) }?.isForbidden == true
    )
    _ = try await authority.exchange(first.token, for: asking)
    let new = try test.caller(first.token)
    _ = try await authority.create(child, as: new)
    _ = try await authority.rotate(id, .init(graceSeconds: 600), as: new)
  }

  @Test("the audit trail says what was granted, and no name hides it")
  func granted() async throws {
    let test = try await TestAuthority()
    _ = try await test.authority.putRole(self.role(["orders.list"]), as: test.admin)
    let office = try #require(NetworkPrefix(address: [10, 1, 0, 0], length: 16))
    let issued = try await test.token(scopes: ["orders.read", "heyJude"]) {
      $0.roles = ["keeper"]
      $0.audiences = ["orders", "billing"]
      $0.networks = [office]
    }
    let details = try #require(test.trail.events.last?.details)
    #expect(details["roles"] == "keeper")
    #expect(details["scopes"] == "orders.read heyJude")
    #expect(details["audiences"] == "orders billing")
    #expect(details["networks"] == "10.1.0.0/16")
    #expect(details["certificate"] == nil)
    _ = try await test.authority.rotate(issued.record.id, .init(graceSeconds: 0), as: test.admin)
    #expect(test.trail.events.last?.details["scopes"] == "orders.read heyJude")

    let bench = try AuditBench()
    let trail = try bench.open()
    var event = try #require(test.trail.events.last)
    event.details["scopes"] = "orders.read heyJude twk_0123456789abcdef_x orders.write"
    event.target = "eyJx"
    try await trail.record(event)
    let line = String(decoding: try #require(try bench.lines().last), as: UTF8.self)
    #expect(line.contains("\"scopes\":\"orders.read heyJude (withheld) orders.write\""))
    #expect(line.contains("\"target\":\"eyJx\""))

    let hidden = "twk_x"
    for field in ["scopes", "name", "owner"] {
      let error = await failure {
        try await test.token {
          switch field {
          case "scopes": $0.scopes = [Scope(hidden)]
          case "name": $0.name = hidden
          default: $0.owner = Owner(hidden)
          }
        }
      }
      #expect(error?.field == field)
    }
    let role = RoleRecord(
      role: "twk_admin",
      scopes: ["a"],
      methods: [],
      changedAt: UnixTime(seconds: 0)
    )
    #expect(
      await failure { try await test.authority.putRole(role, as: test.admin) }?.field == "role"
    )
  }
}
