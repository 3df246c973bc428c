// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Crypto
import CryptoExtras
import Testing
import TokenwardCore

@Suite("Compact JWS")
struct JOSECompactTests {
  static let keys = try? KeySet(
    jwks: jwks(.p256, .p384, .p521, .rsa, .ed25519),
    trust: .publicKeys
  )
  static let secrets = try? KeySet(jwk: TestJWK.secret.bytes, trust: .localSymmetric)

  static func keys(for algorithm: Algorithm) throws -> KeySet {
    try #require(algorithm.isSymmetric ? self.secrets : self.keys)
  }

  @Test(
    "a signature of each algorithm is accepted, and not one bit of change",
    arguments: Algorithm.allCases
  )
  func algorithms(algorithm: Algorithm) throws {
    let keys = try Self.keys(for: algorithm)
    let token = TestJWS.make(algorithm)
    #expect(outcome(token, keys) == nil)
    #expect(outcome(token, keys, algorithms: [algorithm]) == nil)
    #expect(outcome(TestJWS.make(algorithm, payload: ""), keys) == nil)
    let flipped = TestJWS.make("{\"alg\":\"\(algorithm.rawValue)\"}", "a") { input in
      var signature = TestJWS.sign(input, algorithm)
      signature[signature.count / 2] ^= 1
      return signature
    }
    #expect(outcome(flipped, keys) == .signatureInvalid)
    let verified = try VerifiedJWS(token: Array(token.utf8), keys: keys)
    #expect(verified.payload == Array(#"{"sub":"a"}"#.utf8))
    #expect(verified.header.algorithm == algorithm)
  }

