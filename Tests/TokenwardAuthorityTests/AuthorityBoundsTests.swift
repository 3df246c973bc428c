// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore

@Suite("Bounds of what can be named")
struct AuthorityBoundsTests {
  @Test("names that somebody made up fill no store, and those of tokens have room")
  func owners() async throws {
    let test = try await TestAuthority { $0.mostIdleNames = 3 }
    let authority = test.authority
    func disable(_ owner: Owner) async -> AuthorityError? {
      await failure {
        try await authority.setOwner(owner, in: nil, isDisabled: true, reason: "", as: test.admin)
      }
    }
    // The administrator's owner has a record from the start.
    #expect(await disable("one") == nil)
    #expect(await disable("two") == nil)
    #expect(await disable("three")?.isPrecondition == true)
    #expect(
      await failure {
        try await authority.revokeAll(
          issuedBefore: UnixTime(seconds: 1),
          of: nil,
          in: "made-up",
          reason: "",
          as: test.admin
        )
      }?.isPrecondition == true
    )
    // What is there can be changed, and what can be taken back is.
    _ = try await authority.setOwner("one", in: nil, isDisabled: false, reason: "", as: test.admin)
    let token = try await test.token("three", tenant: nil)
    #expect(await disable("three") == nil)
    #expect(test.denial(token.token) == .tokenRevoked)
  }

  @Test("there are so many roles and no more")
  func roles() async throws {
    let test = try await TestAuthority { $0.mostRoles = 2 }
    func put(_ name: Role, _ scope: Scope) async -> AuthorityError? {
      let role = RoleRecord(
        role: name,
        scopes: [scope],
        methods: [],
        changedAt: UnixTime(seconds: 0)
      )
      return await failure { try await test.authority.putRole(role, as: test.admin) }
    }
    #expect(await put("one", "a") == nil)
    #expect(await put("two", "a") == nil)
    #expect(await put("three", "a")?.isPrecondition == true)
    #expect(await put("two", "b") == nil)
    try await test.authority.removeRole("one", as: test.admin)
    #expect(await put("three", "a") == nil)
  }

  @Test("what a stolen token made can be found")
  func children() async throws {
    let test = try await TestAuthority()
    let thief = try await test.caller([.createTokens], scopes: ["orders.read"])
    var request = NewToken(name: "child", owner: "operator", audiences: ["orders"])
    request.scopes = ["orders.read"]
    let child = try await test.authority.create(request, as: thief)
    var query = TokenQuery()
    query.createdBy = thief.token
    let found = try await test.authority.tokens(query, as: test.admin)
    #expect(found.map(\.record.id) == [child.record.id])
    query.createdBy = child.record.id
    #expect(try await test.authority.tokens(query, as: test.admin).isEmpty)
    query.createdBy = nil
    #expect(try await test.authority.tokens(query, as: test.admin).count == 3)
  }
}
