// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

/// Who guesses tokens is slowed down, and nobody else (catalogue O01).
@Suite("guesses")
struct GuessLimiterTests {
  private typealias Fixture = APITokenFixture

  private struct Target {
    let fixture = APITokenFixture()
    let clock = ManualClock()
    let requestGuard: RequestGuard

    init(limiter: GuessLimiter? = GuessLimiter(guesses: 10, seconds: 10)) throws {
      self.fixture.snapshot.put(Fixture.entry(1))
      self.fixture.snapshot.put(Fixture.entry(2))
      self.requestGuard = RequestGuard(
        policy: try MethodPolicy { Allow("orders.v1.Orders/Get", .authenticated) },
        verifier: APITokenVerifier(
          snapshot: self.fixture.snapshot,
          issuer: "https://authority.test",
          audiences: .oneOf(["orders"])
        ),
        guesses: limiter,
        time: self.clock
      )
    }

    func call(_ token: [UInt8], from peer: String? = "ipv4:10.0.0.1:5") -> DenialReason? {
      var request = AccessRequest(path: "/orders.v1.Orders/Get", door: .grpc, peer: peer)
      request.add(
        header: "authorization",
        value: "Bearer \(String(decoding: token, as: UTF8.self))"
      )
      return self.requestGuard.decide(request).denial?.reason
    }
  }

  private static let guess = APITokenFixture.token(3)

  @Test("the guess over the rate is refused unseen, and one more is let through with time")
  func rate() throws {
    let target = try Target()
    for _ in 0 ..< 10 { #expect(target.call(Self.guess) == .tokenUnknown) }
    for _ in 0 ..< 100 { #expect(target.call(Self.guess) == .rateLimited) }
    // A second lets one of ten in ten seconds through.
    target.clock.advanceMonotonic(by: .milliseconds(999))
    #expect(target.call(Self.guess) == .rateLimited)
    target.clock.advanceMonotonic(by: .milliseconds(1))
    #expect(target.call(Self.guess) == .tokenUnknown)
    #expect(target.call(Self.guess) == .rateLimited)
    target.clock.advance(by: 10)
    for _ in 0 ..< 10 { #expect(target.call(Self.guess) == .tokenUnknown) }
    #expect(target.call(Self.guess) == .rateLimited)
  }

  @Test("neighbours keep the tokens that they have used, and only new ones have to wait")
  func neighbours() throws {
    let target = try Target()
    #expect(target.call(Fixture.token(1)) == nil)
    for _ in 0 ..< 20 { _ = target.call(Self.guess) }
    #expect(target.call(Fixture.token(1)) == nil)
    #expect(target.call(Fixture.token(2)) == .rateLimited)
    #expect(target.call(Fixture.token(2), from: "ipv4:10.0.0.2:5") == nil)
    // Accepted elsewhere is not accepted here.
    #expect(target.call(Fixture.token(2)) == .rateLimited)
    target.clock.advance(by: 10)
    #expect(target.call(Fixture.token(2)) == nil)
  }

  @Test("a token that was accepted is remembered for ten minutes")
  func memory() throws {
    let target = try Target()
    for (wait, expected) in [(599, nil), (600, .rateLimited)] as [(Int64, DenialReason?)] {
      #expect(target.call(Fixture.token(1), from: "ipv4:10.0.0.9:5") == nil)
      target.clock.advance(by: wait)
      // The tokens of the fixture have expired by then, which is no guess.
      for _ in 0 ..< 20 { _ = target.call(Self.guess, from: "ipv4:10.0.0.9:5") }
      let reason = target.call(Fixture.token(1), from: "ipv4:10.0.0.9:5")
      #expect(reason == (expected ?? .tokenExpired))
      target.clock.advance(by: 20)
      for number in [1, 2] {
        var entry = Fixture.entry(number)
        entry.expiresAt = target.clock.moment.unix.adding(seconds: 100)
        target.fixture.snapshot.put(entry)
      }
    }
  }

  @Test(
    "IPv6 callers are counted by their /64, IPv4 callers alone",
    arguments: [
      ("ipv6:[2001:db8::1]:1", "ipv6:[2001:db8::ffff:1]:2", true),
      ("ipv6:[2001:db8::1]:1", "ipv6:[2001:db8:0:1::1]:1", false),
      ("ipv4:10.0.0.1:1", "ipv4:10.0.0.1:2", true), ("ipv4:10.0.0.1:1", "ipv4:10.0.0.2:1", false),
      ("ipv4:10.0.0.1:1", "ipv6:[::ffff:10.0.0.1]:2", true),
    ]
  )
  func addresses(one: String, other: String, isShared: Bool) throws {
    let target = try Target()
    for _ in 0 ..< 20 { _ = target.call(Self.guess, from: one) }
    #expect(target.call(Self.guess, from: other) == (isShared ? .rateLimited : .tokenUnknown))
  }

  @Test("who has no address, and who has a good token that is refused, is not counted")
  func uncounted() throws {
    let target = try Target()
    for _ in 0 ..< 50 {
      #expect(target.call(Self.guess, from: nil) == .tokenUnknown)
      #expect(target.call(Self.guess, from: "unix:/run/a") == .tokenUnknown)
    }
    var revoked = Fixture.entry(1)
    revoked.isRevoked = true
    target.fixture.snapshot.put(revoked)
    for _ in 0 ..< 50 { #expect(target.call(Fixture.token(1)) == .tokenRevoked) }
    #expect(target.call(Fixture.token(2)) == nil)
  }

  @Test("without a limiter nothing is counted")
  func twin() throws {
    let target = try Target(limiter: nil)
    for _ in 0 ..< 200 { #expect(target.call(Self.guess) == .tokenUnknown) }
  }

  @Test("a flood of addresses finds room, and the most guilty of a place stays counted")
  func flood() throws {
    let target = try Target()
    for _ in 0 ..< 20 { _ = target.call(Self.guess) }
    for number in 0 ..< 20_000 {
      let address = "11.0.\(number >> 8).\(number & 255)"
      _ = target.call(Self.guess, from: "ipv4:\(address):1")
    }
    #expect(target.call(Self.guess) == .rateLimited)
  }
}
