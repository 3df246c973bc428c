// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Hummingbird
import HummingbirdTesting
import Synchronization
import Testing
import TokenwardAuthority
import TokenwardAuthorityAPI
import TokenwardCore
import TokenwardTestKit

@Suite("Guesses in the form of a request")
struct PresentedTokensTests {
  final class Counts: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    func add(_ endpoint: PresentedTokens.Endpoint, _ refusal: PresentedTokens.Refusal) {
      self.counts.withLock { $0["\(endpoint.rawValue) \(refusal.rawValue)", default: 0] += 1 }
    }
    var all: [String: Int] { self.counts.withLock { $0 } }
  }

  let clock = ManualClock(Samples.now)
  let counts = Counts()

  private func presented() -> PresentedTokens {
    let counts = self.counts
    return PresentedTokens(
      guesses: GuessLimiter(guesses: 5, seconds: 10),
      time: self.clock,
      onRefused: { counts.add($0, $1) }
    )
  }

  private static func exchange(_ token: String) -> String {
    "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=\(token)"
      + "&subject_token_type=urn:ietf:params:oauth:token-type:access_token"
  }

  @Test("are limited by address at the token endpoint, before the authority is asked")
  func token() async throws {
    var fixture = HTTPFixture()
    fixture.presented = self.presented()
    let (authority, clock) = (fixture.authority, self.clock)
    try await fixture.with(.live) { client in
      let known = try await client.post("/oauth2/token", Self.exchange("known"))
      #expect(known.status == .ok)
      authority.change { $0.error = .unauthenticated }
      for number in 0 ..< 5 {
        let guess = try await client.post("/oauth2/token", Self.exchange("guess\(number)"))
        #expect(guess.status == .badRequest)
      }
      let asked = authority.calls.count
      let over = try await client.post("/oauth2/token", Self.exchange("another"))
      #expect(over.status == .tooManyRequests)
      #expect(over.error == "slow_down")
      #expect(over.headers[.retryAfter] == "1")
      #expect(authority.calls.count == asked)
      // Who was accepted from there is not locked out by the guesser beside him.
      authority.change { $0.error = nil }
      let answer1 = try await client.post("/oauth2/token", Self.exchange("known"))
      #expect(answer1.status == .ok)
      let answer2 = try await client.post("/oauth2/revoke", "token=new")
      #expect(answer2.status == .tooManyRequests)
      clock.advance(by: 10)
      let answer3 = try await client.post("/oauth2/token", Self.exchange("another"))
      #expect(answer3.status == .ok)
    }
    #expect(
      self.counts.all == [
        "http_token not_accepted": 5, "http_token rate_limited": 1, "http_revoke rate_limited": 1,
      ]
    )
  }

  @Test("are limited at the revocation endpoint, and taking tokens back that count is not")
  func revoke() async throws {
    var fixture = HTTPFixture()
    fixture.presented = self.presented()
    let authority = fixture.authority
    authority.change { script in
      script.inUse = (0 ..< 20).map { BearerToken("mine\($0)").fingerprint }
    }
    try await fixture.with(.live) { client in
      for number in 0 ..< 20 {
        let answer4 = try await client.post("/oauth2/revoke", "token=mine\(number)")
        #expect(answer4.status == .ok)
      }
      for number in 0 ..< 5 {
        let answer5 = try await client.post("/oauth2/revoke", "token=guess\(number)")
        #expect(answer5.status == .ok)
      }
      let asked = authority.calls.count
      let answer6 = try await client.post("/oauth2/revoke", "token=guess")
      #expect(answer6.status == .tooManyRequests)
      #expect(authority.calls.count == asked)
    }
    #expect(
      self.counts.all == ["http_revoke not_accepted": 5, "http_revoke rate_limited": 1]
    )
  }

  @Test("an authority that cannot answer makes nobody a guesser")
  func unavailable() async throws {
    var fixture = HTTPFixture()
    fixture.presented = self.presented()
    fixture.authority.change { $0.error = .unavailable(.store) }
    try await fixture.with(.live) { client in
      for _ in 0 ..< 20 {
        let answer = try await client.post("/oauth2/token", Self.exchange("token"))
        #expect(answer.status == .serviceUnavailable)
      }
    }
    #expect(self.counts.all == [:])
  }
}
