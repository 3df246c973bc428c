// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("Making API tokens")
struct AuthorityCreateTests {
  @Test("a token works from its answer on, and its secret is nowhere in the store")
  func works() async throws {
    let test = try await TestAuthority()
    let issued = try await test.token { $0.labels = ["team": "shop"] }
    #expect(test.denial(issued.token) == nil)
    #expect(issued.record.expiresAt == issued.record.createdAt.adding(seconds: 90 * 86_400))
    #expect(issued.record.createdBy == (try test.admin.token))
    let stored = String(reflecting: try await test.records())
    let secret = String(decoding: issued.token.bytes[21 ..< 64], as: UTF8.self)
    #expect(stored.contains(issued.record.id.text))
    #expect(!stored.contains(secret))
    #expect(!String(reflecting: issued).contains(secret))
    #expect(!String(reflecting: test.trail.events).contains(secret))
    // The other process knows it, too.
    #expect(test.denial(issued.token, in: try await test.restarted()) == nil)
  }

  @Test("the audit record comes before the commit")
  func order() async throws {
    let test = try await TestAuthority()
    _ = try await test.token()
    #expect(test.journal.all == ["audit token.create allowed", "commit"])
  }

  @Test("without an audit record nothing is made")
  func audit() async throws {
    let test = try await TestAuthority()
    let before = try await test.records()
    test.trail.setBroken(true)
    #expect(await failure { try await test.token() } == .unavailable(.audit))
    #expect(try await test.records() == before)
    #expect(test.authority.status().auditFailures == 1)
    test.trail.setBroken(false)
    #expect(test.denial(try await test.token().token) == nil)
  }

  @Test("digits of secrets are as likely as each other, and no two tokens are the same")
  func entropy() async throws {
    var counts = [Int](repeating: 0, count: 256)
    var seen: Set<[UInt8]> = []
    for _ in 0 ..< 2_000 {
      let digits = Base62.random(43)
      #expect(digits.count == 43)
      seen.insert(digits)
      for digit in digits { counts[Int(digit)] += 1 }
    }
    #expect(seen.count == 2_000)
    #expect(counts.count(where: { $0 > 0 }) == 62)
    // Chi-square with 61 degrees of freedom: above 150 once in a hundred million runs. A modulo
    // without rejection makes it some thousand.
    let expected = Double(2_000 * 43) / 62
    let square = APITokenFormat.digits.reduce(0.0) { sum, digit in
      let difference = Double(counts[Int(digit)]) - expected
      return sum + difference * difference / expected
    }
    #expect(square < 150)
    // The same statistic sees the bias that rejection avoids.
    var biased = [Int](repeating: 0, count: 62)
    for byte in 0 ..< 256 { biased[byte % 62] += 86_000 / 256 }
    let mean = Double(biased.reduce(0, +)) / 62
    #expect(biased.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) / mean } > 150)
  }

  @Test("what is presented without the secret proves nothing")
  func guessing() async throws {
    let test = try await TestAuthority()
    let issued = try await test.token()
    let id = Array(issued.record.id.text.utf8)
    let guesses: [[UInt8]] = [
      id, Array("twk_".utf8), Array(issued.token.bytes.dropLast()), issued.token.bytes + [0x0A],
      APITokenFormat.token(id: id, secret: Base62.random(43)),
      APITokenFormat.token(id: Base62.random(16), secret: Array(issued.token.bytes[21 ..< 64])),
    ]
    for guess in guesses {
      let token = BearerToken(bytes: guess)
      #expect(test.denial(token) != nil)
      let error = await failure { try await test.authority.exchange(token, for: .init()) }
      #expect(error == .unauthenticated)
    }
    _ = try await test.authority.exchange(issued.token, for: .init())
  }

  @Test("fields that are unusable are refused by name", arguments: UnusableField.all)
  func fields(_ row: UnusableField) async throws {
    let test = try await TestAuthority()
    #expect(await failure { try await test.token { row.edit(&$0) } }?.field == row.field)
  }

