// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

/// The table of API tokens (catalogue O01, O03, O06, O07, O10).
@Suite("table of API tokens")
struct APITokenSnapshotTests {
  private typealias Fixture = APITokenFixture

  @Test("a token that was put is accepted with what it is granted, and nothing else is")
  func accepted() throws {
    let fixture = Fixture()
    #expect(fixture.refusal() == .tokenUnknown)
    var entry = Fixture.entry()
    entry.notBefore = Fixture.now
    entry.networks = [try #require(NetworkPrefix("10.0.0.0/8"))]
    entry.certificate = CertificateThumbprint(der: [1])
    #expect(fixture.snapshot.put(entry))
    let match = try fixture.snapshot.match(Fixture.token(), at: Fixture.now)
    #expect(match.id == entry.id && match.tenant == "acme" && match.owner == "shop")
    #expect(match.subject == "acme/shop" && match.scopes == ["orders.read"] && match.roles == [])
    #expect(match.audiences == ["orders"] && match.networks == entry.networks)
    #expect(match.certificate == entry.certificate && match.methods == nil)
    #expect(match.createdAt == entry.createdAt && match.expiresAt == entry.expiresAt)
    #expect(match.notBefore == entry.notBefore && match.rekey == nil && !match.usesPreviousSecret)

    #expect(fixture.refusal(Fixture.token(1, "t")) == .tokenUnknown)
    #expect(fixture.refusal(Fixture.token(2)) == .tokenUnknown)
    #expect(fixture.refusal(Array(entry.id.text.utf8)) == .tokenMalformed)
    #expect(fixture.refusal(Array("twk_\(entry.id.text)".utf8)) == .tokenMalformed)
    var mistyped = Fixture.token()
    mistyped[30] ^= 3
    #expect(fixture.refusal(mistyped) == .checksumInvalid)
  }

  @Test("a digest proves nothing for another id")
  func swapped() {
    let fixture = Fixture()
    var entry = Fixture.entry(2)
    entry.secret = Fixture.digest(1)
    fixture.snapshot.put(entry)
    #expect(fixture.refusal(Fixture.token(2)) == .tokenUnknown)
    #expect(fixture.refusal(Fixture.token(1)) == .tokenUnknown)
  }

  @Test("each date is judged to the millisecond", arguments: [-1, 0, 1])
  func dates(milliseconds: Int32) {
    let base = Fixture.now.adding(seconds: 10)
    let before = Fixture.now.adding(seconds: 9)
    let moment =
      milliseconds < 0
      ? UnixTime(seconds: before.seconds, nanoseconds: 999_000_000)
      : UnixTime(seconds: base.seconds, nanoseconds: milliseconds * 1_000_000)
    let fixture = Fixture()
    var entry = Fixture.entry()
    entry.expiresAt = base
    fixture.snapshot.put(entry)
    #expect(fixture.refusal(at: moment) == (milliseconds < 0 ? nil : .tokenExpired))
    #expect(
      fixture.snapshot.state(of: entry.id, at: moment) == (milliseconds < 0 ? .active : .expired)
    )
    entry.expiresAt = base.adding(seconds: 100)
    entry.notBefore = base
    fixture.snapshot.put(entry)
    #expect(fixture.refusal(at: moment) == (milliseconds < 0 ? .tokenNotYetValid : nil))
    #expect(
      fixture.snapshot.state(of: entry.id, at: moment)
        == (milliseconds < 0 ? .notYetValid : .active)
    )
    // The grace of a previous secret.
    entry.notBefore = nil
    entry.secret = Fixture.digest(1, "n")
    entry.previous = .init(digest: Fixture.digest(1, "s"), until: base)
    fixture.snapshot.put(entry)
    #expect(fixture.refusal(at: moment) == (milliseconds < 0 ? nil : .tokenRevoked))
    #expect(fixture.refusal(Fixture.token(1, "n"), at: moment) == nil)
    // Cut-offs: made before is revoked, made at is not.
    entry.previous = nil
    entry.createdAt = moment
    fixture.snapshot.put(entry)
    let new = Fixture.token(1, "n")
    let later = base.adding(seconds: 1)
    fixture.snapshot.setTenant("acme", issuedBefore: base)
    #expect(fixture.refusal(new, at: later) == (milliseconds < 0 ? .tokenRevoked : nil))
    fixture.snapshot.setTenant("acme", issuedBefore: nil)
    #expect(fixture.refusal(new, at: later) == nil)
    fixture.snapshot.setOwner(
      "shop",
      in: "acme",
      isDisabled: false,
      generation: 0,
      issuedBefore: base
    )
    #expect(fixture.refusal(new, at: later) == (milliseconds < 0 ? .tokenRevoked : nil))
  }

  @Test("dates beyond what can be packed are kept on the side that refuses")
  func farDates() throws {
    let fixture = Fixture()
    var entry = Fixture.entry()
    entry.expiresAt = UnixTime(seconds: .max, nanoseconds: 999_999_999)
    entry.createdAt = UnixTime(seconds: .min)
    fixture.snapshot.put(entry)
    let match = try fixture.snapshot.match(Fixture.token(), at: Fixture.now)
    #expect(match.expiresAt > Fixture.now && match.expiresAt <= entry.expiresAt)
    entry.expiresAt = UnixTime(seconds: .min)
    fixture.snapshot.put(entry)
    #expect(fixture.refusal() == .tokenExpired)
    entry.expiresAt = UnixTime(seconds: .max)
    entry.notBefore = UnixTime(seconds: .max)
    fixture.snapshot.put(entry)
    #expect(fixture.refusal() == .tokenNotYetValid)
  }

  @Test("after a third secret only the second and the third work, until the grace is over")
  func rotation() {
    let fixture = Fixture()
    let until = Fixture.now.adding(seconds: 10)
    var entry = Fixture.entry(1, "b")
    entry.previous = .init(digest: Fixture.digest(1, "a"), until: until)
    fixture.snapshot.put(entry)
    #expect(fixture.refusal(Fixture.token(1, "a")) == nil)
    #expect(fixture.refusal(Fixture.token(1, "b")) == nil)
    #expect(fixture.refusal(Fixture.token(1, "c")) == .tokenUnknown)
    entry.secret = Fixture.digest(1, "c")
    entry.previous = .init(digest: Fixture.digest(1, "b"), until: until)
    fixture.snapshot.put(entry)
    #expect(fixture.refusal(Fixture.token(1, "a")) == .tokenUnknown)
    #expect(fixture.refusal(Fixture.token(1, "b")) == nil)
    #expect(fixture.refusal(Fixture.token(1, "c")) == nil)
    #expect(fixture.refusal(Fixture.token(1, "b"), at: until) == .tokenRevoked)
    #expect(fixture.refusal(Fixture.token(1, "c"), at: until) == nil)
  }

  @Test("what a token is, is told only to who has its secret")
  func oracle() {
    let fixture = Fixture()
    var revoked = Fixture.entry(1)
    revoked.isRevoked = true
    var expired = Fixture.entry(2)
    expired.expiresAt = Fixture.now
    var early = Fixture.entry(3)
    early.notBefore = Fixture.now.adding(seconds: 1)
    var disabled = Fixture.entry(4)
    disabled.owner = "left"
    for entry in [revoked, expired, early, disabled] { fixture.snapshot.put(entry) }
    fixture.snapshot.setOwner(
      "left",
      in: "acme",
      isDisabled: true,
      generation: 0,
      issuedBefore: nil
    )
    let expected: [DenialReason] = [.tokenRevoked, .tokenExpired, .tokenNotYetValid, .tokenRevoked]
    let states: [APITokenState] = [.revoked, .expired, .notYetValid, .ownerDisabled]
    for number in 1 ... 4 {
      #expect(fixture.refusal(Fixture.token(number)) == expected[number - 1])
      #expect(fixture.refusal(Fixture.token(number, "w")) == .tokenUnknown)
      let state = fixture.snapshot.state(of: Fixture.id(number), at: Fixture.now)
      #expect(state == states[number - 1])
    }
    #expect(fixture.snapshot.state(of: Fixture.id(5), at: Fixture.now) == .unknown)
    #expect(fixture.snapshot.state(of: "short", at: Fixture.now) == .unknown)
  }

  @Test("a change of an owner holds for its tokens only, at once, and for those to come")
  func owners() {
    let fixture = Fixture()
    let other = Fixture.entry(2)
    var elsewhere = Fixture.entry(3)
    elsewhere.tenant = "other"
    var colleague = other
    colleague.owner = "till"
    fixture.snapshot.setOwner(
      "shop",
      in: "acme",
      isDisabled: false,
      generation: 2,
      issuedBefore: nil
    )
    fixture.snapshot.put(Fixture.entry())
    fixture.snapshot.put(colleague)
    fixture.snapshot.put(elsewhere)
    #expect(fixture.refusal() == .tokenRevoked)
    #expect(fixture.refusal(Fixture.token(2)) == nil)
    #expect(fixture.refusal(Fixture.token(3)) == nil)
    var newer = Fixture.entry()
    newer.ownerGeneration = 1
    fixture.snapshot.put(newer)
    #expect(fixture.refusal() == .tokenRevoked)
    newer.ownerGeneration = 2
    fixture.snapshot.put(newer)
    #expect(fixture.refusal() == nil)
    fixture.snapshot.setOwner(
      "shop",
      in: "acme",
      isDisabled: true,
      generation: 2,
      issuedBefore: nil
    )
    #expect(fixture.refusal() == .tokenRevoked)
    // The mark outlives the owner's tokens.
    fixture.snapshot.remove(newer.id)
    #expect(fixture.refusal() == .tokenUnknown)
    fixture.snapshot.put(newer)
    #expect(fixture.refusal() == .tokenRevoked)
    fixture.snapshot.setOwner(
      "shop",
      in: "acme",
      isDisabled: false,
      generation: 0,
      issuedBefore: nil
    )
    #expect(fixture.refusal() == nil)
  }

  @Test("a role stands for its scopes at once, and for nothing once it is gone")
  func roles() throws {
    let fixture = Fixture()
    var entry = Fixture.entry()
    entry.roles = ["reader", "writer"]
    fixture.snapshot.put(entry)
    func scopes() throws -> [Scope] {
      try fixture.snapshot.match(Fixture.token(), at: Fixture.now).scopes
    }
    func methods() throws -> [String]? {
      try fixture.snapshot.match(Fixture.token(), at: Fixture.now).methods?.patterns
    }
    func roles() throws -> [Role] {
      try fixture.snapshot.match(Fixture.token(), at: Fixture.now).roles
    }
    // A role that is not defined, or no longer, may have been a limit: it names no method.
    #expect(try scopes() == ["orders.read"] && roles() == [] && methods() == [])
    fixture.snapshot.setRole("reader", scopes: ["orders.read", "items.read"], methods: [])
    #expect(try scopes() == ["orders.read", "items.read"] && roles() == ["reader"])
    #expect(try methods() == [])
    fixture.snapshot.setRole("writer", scopes: [], methods: [])
    #expect(try methods() == nil)
    fixture.snapshot.setRole("writer", scopes: ["orders.write"], methods: ["a.B/C", "nonsense"])
    #expect(try scopes() == ["orders.read", "items.read", "orders.write"])
    #expect(try roles() == ["reader", "writer"] && methods() == ["a.B/C"])
    fixture.snapshot.setRole("reader", scopes: ["items.read"], methods: ["d.E/*"])
    #expect(try methods() == ["a.B/C", "d.E/*"])
    fixture.snapshot.setRole("writer", scopes: [], methods: ["nonsense"])
    fixture.snapshot.setRole("reader", scopes: [], methods: [])
    #expect(try methods() == [])
    fixture.snapshot.removeRole("reader")
    fixture.snapshot.removeRole("writer")
    #expect(try scopes() == ["orders.read"] && roles() == [] && methods() == [])
  }

  @Test("a secret under a retired pepper is accepted and given a digest under the current one")
  func peppers() throws {
    let fixture = Fixture(peppers: [1, 2], current: 2)
    fixture.snapshot.put(Fixture.entry())
    let match = try fixture.snapshot.match(Fixture.token(), at: Fixture.now)
    let rekey = try #require(match.rekey)
    #expect(rekey.old == Fixture.digest(pepper: 1) && rekey.new == Fixture.digest(pepper: 2))
    var entry = Fixture.entry()
    entry.secret = rekey.new
    entry.previous = .init(
      digest: Fixture.digest(1, "p", pepper: 1),
      until: Fixture.now.adding(seconds: 1)
    )
    fixture.snapshot.put(entry)
    #expect(try fixture.snapshot.match(Fixture.token(), at: Fixture.now).rekey == nil)
    let previous = try fixture.snapshot.match(Fixture.token(1, "p"), at: Fixture.now)
    #expect(previous.usesPreviousSecret)
    #expect(previous.rekey?.old == Fixture.digest(1, "p", pepper: 1))
    #expect(previous.rekey?.new == Fixture.digest(1, "p", pepper: 2))
    #expect(fixture.refusal(Fixture.token(1, "w")) == .tokenUnknown)
    // Without its pepper a digest proves nothing.
    fixture.snapshot.setPeppers([Fixture.pepper(2)], current: 2)
    #expect(fixture.refusal(Fixture.token(1, "p")) == .tokenUnknown)
    #expect(fixture.refusal() == nil)
    fixture.snapshot.setPeppers([Fixture.pepper(2)], current: 3)
    #expect(fixture.refusal() == .dependencyUnavailable)
    #expect(fixture.refusal(Array("twk_".utf8)) == .tokenMalformed)
    fixture.snapshot.setPeppers([], current: 2)
    #expect(fixture.refusal() == .dependencyUnavailable)
  }

  @Test("an entry that no token could match is not put")
  func unusable() {
    let fixture = Fixture()
    for id in ["", "short", "0123456789ABCDE_", "0123456789ABCDEFG", "0123456789ABCDE\u{e9}"] {
      var entry = Fixture.entry()
      entry.id = TokenID(id)
      #expect(!fixture.snapshot.put(entry))
    }
    var entry = Fixture.entry()
    entry.secret.code.removeLast()
    #expect(!fixture.snapshot.put(entry))
    entry = Fixture.entry()
    entry.previous = .init(digest: .init(pepper: 1, code: []), until: Fixture.now)
    #expect(!fixture.snapshot.put(entry))
    #expect(fixture.snapshot.count == 0)
  }

  @Test("many tokens are put, replaced and removed in any order, and each is found")
  func churn() {
    let fixture = Fixture()
    var generator = SplitMix(state: 7)
    var expected: [Int: Character] = [:]
    for _ in 0 ..< 20_000 {
      let number = Int.random(in: 0 ..< 3_000, using: &generator)
      if Int.random(in: 0 ..< 3, using: &generator) == 0 {
        fixture.snapshot.remove(Fixture.id(number))
        expected[number] = nil
      } else {
        var entry = Fixture.entry(0)
        entry.id = Fixture.id(number)
        entry.owner = Owner("owner-\(number % 37)")
        entry.isRevoked = Bool.random(using: &generator)
        fixture.snapshot.put(entry)
        expected[number] = entry.isRevoked ? "r" : "a"
      }
    }
    #expect(fixture.snapshot.count == expected.count)
    for number in 0 ..< 3_000 {
      let state = fixture.snapshot.state(of: Fixture.id(number), at: Fixture.now)
      switch expected[number] {
      case nil: #expect(state == .unknown)
      case "r": #expect(state == .revoked)
      default: #expect(state == .active)
      }
    }
    for number in 0 ..< 3_000 { fixture.snapshot.remove(Fixture.id(number)) }
    #expect(fixture.snapshot.count == 0)
  }

  @Test("under load from many tasks no change is lost, and each is seen by the next verification")
  func load() async {
    let fixture = Fixture()
    let wrong = await withTaskGroup(of: Int.self) { group in
      for task in 0 ..< 8 {
        group.addTask {
          var wrong = 0
          for round in 0 ..< 60 {
            let number = task * 1_000 + round
            let token = Fixture.token(number)
            var entry = Fixture.entry(number)
            entry.owner = Owner("owner-\(round % 3)")
            fixture.snapshot.put(entry)
            var isRight = fixture.refusal(token) == nil
            entry.isRevoked = true
            fixture.snapshot.put(entry)
            isRight = isRight && fixture.refusal(token) == .tokenRevoked
            entry.isRevoked = false
            entry.owner = Owner("own-\(number)")
            fixture.snapshot.put(entry)
            isRight = isRight && fixture.refusal(token) == nil
            fixture.snapshot.setOwner(
              entry.owner,
              in: "acme",
              isDisabled: true,
              generation: 0,
              issuedBefore: nil
            )
            isRight = isRight && fixture.refusal(token) == .tokenRevoked
            if round % 2 == 0 {
              fixture.snapshot.remove(entry.id)
              isRight = isRight && fixture.refusal(token) == .tokenUnknown
            }
            if !isRight { wrong += 1 }
          }
          return wrong
        }
      }
      return await group.reduce(0, +)
    }
    #expect(wrong == 0)
    #expect(fixture.snapshot.count == 8 * 30)
  }
}

/// Numbers that look random and are the same in each run.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var value = self.state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
