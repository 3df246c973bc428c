// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// Catalogue O11.
@Suite("The same request again")
struct AuthorityIdempotencyTests {
  private let key = IdempotencyKey("0123456789abcdefABCDEF")
  private let otherKey = IdempotencyKey("0123456789abcdefABCDEG")

  private func request(_ name: String = "again") -> NewToken {
    var request = NewToken(name: name, owner: "orders", audiences: ["orders"])
    request.scopes = ["orders.read"]
    return request
  }

  @Test("the same request has the same answer, and makes one token")
  func same() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    let first = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    test.clock.advance(by: 3_599)
    let again = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    #expect(again.token.bytes == first.token.bytes)
    #expect(again.record == first.record)
    #expect(try await test.records().count == 2)
    #expect(test.trail.events.last?.details["repeated"] == "true")
    // Another key, or none, is another request.
    let other = try await test.authority.create(
      self.request(),
      idempotencyKey: self.otherKey,
      as: admin
    )
    let none = try await test.authority.create(self.request(), as: admin)
    #expect(Set([first, other, none].map(\.token.bytes)).count == 3)
  }

  @Test("after an hour it is a new request")
  func expiry() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    let first = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    test.clock.advance(by: 3_600)
    let later = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    #expect(later.record.id != first.record.id)
    #expect(later.token.bytes != first.token.bytes)
  }

  @Test(
    "the same key with another request is refused",
    arguments: ["name", "scope", "lifetime", "label"]
  )
  func other(_ what: String) async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    _ = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    var request = self.request()
    switch what {
    case "name": request.name = "other"
    case "scope": request.scopes = []
    case "lifetime": request.lifetimeSeconds = 60
    default: request.labels = ["a": ""]
    }
    let error = await failure {
      try await test.authority.create(request, idempotencyKey: self.key, as: admin)
    }
    #expect(error == .alreadyExists("the idempotency key was used for another request"))
  }

  @Test("another caller with the same key has its own answer")
  func callers() async throws {
    let test = try await TestAuthority()
    let caller = try await test.caller([.createTokens, .anyOwner], scopes: ["orders.read"])
    let mine = try await test.authority.create(
      self.request(),
      idempotencyKey: self.key,
      as: test.admin
    )
    let theirs = try await test.authority.create(
      self.request(),
      idempotencyKey: self.key,
      as: caller
    )
    #expect(mine.token.bytes != theirs.token.bytes)
  }

  @Test("an access token of the same API token is the same caller")
  func accessTokens() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    func access(_ jti: TokenID) -> Caller {
      Caller(
        token: jti,
        grant: admin.token,
        subject: admin.subject,
        tenant: admin.tenant,
        scopes: admin.scopes,
        roles: admin.roles,
        expiresAt: admin.expiresAt
      )
    }
    let first = try await test.authority.create(
      self.request(),
      idempotencyKey: self.key,
      as: access("1")
    )
    let again = try await test.authority.create(
      self.request(),
      idempotencyKey: self.key,
      as: access("2")
    )
    #expect(first.token.bytes == again.token.bytes)
  }

  @Test("sixteen at once make one token")
  func concurrent() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    let tokens = await withTaskGroup(of: [UInt8]?.self) { group in
      for _ in 0 ..< 16 {
        group.addTask {
          try? await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
            .token.bytes
        }
      }
      return await group.reduce(into: [[UInt8]?]()) { $0.append($1) }
    }
    #expect(Set(tokens).count == 1)
    #expect(tokens.allSatisfy { $0 != nil })
    #expect(try await test.records().count == 2)
  }

  @Test("an answer that was lost is had from the process that starts next")
  func restart() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    let first = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    let next = try await test.restarted()
    let again = try await next.create(self.request(), idempotencyKey: self.key, as: admin)
    #expect(again.token.bytes == first.token.bytes)
    #expect(test.denial(again.token, in: next) == nil)
  }

  @Test(
    "a commit that nobody answered is found out, now or by the next request",
    arguments: [0, 1]
  )
  func unanswered(_ failedReadings: Int) async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    test.store.fail([.unanswered], readings: failedReadings)
    let first = await failure {
      try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    }
    #expect(first == (failedReadings == 0 ? nil : .unavailable(.store)))
    let again = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    #expect(test.denial(again.token) == nil)
    #expect(try await test.records().count == 2)
    #expect(test.authority.status().doubts == 0)
  }

  @Test("a rotation again is the same rotation, until there is another one")
  func rotation() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    let id = try await test.token().record.id
    let rotation = Rotation(graceSeconds: 60)
    let first = try await test.authority.rotate(id, rotation, idempotencyKey: self.key, as: admin)
    let again = try await test.authority.rotate(id, rotation, idempotencyKey: self.key, as: admin)
    #expect(first.token.bytes == again.token.bytes)
    #expect(again.record.rotations == 1)
    let other = await failure {
      try await test.authority.rotate(
        id,
        .init(graceSeconds: 61),
        idempotencyKey: self.key,
        as: admin
      )
    }
    #expect(other == .alreadyExists("the idempotency key was used for another request"))
    _ = try await test.authority.rotate(id, rotation, as: admin)
    let late = await failure {
      try await test.authority.rotate(id, rotation, idempotencyKey: self.key, as: admin)
    }
    #expect(late?.isPrecondition == true)
  }

  @Test("what was revoked meanwhile is not handed out again")
  func revoked() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    let first = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    _ = try await test.authority.revoke(first.record.id, reason: "", as: admin)
    let error = await failure {
      try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    }
    #expect(error?.isPrecondition == true)
  }

  @Test("a new pepper does not change the answer")
  func pepper() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    let first = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    test.authority.use(
      try await AuthoritySecrets.rotatePepper(
        in: test.keeper,
        inUse: [first.record.secret.pepper],
        at: test.clock.moment.unix
      )
    )
    let again = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    #expect(again.token.bytes == first.token.bytes)
    let other = try await test.authority.create(self.request("new"), as: admin)
    #expect(other.record.secret.pepper != first.record.secret.pepper)
  }

  @Test("without an audit record there is no second answer either")
  func audit() async throws {
    let test = try await TestAuthority()
    let admin = try test.admin
    _ = try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    test.trail.setBroken(true)
    let error = await failure {
      try await test.authority.create(self.request(), idempotencyKey: self.key, as: admin)
    }
    #expect(error == .unavailable(.audit))
  }
}