  struct UnusableField: Sendable, CustomTestStringConvertible {
    let field: String
    let edit: @Sendable (inout NewToken) -> Void
    let testDescription: String

    init(_ field: String, _ text: String, _ edit: @escaping @Sendable (inout NewToken) -> Void) {
      self.field = field
      self.testDescription = text
      self.edit = edit
    }

    static let all: [UnusableField] = [
      .init("name", "no name") { $0.name = "" },
      .init("name", "a line break in the name") { $0.name = "a\nb" },
      .init("name", "a name of 129 bytes") { $0.name = String(repeating: "a", count: 129) },
      .init("owner", "a slash in the owner") { $0.owner = "a/b" },
      .init("owner", "a Kelvin sign") { $0.owner = "\u{212A}ey" },
      .init("roles", "an unknown role") { $0.roles = ["nobody"] },
      .init("roles", "a role twice") { $0.roles = [.administrator, .administrator] },
      .init("scopes", "a scope twice") { $0.scopes = ["a", "a"] },
      .init("scopes", "a space in a scope") { $0.scopes = ["a b"] },
      .init("scopes", "an empty scope") { $0.scopes = [""] },
      .init("scopes", "65 scopes") { $0.scopes = (0 ..< 65).map { Scope("s\($0)") } },
      .init("audiences", "no audience") { $0.audiences = [] },
      .init("audiences", "an empty audience") { $0.audiences = [""] },
      .init("lifetime", "no time") { $0.lifetimeSeconds = 0 },
      .init("lifetime", "a negative time") { $0.lifetimeSeconds = -1 },
      .init("lifetime", "a second too long") { $0.lifetimeSeconds = 366 * 86_400 + 1 },
      .init("lifetime", "all the time there is") { $0.lifetimeSeconds = .max },
      .init("not_before", "counts only when it has ended") {
        $0.lifetimeSeconds = 60
        $0.notBefore = ManualClockStart.start.adding(seconds: 60)
      },
      .init("labels", "17 labels") { request in
        for number in 0 ..< 17 { request.labels["l\(number)"] = "" }
      },
      .init("labels", "an escape in a label") { $0.labels = ["a": "\u{1B}[2J"] },
      .init("labels", "reversed text in a label") { $0.labels = ["a": "\u{202E}txt"] },
    ]
  }

  @Test("fields at their limits are taken")
  func limits() async throws {
    let test = try await TestAuthority()
    let issued = try await test.token { request in
      request.name = String(repeating: "a", count: 128)
      request.scopes = (0 ..< 64).map { Scope("s\($0)") }
      request.lifetimeSeconds = 366 * 86_400
      request.notBefore = ManualClockStart.start.adding(seconds: 60)
      for number in 0 ..< 16 { request.labels["l\(number)"] = "ü" }
    }
    #expect(test.denial(issued.token) == .tokenNotYetValid)
    test.clock.advance(by: 59)
    #expect(test.denial(issued.token) == .tokenNotYetValid)
    test.clock.advance(by: 1)
    #expect(test.denial(issued.token) == nil)
  }

  @Test("a token ends with its expiry, to the millisecond")
  func expiry() async throws {
    let test = try await TestAuthority()
    let issued = try await test.token { $0.lifetimeSeconds = 60 }
    let end = issued.record.expiresAt
    func denial(_ seconds: Int64, _ nanoseconds: Int32) -> DenialReason? {
      do throws(DenialReason) {
        _ = try test.authority.snapshot.match(
          issued.token.bytes,
          at: UnixTime(seconds: seconds, nanoseconds: nanoseconds)
        )
        return nil
      } catch {
        return error
      }
    }
    #expect(denial(end.seconds - 1, 999_000_000) == nil)
    #expect(denial(end.seconds, 0) == .tokenExpired)
    #expect(denial(end.seconds, 1_000_000) == .tokenExpired)
  }
}

enum ManualClockStart {
  static let start = UnixTime(seconds: 1_800_000_000)
}
