// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

@testable import tokenward

@Suite("token verify")
struct TokenDecisionTests {
  private struct AnyToken: TokenVerifier {
    var reason: DenialReason?
    var certificate: CertificateThumbprint?

    func verify(
      _ token: PresentedToken,
      at now: Moment
    ) throws(VerificationFailure) -> Principal {
      if let reason { throw VerificationFailure(reason) }
      var assertion = Principal.Assertion(
        issuer: "https://issuer.example.com",
        subject: "a\u{1B}\"b",
        expiresAt: UnixTime(seconds: 2_000_000_300)
      )
      assertion.certificate = self.certificate
      return Principal(assertingVerified: assertion)
    }
  }

  private struct NoClock: TimeSource {
    func now() -> Moment? { nil }
  }

  private let time = StoppedTime(time: UnixTime(seconds: 2_000_000_000))

  @Test("every reason that is no decision ends with status 2", arguments: DenialReason.allCases)
  func statuses(reason: DenialReason) throws {
    let outcome = try TokenDecision(verifier: AnyToken(reason: reason), time: self.time)
      .decide(Array("a.b.c".utf8))
    let isUndecided =
      reason == .dependencyUnavailable || reason == .clockUnavailable
      || reason == .internalInvariant
    #expect(outcome.status == (isUndecided ? .undecided : .denied))
    #expect(outcome.answer.reason == outcome.reason?.rawValue)
    #expect(outcome.json.contains(isUndecided ? #""verdict":"undecided""# : #""verdict":"refuse""#))
  }

  @Test("without a clock nothing is decided")
  func noClock() throws {
    let outcome = try TokenDecision(verifier: AnyToken(), time: NoClock()).decide([0x61])
    #expect(outcome.reason == .clockUnavailable)
    #expect(outcome.status == .undecided)
  }

  @Test(
    "what cannot be a token is malformed, as a token",
    arguments: ["", " ", "a b", "a,b", "a\nb", "a\u{0}b", "é", "Bearer a.b.c", "\"a.b.c\""]
  )
  func malformed(token: String) throws {
    let decision = try TokenDecision(verifier: AnyToken(), time: self.time)
    #expect(decision.decide(Array(token.utf8)).reason == .tokenMalformed)
    #expect(decision.decide(Array("a.b.c".utf8)).reason == nil)
  }

  @Test("a token that is too long is refused, one byte less is not")
  func tooLong() throws {
    let decision = try TokenDecision(verifier: AnyToken(), time: self.time)
    #expect(decision.decide([UInt8](repeating: 0x61, count: 8_193)).reason == .tokenTooLarge)
    #expect(decision.decide([UInt8](repeating: 0x61, count: 8_192)).reason == nil)
  }

  @Test("a bound token needs its certificate")
  func bound() throws {
    let certificate = CertificateThumbprint(der: [1])
    let verifier = AnyToken(certificate: certificate)
    func reason(_ proven: CertificateThumbprint?) throws -> DenialReason? {
      try TokenDecision(verifier: verifier, certificate: proven, time: self.time)
        .decide([0x61]).reason
    }
    #expect(try reason(nil) == .bindingMismatch)
    #expect(try reason(CertificateThumbprint(der: [2])) == .bindingMismatch)
    #expect(try reason(certificate) == nil)
  }

  @Test("names of a token cannot break the line")
  func escaped() throws {
    let json = try TokenDecision(verifier: AnyToken(), time: self.time).decide([0x61]).json
    #expect(json.contains(#""subject":"a\u001b\"b""#))
    #expect(json.filter { $0 == "\n" }.count == 1)
  }

  @Test("lines are answered by the decision")
  func batch() throws {
    let decision = try TokenDecision(verifier: AnyToken(), time: self.time)
    let batch = Batch(decision.answer(to:))
    func answer(_ line: String) -> String {
      String(decoding: batch.answer(to: .complete(Array(line.utf8))), as: UTF8.self)
    }
    #expect(
      answer(#"{"id":1,"token":"a.b.c"}"#) == #"{"id":1,"verdict":"accept","reason":null}"# + "\n"
    )
    for token in ["1", "null", "{}", #""a b""#, #""""#] {
      let expected = #"{"id":1,"verdict":"refuse","reason":"tokenMalformed"}"# + "\n"
      #expect(answer(#"{"id":1,"token":\#(token)}"#) == expected)
    }
  }

  @Test(
    "times are digits before the year 10000",
    arguments: [
      ("0", 0), ("2000000000", 2_000_000_000), ("253402300799", 253_402_300_799),
      ("253402300800", nil), ("-1", nil), ("+1", nil), ("", nil), ("1e3", nil), ("٣", nil),
      ("99999999999999999999", nil),
    ] as [(String, Int64?)]
  )
  func times(text: String, seconds: Int64?) {
    #expect(UnixSeconds(argument: text)?.time.seconds == seconds)
  }
}
