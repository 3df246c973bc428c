// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

/// Secrets in no description, reflection or dump (catalogue L01, L08).
@Suite("redaction")
struct RedactionTests {
  private static let secret = "SeCrEtSeCrEtSeCrEtSeCrEtSeCrEtSeCrEtSeCrEtSeCrEt"

  /// Every way in which Swift turns a value into text.
  private static func texts<Value>(_ value: Value) -> [String] {
    var dumped = ""
    dump(value, to: &dumped)
    var nested = ""
    dump(["in": [value]], to: &nested)
    return [
      "\(value)", String(describing: value), String(reflecting: value), dumped, nested,
      "\(Optional(value) as Any)", String(reflecting: [value]), Self.walk(value, depth: 8),
    ]
  }

  /// What a crash reporter or logger would find by reflection.
  private static func walk(_ value: Any, depth: Int) -> String {
    guard depth > 0 else { return "" }
    return "\(value)"
      + Mirror(reflecting: value).children.map { self.walk($0.value, depth: depth - 1) }.joined()
  }

  private static func expectRedacted<Value>(_ value: Value, of secret: String) {
    let bytes = Array(secret.utf8)
    let forms = [
      secret, String(secret.prefix(16)), Base64URL.encode(bytes),
      bytes.prefix(4).map(String.init).joined(separator: ", "),
      bytes.prefix(4).map { "- \($0)" }.joined(separator: "\n"),
    ]
    for text in Self.texts(value) {
      for form in forms {
        #expect(!text.contains(form), "\(Value.self) shows its secret")
      }
      #expect(!text.contains("\(bytes[0]),"), "\(Value.self) shows bytes")
    }
  }

  @Test("the forms that are looked for would be found in a type that hides nothing")
  func twin() {
    struct Open {
      var bytes: [UInt8]
      var text: String
    }
    let open = Open(bytes: Array(Self.secret.utf8), text: Self.secret)
    #expect(Self.texts(open).allSatisfy { $0.contains(Self.secret) })
    let bytes = Array(Self.secret.utf8).prefix(4).map(String.init).joined(separator: ", ")
    #expect(String(reflecting: open).contains(bytes))
  }

  @Test("a bearer token shows its length only")
  func bearerToken() {
    Self.expectRedacted(BearerToken(Self.secret), of: Self.secret)
    #expect("\(BearerToken(Self.secret))" == "<bearer token, 48 bytes>")
  }

  @Test("a presented token shows nothing")
  func presentedToken() throws {
    Self.expectRedacted(PresentedToken(BearerToken(Self.secret)), of: Self.secret)
    Self.expectRedacted(
      try AuthorizationValue.token("Bearer \(Self.secret)"),
      of: Self.secret
    )
  }

  @Test("a request shows its path and door, not its credential")
  func accessRequest() {
    var request = AccessRequest(path: "/a.S/Get", door: .grpc, peer: "ipv4:1.2.3.4")
    request.add(header: "authorization", value: "Bearer \(Self.secret)")
    Self.expectRedacted(request, of: Self.secret)
    Self.expectRedacted(request.authorization, of: Self.secret)
    #expect("\(request)".contains("a.S/Get"))
    // A token in the query, where it must not be, is a secret all the same.
    let query = AccessRequest(path: "/a.S/Get?access_token=\(Self.secret)", door: .grpc)
    Self.expectRedacted(query, of: Self.secret)
    let binary = AccessRequest(path: "/a.S/\(Self.secret)\r\n", door: .grpc)
    Self.expectRedacted(binary, of: Self.secret)
    // A whole token can follow the grammar of a path.
    for path in ["/eyJ\(Self.secret).a/x", "/twk_abc_\(Self.secret)/x"] {
      let request = AccessRequest(path: path, door: .grpc)
      #expect(RPCMethod(path: path) != nil)
      Self.expectRedacted(request, of: Self.secret)
      #expect(!"\(RPCMethod(path: path).map(String.init(describing:)) ?? "")".contains(Self.secret))
    }
  }

  @Test("a symmetric key set shows counts only, in every place that holds one")
  func keySet() throws {
    let k = Base64URL.encode(Array(Self.secret.utf8))
    let jwks = "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"k1\",\"k\":\"\(k)\"}]}"
    let set = try KeySet(jwks: Array(jwks.utf8), trust: .localSymmetric)
    Self.expectRedacted(set, of: Self.secret)
    Self.expectRedacted(StaticKeys(set), of: Self.secret)
    let id = try #require(KeyID("k1"))
    Self.expectRedacted(try set.key(for: id, algorithm: .hs256), of: Self.secret)
    let issuer = try TrustedIssuer(
      "https://local.test",
      audiences: .oneOf(["orders"]),
      algorithms: [.hs256],
      keys: StaticKeys(set)
    )
    Self.expectRedacted(issuer, of: Self.secret)
    let verifier = try JWTVerifier(issuers: [issuer])
    Self.expectRedacted(verifier, of: Self.secret)
    let requestGuard = RequestGuard(
      policy: try MethodPolicy { Allow("a.S/Get", .authenticated) },
      verifier: verifier
    )
    Self.expectRedacted(requestGuard, of: Self.secret)
  }

  @Test("a verified principal shows who it is, not its claims")
  func principal() throws {
    let fixture = try GuardFixture()
    let token = try fixture.token([("note", "\"\(Self.secret)\""), ("jti", "\"t1\"")])
    let decision = fixture.decide(token)
    let principal = try #require(decision.grant?.principal)
    #expect(principal.claims.string("note") == Self.secret)
    Self.expectRedacted(principal, of: Self.secret)
    Self.expectRedacted(principal.claims, of: Self.secret)
    Self.expectRedacted(decision, of: Self.secret)
    Self.expectRedacted(try #require(decision.grant), of: Self.secret)
    #expect("\(principal)" == "\"alice\" of \"https://issuer.test\"")
  }

  @Test("records of decisions hold no token, whatever was decided")
  func records() throws {
    let fixture = try GuardFixture()
    let good = try fixture.token([])
    let forged = try TestIssuer(fixture.issuer.name).token(at: fixture.now)
    for token in [good, forged, "\(good).\(Self.secret)", Self.secret] {
      _ = fixture.decide(token)
      _ = fixture.decide(token, path: "/no.Such/Method")
    }
    #expect(fixture.observer.records.count == 8)
    for record in fixture.observer.records {
      Self.expectRedacted(record, of: Self.secret)
      for token in [good, forged] {
        let signature = String(token.suffix(40))
        #expect(Self.texts(record).allSatisfy { !$0.contains(signature) })
      }
    }
  }

  @Test("an issuer of tests shows no key")
  func testIssuer() throws {
    let issuer = try TestIssuer(algorithm: .hs256)
    let k = try #require(
      issuer.jwk.split(separator: "\"").first { $0.utf8.count > 80 }.map(String.init)
    )
    for text in Self.texts(issuer) { #expect(!text.contains(k.prefix(12))) }
  }

  @Test("a subject cannot forge a line or hide in one")
  func escaping() {
    let assertion = Principal.Assertion(
      issuer: "https://issuer.test",
      subject: "a\r\nb\u{2028}c\u{202E}d\u{1B}[31m\"",
      expiresAt: ManualClock.defaultStart
    )
    let text = "\(Principal(assertingVerified: assertion))"
    #expect(
      text == #""a\u000d\u000ab\u2028c\u202ed\u001b[31m\"" of "https://issuer.test""#
    )
  }
}