  @Test("A06: only algorithms of the server's list are accepted", arguments: Algorithm.allCases)
  func serverList(algorithm: Algorithm) throws {
    let others = AlgorithmSet(Algorithm.allCases.filter { $0 != algorithm })
    let token = TestJWS.make(algorithm)
    #expect(
      outcome(token, try Self.keys(for: algorithm), algorithms: others) == .algorithmForbidden
    )
    #expect(outcome(token, try Self.keys(for: algorithm), algorithms: []) == .algorithmForbidden)
  }

  @Test(
    "A01, A02, A08, A25: any other name of an algorithm is refused",
    arguments: [
      "none", "None", "NONE", "nOnE", "", "rs256", "Rs256", "ES256 ", " ES256", "ES256\\u0000",
      "es256", "RS1", "HS1", "ES256K", "ES256\u{212A}", "ES224", "ES521", "RSA1_5", "Ed448",
      "ML-DSA-44", "ML-DSA-65", "ES2560", "ES25", "dir", "\u{FF25}S256",
    ]
  )
  func names(name: String) throws {
    let keys = try #require(Self.keys)
    #expect(
      outcome(TestJWS.make(.es256, header: "{\"alg\":\"\(name)\"}"), keys) == .algorithmForbidden
    )
    let unsigned = TestJWS.make("{\"alg\":\"\(name)\"}", "a") { _ in [] }
    #expect(outcome(unsigned, keys) == .algorithmForbidden)
    #expect(outcome(String(unsigned.dropLast()), keys) == .algorithmForbidden)
  }

  @Test("A02: an escaped name is the same name")
  func escapedName() throws {
    let keys = try #require(Self.keys)
    #expect(outcome(TestJWS.make(.es256, header: #"{"alg":"\u0045S256"}"#), keys) == nil)
  }

  @Test("A08: EdDSA and Ed25519 are two names, each only where it is listed")
  func edwardsNames() throws {
    let keys = try #require(Self.keys)
    #expect(outcome(TestJWS.make(.eddsa), keys, algorithms: [.ed25519]) == .algorithmForbidden)
    #expect(outcome(TestJWS.make(.ed25519), keys, algorithms: [.ed25519]) == nil)
    let named = try KeySet(
      jwk: TestJWK.ed25519.with("alg", #""Ed25519""#).bytes,
      trust: .publicKeys
    )
    #expect(outcome(TestJWS.make(.ed25519), named) == nil)
    #expect(outcome(TestJWS.make(.eddsa), named) == .keyUnknown)
  }

  @Test(
    "A03, A13, A14, A21, A23, E21, E23: a header that must be refused",
    arguments: [
      "{}", #"{"alg":null}"#, #"{"alg":0}"#, #"{"alg":true}"#, #"{"alg":["ES256"]}"#,
      #"{"alg":{"alg":"ES256"}}"#, #"{"alg":"ES256","alg":"ES256"}"#,
      #"{"alg":"ES256","\u0061lg":"none"}"#,
      #"{"alg":"ES256","crit":["exp"],"exp":1}"#, #"{"alg":"ES256","crit":["x"]}"#,
      #"{"alg":"ES256","crit":[]}"#, #"{"alg":"ES256","crit":"b64"}"#,
      #"{"alg":"ES256","crit":[1]}"#,
      #"{"alg":"ES256","crit":null}"#, #"{"alg":"ES256","crit":["b64"],"b64":false}"#,
      #"{"alg":"ES256","b64":false}"#, #"{"alg":"ES256","b64":true}"#,
      #"{"alg":"ES256","zip":"DEF"}"#, #"{"alg":"ES256","enc":"A128GCM"}"#,
      #"{"alg":"ES256","cty":"JWT"}"#, #"{"alg":"ES256","cty":"jwt"}"#,
      #"{"alg":"ES256","cty":"application/JWT"}"#, #"{"alg":"ES256","cty":"jwt; a=b"}"#,
      #"{"alg":"ES256","cty":1}"#, #"{"alg":"ES256","cty":"\u00e9"}"#,
      #"{"alg":"ES256","typ":1}"#, #"{"alg":"ES256","typ":"JWT\n"}"#, #"{"alg":"ES256","typ":"é"}"#,
      #"{"alg":"ES256","typ":null}"#, #"{"alg":"ES256","kid":1}"#, #"{"alg":"ES256","kid":["a"]}"#,
      #"{"alg":"ES256","kid":null}"#, #"{"alg":"ES256","kid":"\u0000"}"#,
      #"{"alg":"ES256","kid":"\#(String(repeating: "k", count: 129))"}"#,
      #"{"alg":"ES256"}x"#, #"{"alg":"ES256"}{}"#, "\u{FEFF}{\"alg\":\"ES256\"}", #"["ES256"]"#,
      "ES256", "", #"{"alg":"ES256",}"#, #"{'alg':'ES256'}"#,
    ]
  )
  func headers(header: String) throws {
    #expect(outcome(TestJWS.make(.es256, header: header), try #require(Self.keys)) == .malformed)
  }

  @Test(
    "a header with parameters that change nothing is accepted",
    arguments: [
      #"{"alg":"ES256","typ":"JWT"}"#, #"{"typ":"at+jwt","alg":"ES256"}"#,
      #"{"alg":"ES256","cty":"text/plain"}"#, #"{"alg":"ES256","other":[1,{"crit":1}]}"#,
      #" { "alg" : "ES256" } "#,
    ]
  )
  func goodHeaders(header: String) throws {
    #expect(outcome(TestJWS.make(.es256, header: header), try #require(Self.keys)) == nil)
  }

  @Test(
    "A09 to A11: key material in the header is flagged and never used",
    arguments: ["jwk", "jku", "x5c", "x5u"]
  )
  func embedded(name: String) throws {
    let keys = try #require(Self.keys)
    let header = "{\"alg\":\"ES256\",\"\(name)\":\(TestJWK.p256.json)}"
    let jws = try CompactJWS(parsing: Array(TestJWS.make(.es256, header: header).utf8))
    #expect(jws.header.embedsKeyMaterial)
    let other = try KeySet(jwk: KeysFixtures.keyA.bytes, trust: .publicKeys)
    #expect(throws: JWSProblem.signatureInvalid) { try jws.verify(keys: other, allowed: .all) }
    let plain = try CompactJWS(parsing: Array(TestJWS.make(.es256).utf8))
    #expect(!plain.header.embedsKeyMaterial)
    #expect(throws: Never.self) { try plain.verify(keys: keys, allowed: [.es256]) }
  }

  @Test(
    "A12: a hostile kid is only a name that nobody has",
    arguments: [
      "../../dev/null", "/proc/self/environ", "' OR 1=1--", "$(id)", "%00", "a\\\\b",
    ]
  )
  func kids(kid: String) throws {
    let keys = try #require(Self.keys)
    #expect(
      outcome(TestJWS.make(.es256, header: "{\"alg\":\"ES256\",\"kid\":\"\(kid)\"}"), keys)
        == .keyUnknown
    )
  }

  @Test("A04, A05: a MAC keyed with public bytes is refused")
  func confusion() throws {
    let keys = try #require(Self.keys)
    let spki = TestKeys.rsa.publicKey
    let candidates: [[UInt8]] = [
      Array(spki.pemRepresentation.utf8), Array((spki.pemRepresentation + "\n").utf8),
      Array(spki.derRepresentation), Array(spki.pkcs1DERRepresentation), TestKeys.rsaNumbers.n,
      TestJWK.rsa.bytes, Array(TestKeys.p256.publicKey.rawRepresentation),
      Array(TestKeys.p256.publicKey.x963Representation),
      Array(TestKeys.ed25519.publicKey.rawRepresentation), [],
    ]
    for candidate in candidates {
      for kid in ["", #","kid":"rsa""#] {
        let token = TestJWS.make("{\"alg\":\"HS256\"\(kid)}", "a") { input in
          hmac(input, candidate)
        }
        #expect(outcome(token, keys) == .keyUnknown)
        #expect(outcome(token, keys, algorithms: [.rs256, .es256]) == .algorithmForbidden)
      }
    }
    let named = try KeySet(jwk: TestJWK.rsa.named("rsa").bytes, trust: .publicKeys)
    let token = TestJWS.make(#"{"alg":"HS256","kid":"rsa"}"#, "a") { hmac($0, candidates[0]) }
    #expect(outcome(token, named) == .algorithmForbidden)
  }
}
