// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

@Suite("Key set")
struct KeysSetTests {
  @Test("a set of usable keys is accepted and a useless key is skipped and reported")
  func skipping() throws {
    let document = jwks(
      TestJWK.p256.named("a"),
      TestJWK.rsa.named("b").with("use", #""enc""#),
      TestJWK.p384.named("c").with("alg", #""ECDH-ES""#),
      TestJWK([("kty", #""AKP""#)]).named("d"),
      TestJWK.rsa.with("kid", "1").with("e", #""AQ""#),
      TestJWK.ed25519.named("e")
    )
    let keys = try KeySet(jwks: document, trust: .publicKeys)
    #expect(keys.keyCount == 2)
    #expect(keys.keyIDs.map(\.text) == ["a", "e"])
    #expect(keys.skipped.map(\.index) == [1, 2, 3, 4])
    #expect(keys.skipped.map(\.id?.text) == ["b", "c", "d", nil])
    #expect(
      keys.skipped.map(\.problem) == [
        .useForbidden, .algorithmUnsupported, .keyTypeUnsupported, .keyIDMalformed,
      ]
    )
  }

  @Test("an element that is not an object is skipped")
  func elements() throws {
    let document = Array("{\"keys\":[1,[],null,\(TestJWK.p256.json)]}".utf8)
    let keys = try KeySet(jwks: document, trust: .publicKeys)
    #expect(keys.skipped.map(\.problem) == [.malformed, .malformed, .malformed])
  }

  @Test("a set without a usable key is refused, with the reasons")
  func nothingUsable() {
    #expect(problem(of: jwks([]), trust: .publicKeys) == .noUsableKeys([]))
    guard
      case .noUsableKeys(let skipped)? = problem(
        of: jwks(TestJWK.p256.with("use", #""enc""#)),
        trust: .publicKeys
      )
    else { return #expect(Bool(false)) }
    #expect(skipped.map(\.problem) == [.useForbidden])
  }

  @Test(
    "K08: one private or secret member refuses the whole public set",
    arguments: ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"]
  )
  func privateMaterial(member: String) {
    let good = TestJWK.p256.named("a")
    #expect(
      problem(of: jwks(good, .rsa.with("x-" + member, #""AQAB""#)), trust: .publicKeys) == nil
    )
    for trust in [KeySet.Trust.publicKeys, .either, .localSymmetric] {
      for key in [TestJWK.rsa, .p384, .ed25519, TestJWK([("kty", #""AKP""#)])] {
        #expect(
          problem(of: jwks(good, key.with(member, #""AQAB""#)), trust: trust)
            == (trust == .localSymmetric ? .mixedKeyTypes : .privateMaterial)
        )
      }
    }
    // The presence counts, not the value, and also where the key is useless anyway.
    let useless = TestJWK.rsa.with("use", #""enc""#).with(member, "null")
    #expect(problem(of: jwks(good, useless), trust: .publicKeys) == .privateMaterial)
  }

  @Test("K06: symmetric and asymmetric keys in one set refuse it")
  func mixed() {
    let both = jwks(TestJWK.p256.named("a"), TestJWK.secret.named("b"))
    #expect(problem(of: both, trust: .publicKeys) == .privateMaterial)
    #expect(problem(of: both, trust: .localSymmetric) == .mixedKeyTypes)
    #expect(problem(of: both, trust: .either) == .mixedKeyTypes)
    let secrets = jwks(TestJWK.secret.named("a"), TestJWK.secret.named("b"))
    #expect(problem(of: secrets, trust: .publicKeys) == .privateMaterial)
    #expect(problem(of: secrets, trust: .localSymmetric) == nil)
    #expect(problem(of: secrets, trust: .either) == nil)
    let skippedSecret = jwks(TestJWK.p256, TestJWK.secret.with("alg", #""A256KW""#))
    #expect(problem(of: skippedSecret, trust: .either) == .mixedKeyTypes)
  }

  @Test("K07: a kid twice refuses the set, also when one of the keys is useless")
  func duplicates() {
    let key = TestJWK.p256.named("a")
    #expect(problem(of: jwks(key, .rsa.named("b")), trust: .publicKeys) == nil)
    #expect(problem(of: jwks(key, .rsa.named("a")), trust: .publicKeys) == .duplicateKeyID)
    #expect(problem(of: jwks(key, .rsa.named(#"\u0061"#)), trust: .publicKeys) == .duplicateKeyID)
    #expect(
      problem(of: jwks(key, .rsa.named("a").with("use", #""enc""#)), trust: .publicKeys)
        == .duplicateKeyID
    )
    // Two keys without a name are no duplicates.
    #expect(problem(of: jwks(.p256, .rsa), trust: .publicKeys) == nil)
  }

  @Test("K16: names that are equal for Swift strings are different names")
  func canonicalEquivalence() throws {
    let keys = try KeySet(
      jwks: jwks(.p256.named("Key1"), .p384.named("\u{212A}ey1")),
      trust: .publicKeys
    )
    #expect("Key1" == "\u{212A}ey1")
    #expect(keys.keyCount == 2)
    #expect(KeyID("Key1") != KeyID("\u{212A}ey1"))
    #expect(outcome(TestJWS.make(.es256, header: #"{"alg":"ES256","kid":"Key1"}"#), keys) == nil)
    #expect(
      outcome(TestJWS.make(.es256, header: "{\"alg\":\"ES256\",\"kid\":\"\u{212A}ey1\"}"), keys)
        == .algorithmForbidden
    )
    let one = try KeySet(jwks: jwks(.p256.named("Key1")), trust: .publicKeys)
    #expect(
      outcome(TestJWS.make(.es256, header: "{\"alg\":\"ES256\",\"kid\":\"\u{212A}ey1\"}"), one)
        == .keyUnknown
    )
  }

  @Test("K13: sizes and shapes are bounded")
  func bounds() {
    let hundred = (0 ..< 100).map { TestJWK.p256.named("k\($0)") }
    #expect(problem(of: jwks(hundred), trust: .publicKeys) == nil)
    #expect(
      problem(of: jwks(hundred + [TestJWK.p256.named("k")]), trust: .publicKeys) == .tooManyKeys
    )
    let document = jwks(TestJWK.p256)
    let filler = [UInt8](repeating: 0x20, count: KeySet.maximumLength - document.count)
    #expect(problem(of: document + filler, trust: .publicKeys) == nil)
    #expect(problem(of: document + filler + [0x20], trust: .publicKeys) == .tooLarge)
    let deep = String(repeating: "[", count: 1_000) + String(repeating: "]", count: 1_000)
    #expect(problem(of: jwks(.p256.with("z", deep)), trust: .publicKeys) == .malformed)
    #expect(problem(of: jwks(.p256.with("z", "[[[]]]")), trust: .publicKeys) == nil)
  }

  @Test(
    "K02: testing many huge moduli is bounded",
    arguments: [(2_048, 100), (4_096, 100), (8_192, 12)]
  )
  func moduliBudget(bits: Int, count: Int) {
    var budget = ModulusBudget()
    var passed = 0
    for _ in 0 ..< KeySet.maximumKeyCount where budget.spend(bits: bits) { passed += 1 }
    #expect(passed == count)
  }

  @Test(
    "a document of another shape is refused",
    arguments: [
      "", "[]", "1", "null", "{}", #"{"keys":{}}"#, #"{"keys":null}"#, #"{"keys":[]}x"#,
      #"{"keys":[],"keys":[]}"#, "\u{FEFF}{\"keys\":[]}",
    ]
  )
  func shapes(document: String) {
    #expect(problem(of: Array(document.utf8), trust: .publicKeys) == .malformed)
  }

  @Test("one bare key is accepted where a key is expected, and with `either`")
  func bareKey() throws {
    #expect(problem(of: TestJWK.p256.bytes, trust: .publicKeys) == .malformed)
    #expect(problem(of: TestJWK.p256.bytes, trust: .either) == nil)
    #expect(problem(of: TestJWK.secret.bytes, trust: .either) == nil)
    #expect(try KeySet(jwk: TestJWK.p256.bytes, trust: .publicKeys).keyCount == 1)
    #expect(try KeySet(jwk: TestJWK.secret.bytes, trust: .localSymmetric).keyCount == 1)
    #expect(throws: KeySetProblem.privateMaterial) {
      try KeySet(jwk: TestJWK.secret.bytes, trust: .publicKeys)
    }
    #expect(throws: KeySetProblem.malformed) {
      try KeySet(jwk: jwks(.p256), trust: .publicKeys)
    }
    let both = TestJWK.p256.with("keys", "[]").bytes
    #expect(problem(of: both, trust: .either) == .malformed)
  }

  @Test("K09: without a kid exactly one key must fit; with one it must be that key")
  func lookup() throws {
    let keys = try KeySet(
      jwks: jwks(
        .p256.named("a"),
        .rsa.named("b"),
        .p384,
        .rsa.named("c").with("alg", #""PS256""#)
      ),
      trust: .publicKeys
    )
    #expect(outcome(TestJWS.make(.es256), keys) == nil)
    #expect(outcome(TestJWS.make(.es384), keys) == nil)
    #expect(outcome(TestJWS.make(.rs256), keys) == nil)
    #expect(outcome(TestJWS.make(.ps256), keys) == .keyUnknown)
    #expect(outcome(TestJWS.make(.es512), keys) == .keyUnknown)
    func token(_ algorithm: Algorithm, _ kid: String) -> String {
      TestJWS.make(algorithm, header: "{\"alg\":\"\(algorithm.rawValue)\",\"kid\":\"\(kid)\"}")
    }
    #expect(outcome(token(.es256, "a"), keys) == nil)
    #expect(outcome(token(.es256, "A"), keys) == .keyUnknown)
    #expect(outcome(token(.es256, ""), keys) == .keyUnknown)
    #expect(outcome(token(.es256, "b"), keys) == .algorithmForbidden)
    #expect(outcome(token(.ps256, "b"), keys) == nil)
    #expect(outcome(token(.ps256, "c"), keys) == nil)
    // A07: the key says PS256.
    #expect(outcome(token(.ps384, "c"), keys) == .algorithmForbidden)
    #expect(outcome(token(.rs256, "c"), keys) == .algorithmForbidden)
  }

  @Test("every set has a generation of its own")
  func generations() throws {
    let first = try KeySet(jwk: TestJWK.p256.bytes, trust: .publicKeys)
    let second = try KeySet(jwk: TestJWK.p256.bytes, trust: .publicKeys)
    #expect(first.generation != second.generation)
    #expect(StaticKeys(first).current(at: ManualClock().moment)?.generation == first.generation)
  }

  @Test("L08: nothing prints a secret")
  func redaction() throws {
    let keys = try KeySet(jwk: TestJWK.secret.named("id").bytes, trust: .localSymmetric)
    let key = try keys.key(for: KeyID("id"), algorithm: .hs256)
    var dumped = ""
    dump(keys, to: &dumped)
    dump(key, to: &dumped)
    let text = "\(keys) \(key) \(String(reflecting: keys)) \(String(reflecting: key)) \(dumped)"
    #expect(!text.contains(Base64URL.encode(TestKeys.secret).prefix(8)))
    #expect(!text.contains("HMAC") && !text.contains("1, 2, 3"))
    #expect(Mirror(reflecting: keys).children.isEmpty)
    #expect(Mirror(reflecting: key).children.isEmpty)
    #expect("\(keys)".contains("1 keys"))
  }
}
