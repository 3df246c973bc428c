// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

@Suite("Secrets and what is known of keys")
struct SecretsTests {
  @Test("a secret is lent, compared and nothing else")
  func secret() {
    let secret = SecretBytes(Array("hunter2".utf8))
    let count = secret.count
    let lent = secret.withExposedBytes { $0.count }
    #expect(count == 7 && lent == 7)
    func matches(_ other: String) -> Bool {
      let bytes = Array(other.utf8)
      let secret = SecretBytes(Array("hunter2".utf8))
      return secret.matches(bytes.span)
    }
    #expect(matches("hunter2"))
    for other in ["hunter3", "gunter2", "hunter", "hunter22", ""] {
      #expect(!matches(other), "\(other)")
    }
  }

  @Test("a secret does not share its buffer with whoever made it")
  func copied() {
    let original = Array("hunter2".utf8)
    do {
      let secret = SecretBytes(original)
      _ = secret.count
    }
    #expect(original == Array("hunter2".utf8))
  }

  @Test("errors of secrets and tokens say what to do")
  func errors() {
    let error = SecretError(.unavailable, problem: "sealed", hint: "unseal it")
    #expect("\(error)" == "sealed\n  hint: unseal it")
    #expect(TokenSourceError(problem: "a", hint: "b").kind == .unavailable)
  }

  @Test("a subject outside the issuer's own names is refused, by bytes")
  func subjects() throws {
    let issuer = try TestIssuer()
    let clock = ManualClock()
    let trusted = try TrustedIssuer(
      issuer.name,
      audiences: .oneOf([issuer.audience]),
      algorithms: [.es256],
      keys: StaticKeys(issuer.keySet),
      subjectPrefix: "spiffe://k.org/"
    )
    let verifier = try JWTVerifier(issuers: [trusted])
    func reason(_ subject: Subject) throws -> DenialReason? {
      let token = try issuer.token(subject: subject, at: clock.moment.unix)
      do throws(VerificationFailure) {
        _ = try verifier.verify(PresentedToken(BearerToken(token)), at: clock.moment)
        return nil
      } catch {
        return error.reason
      }
    }
    #expect(try reason("spiffe://k.org/orders") == nil)
    for subject in [
      "spiffe://k.org.evil/orders", "spiffe://other.org/orders", "spiffe://k.org", "alice",
      "SPIFFE://k.org/orders", "spiffe://\u{212A}.org/orders", " spiffe://k.org/orders",
    ] {
      #expect(try reason(Subject(subject)) == .claimMalformed, "\(subject)")
    }
    for prefix in ["", String(repeating: "a", count: 257)] {
      #expect(throws: ConfigurationError.self) {
        try TrustedIssuer(
          "a",
          audiences: .oneOf(["b"]),
          algorithms: [.es256],
          keys: StaticKeys(issuer.keySet),
          subjectPrefix: prefix
        )
      }
    }
  }

  @Test("a rule for subjects is for those of one issuer, by bytes")
  func callers() {
    func refusal(_ subject: Subject, of issuer: Issuer) -> DenialReason? {
      let assertion = Principal.Assertion(
        issuer: issuer,
        subject: subject,
        expiresAt: UnixTime(seconds: 1)
      )
      let requirement = Requirement.subjects(
        ["spiffe://k/web", "spiffe://k/cart"],
        of: "https://k"
      )
      return requirement.refusal(of: Principal(assertingVerified: assertion))
    }
    #expect(refusal("spiffe://k/web", of: "https://k") == nil)
    #expect(refusal("spiffe://k/cart", of: "https://k") == nil)
    for (subject, issuer) in [
      ("spiffe://k/web", "https://other"), ("spiffe://k/we", "https://k"), ("", "https://k"),
      ("spiffe://k/web/", "https://k"), ("spiffe://\u{212A}/web", "https://k"),
    ] {
      #expect(refusal(Subject(subject), of: Issuer(issuer)) == .roleMissing, "\(subject)")
    }
  }

  @Test("a withdrawn key is left out of its set, and a set of nothing else is refused (J10)")
  func revoked() throws {
    let first = try TestIssuer(keyID: "first")
    let second = try TestIssuer(keyID: "second")
    let both = Array("{\"keys\":[\(try first.jwk),\(try second.jwk)]}".utf8)
    let id = try #require(KeyID("first"))
    let keys = try KeySet(jwks: both, trust: .publicKeys, revoked: [id])
    #expect(keys.keyIDs.map(\.text) == ["second"])
    #expect(keys.skipped.map(\.problem) == [.revoked])
    #expect(try KeySet(jwks: both, trust: .publicKeys).keyCount == 2)
    #expect(throws: KeySetProblem.self) {
      try KeySet(jwks: first.jwks, trust: .publicKeys, revoked: [id])
    }
  }

  @Test("every problem of a set has its name among those of a fetch")
  func problems() {
    let names: [(KeySetProblem, KeyFetchProblem)] = [
      (.tooLarge, .tooLarge), (.malformed, .keysMalformed), (.tooManyKeys, .keysMalformed),
      (.privateMaterial, .keysPrivate), (.mixedKeyTypes, .keysAmbiguous),
      (.duplicateKeyID, .keysAmbiguous), (.noUsableKeys([]), .keysUnusable),
    ]
    for (problem, name) in names { #expect(KeyFetchProblem(problem) == name) }
    let labels = KeyFetchProblem.allCases.map(\.rawValue)
    #expect(labels.allSatisfy { $0.utf8.allSatisfy { $0 == 0x5F || (0x61 ... 0x7A).contains($0) } })
    #expect(Set(labels).count == labels.count)
  }
}
