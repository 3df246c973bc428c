// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Crypto
import Testing
import TokenwardCore

@Suite("JWK")
struct KeysTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let key: TestJWK
    let problem: KeyProblem?

    init(_ name: String, _ key: TestJWK, _ problem: KeyProblem?) {
      (self.name, self.key, self.problem) = (name, key, problem)
    }

    var testDescription: String { self.name }
  }

  @Test(
    "a key of each kind is usable",
    arguments: [
      Row("RSA", .rsa, nil), Row("P-256", .p256, nil), Row("P-384", .p384, nil),
      Row("P-521", .p521, nil), Row("Ed25519", .ed25519, nil), Row("oct", .secret, nil),
    ]
  )
  func positives(row: Row) { #expect(row.key.problem == nil) }

  @Test(
    "K01, K02: a weak or huge RSA key is refused",
    arguments: [
      Row("e = 65537", .rsa.with("e", #""AQAB""#), nil),
      Row("e = 3", .rsa.with("e", #""Aw""#), nil),
      Row("e of 32 bits", .rsa.with("e", TestJWK.quoted([0xFF, 0xFF, 0xFF, 0xFF])), nil),
      Row("e = 1", .rsa.with("e", #""AQ""#), .exponentForbidden),
      Row("e even", .rsa.with("e", TestJWK.quoted([1, 0, 0])), .exponentForbidden),
      // Its last 32 bits are 65,537.
      Row("e of 33 bits", .rsa.with("e", TestJWK.quoted([1, 0, 1, 0, 1])), .exponentForbidden),
      Row(
        "n of 512 bits",
        .rsa.with("n", n([UInt8](repeating: 0xC1, count: 64))),
        .modulusTooSmall
      ),
      Row("n of 2047 bits", .rsa.with("n", n([0x7F] + fill(255))), .modulusTooSmall),
      Row("n of 8193 bits", .rsa.with("n", n([1] + fill(1_024))), .modulusTooLarge),
      Row("n of 16384 bits", .rsa.with("n", n(fill(2_048))), .modulusTooLarge),
      Row("n even", .rsa.with("n", n(TestKeys.rsaNumbers.n.dropLast() + [0xFE])), .modulusWeak),
      Row(
        "n divisible by 3",
        .rsa.with("n", n([UInt8](repeating: 0xFF, count: 256))),
        .modulusWeak
      ),
      Row("n prime", .rsa.with("n", "\"\(KeysFixtures.primeModulus)\""), .modulusWeak),
      Row("n of ROCA", .rsa.with("n", "\"\(KeysFixtures.rocaModulus)\""), .modulusROCA),
    ]
  )
  func rsa(row: Row) { #expect(row.key.problem == row.problem) }

  @Test(
    "K03: a weak secret is refused",
    arguments: [
      Row("32 bytes", .oct(fill(32)), nil),
      Row("32 bytes for HS256", .oct(fill(32)).with("alg", #""HS256""#), nil),
      Row("48 bytes for HS384", .oct(fill(48)).with("alg", #""HS384""#), nil),
      Row("64 bytes for HS512", .oct(fill(64)).with("alg", #""HS512""#), nil),
      Row("31 bytes", .oct(fill(31)), .secretTooShort),
      Row("47 bytes for HS384", .oct(fill(47)).with("alg", #""HS384""#), .secretTooShort),
      Row("63 bytes for HS512", .oct(fill(63)).with("alg", #""HS512""#), .secretTooShort),
      Row("empty", .oct([]), .secretTooShort),
      Row("a word", .oct(Array("secret".utf8)), .secretTooShort),
      Row("all zero", .oct([UInt8](repeating: 0, count: 64)), .secretZero),
      Row("RS256 on a secret", .secret.with("alg", #""RS256""#), .algorithmMismatch),
      Row("A256GCM", .secret.with("alg", #""A256GCM""#), .algorithmUnsupported),
    ]
  )
  func secrets(row: Row) { #expect(row.key.problem == row.problem) }

  @Test(
    "K04: a point that is not on its curve is refused",
    arguments: [
      Row("P-256 labelled P-384", .p256.with("crv", #""P-384""#), .pointInvalid),
      Row("ES384 on P-256", .p256.with("alg", #""ES384""#), .algorithmMismatch),
      Row("ES256 on P-256", .p256.with("alg", #""ES256""#), nil),
      Row("infinity", .point("P-256", [UInt8](repeating: 0, count: 64)), .pointInvalid),
      Row(
        "off the curve",
        .point("P-256", flipped(Array(TestKeys.p256.publicKey.rawRepresentation))),
        .pointInvalid
      ),
      Row("x longer", .p256.with("x", TestJWK.quoted([0] + x256)), .pointInvalid),
      Row("x shorter", .p256.with("x", TestJWK.quoted(Array(x256.dropFirst()))), .pointInvalid),
      Row("x above the field", .p256.with("x", n(fill(32))), .pointInvalid),
      Row("secp256k1", .p256.with("crv", #""secp256k1""#), .keyTypeUnsupported),
      Row("no y", .p256.without("y"), .memberMissing),
    ]
  )
  func points(row: Row) { #expect(row.key.problem == row.problem) }

  @Test(
    "A21: an Ed25519 key of small order or in another encoding is refused",
    arguments: [
      Row("y = 0", ed([0], 0), .pointSmallOrder),
      Row("y = 0, sign", ed([0], 0x80), .pointSmallOrder),
      Row("y = 1", ed([1], 0), .pointSmallOrder),
      Row("y = 1, sign", ed([1], 0x80), .pointSmallOrder),
      Row("y = -1", ed([0xEC], 0x7F), .pointSmallOrder),
      Row("y = -1, sign", ed([0xEC], 0xFF), .pointSmallOrder),
      Row(
        "order 8",
        hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        .pointSmallOrder
      ),
      Row(
        "order 8",
        hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
        .pointSmallOrder
      ),
      Row(
        "order 8",
        hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        .pointSmallOrder
      ),
      Row(
        "order 8",
        hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
        .pointSmallOrder
      ),
      Row("y = p", ed([0xED], 0x7F), .pointInvalid),
      Row("y = p + 1", ed([0xEE], 0xFF), .pointInvalid),
      Row("y = 2, off the curve", ed([2], 0), .pointInvalid),
      Row("y = 3, on the curve", ed([3], 0), nil),
      Row("31 bytes", .okp(fill(31)), .pointInvalid),
      Row("33 bytes", .okp(fill(33)), .pointInvalid),
      Row("X25519", .ed25519.with("crv", #""X25519""#), .keyTypeUnsupported),
      Row("Ed448", .ed25519.with("crv", #""Ed448""#), .keyTypeUnsupported),
      Row("ES256", .ed25519.with("alg", #""ES256""#), .algorithmMismatch),
    ]
  )
  func edwards(row: Row) { #expect(row.key.problem == row.problem) }

  @Test(
    "K05: a key for another purpose or of two types is refused",
    arguments: [
      Row("use sig", .p256.with("use", #""sig""#), nil),
      Row("use enc", .p256.with("use", #""enc""#), .useForbidden),
      Row("use Sig", .p256.with("use", #""Sig""#), .useForbidden),
      Row("use null", .p256.with("use", "null"), .useForbidden),
      Row("key_ops verify", .p256.with("key_ops", #"["verify"]"#), nil),
      Row("key_ops sign and verify", .secret.with("key_ops", #"["sign","verify"]"#), nil),
      Row("key_ops sign", .p256.with("key_ops", #"["sign"]"#), .operationsForbidden),
      Row("key_ops encrypt", .rsa.with("key_ops", #"["encrypt"]"#), .operationsForbidden),
      Row("key_ops mixed", .rsa.with("key_ops", #"["verify","encrypt"]"#), .operationsForbidden),
      Row("key_ops twice", .p256.with("key_ops", #"["verify","verify"]"#), .operationsForbidden),
      Row("key_ops empty", .p256.with("key_ops", "[]"), .operationsForbidden),
      Row("key_ops text", .p256.with("key_ops", #""verify""#), .operationsForbidden),
      Row("key_ops number", .p256.with("key_ops", #"["verify",1]"#), .operationsForbidden),
      Row("EC members in RSA", .rsa.with("crv", #""P-256""#), .memberForeign),
      Row("RSA members in EC", .p256.with("n", #""AQAB""#), .memberForeign),
      Row("EC as RSA", .p256.with("kty", #""RSA""#), .memberForeign),
      Row("y in OKP", .ed25519.with("y", #""AQAB""#), .memberForeign),
      Row("x in oct", .secret.with("x", #""AQAB""#), .memberForeign),
      Row("kty rsa", .rsa.with("kty", #""rsa""#), .keyTypeUnsupported),
      Row("kty AKP", .rsa.with("kty", #""AKP""#), .keyTypeUnsupported),
      Row("no kty member type", .rsa.with("kty", "1"), .keyTypeUnsupported),
      Row("alg ECDH-ES", .p256.with("alg", #""ECDH-ES""#), .algorithmUnsupported),
      Row("alg RSA-OAEP", .rsa.with("alg", #""RSA-OAEP""#), .algorithmUnsupported),
      Row("alg none", .rsa.with("alg", #""none""#), .algorithmUnsupported),
      Row("alg null", .rsa.with("alg", "null"), .malformed),
      Row("alg HS256 on RSA", .rsa.with("alg", #""HS256""#), .algorithmMismatch),
      Row("alg PS512 on RSA", .rsa.with("alg", #""PS512""#), nil),
      Row("kid number", .rsa.with("kid", "1"), .keyIDMalformed),
      Row("kid of 128 bytes", .rsa.named(String(repeating: "k", count: 128)), nil),
      Row("kid of 129 bytes", .rsa.named(String(repeating: "k", count: 129)), .keyIDMalformed),
      Row("kid with NUL", .rsa.with("kid", #""a\u0000""#), .keyIDMalformed),
    ]
  )
  func purposes(row: Row) { #expect(row.key.problem == row.problem) }

  @Test(
    "K12: a member in another encoding is refused",
    arguments: [
      Row(
        "n with a leading zero",
        .rsa.with("n", n([0] + TestKeys.rsaNumbers.n)),
        .memberMalformed
      ),
      Row("e with a leading zero", .rsa.with("e", #""AAEAAQ""#), .memberMalformed),
      Row("e as a number", .rsa.with("e", "65537"), .memberMalformed),
      Row("e empty", .rsa.with("e", #""""#), .memberMalformed),
      Row("e with padding", .rsa.with("e", #""Aw==""#), .memberMalformed),
      Row("e with stray bits", .rsa.with("e", #""Ax""#), .memberMalformed),
      Row(
        "x with +",
        .p256.with("x", "\"+" + String(repeating: "A", count: 42) + "\""),
        .memberMalformed
      ),
      Row(
        "x with white space",
        .p256.with("x", "\" " + Base64URL.encode(x256) + "\""),
        .memberMalformed
      ),
      Row("n absent", .rsa.without("n"), .memberMissing),
    ]
  )
  func encodings(row: Row) { #expect(row.key.problem == row.problem) }

  @Test(
    "K11: a certificate must carry the same key",
    arguments: [
      Row("same key", KeysFixtures.certified(KeysFixtures.certificateA), nil),
      Row("same RSA key", KeysFixtures.certifiedRSA, nil),
      Row(
        "chain",
        KeysFixtures.certified(KeysFixtures.certificateA, KeysFixtures.certificateB),
        nil
      ),
      Row("other key", KeysFixtures.certified(KeysFixtures.certificateB), .certificateMismatch),
      Row(
        "chain reversed",
        KeysFixtures.certified(
          KeysFixtures.certificateB,
          KeysFixtures.certificateA
        ),
        .certificateMismatch
      ),
      Row(
        "EC certificate on RSA",
        .rsa.with("x5c", "[\"\(KeysFixtures.certificateA)\"]"),
        .certificateMismatch
      ),
      Row("empty", KeysFixtures.keyA.with("x5c", "[]"), .certificateMalformed),
      Row("text", KeysFixtures.keyA.with("x5c", #""AAAA""#), .certificateMalformed),
      Row("number", KeysFixtures.keyA.with("x5c", "[1]"), .certificateMalformed),
      Row("garbage", KeysFixtures.certified("AAAA"), .certificateMalformed),
      Row(
        "truncated",
        KeysFixtures.certified(String(KeysFixtures.certificateA.dropLast(40))),
        .certificateMalformed
      ),
      Row(
        "base64url",
        KeysFixtures.certified(
          KeysFixtures.certificateA
            .replacing("+", with: "-").replacing("/", with: "_")
        ),
        .certificateMalformed
      ),
      Row(
        "no padding",
        KeysFixtures.certified(KeysFixtures.certificateA.replacing("=", with: "")),
        .certificateMalformed
      ),
      Row(
        "x5t",
        KeysFixtures.certified(KeysFixtures.certificateA)
          .with("x5t", "\"\(KeysFixtures.thumbprintA)\""),
        nil
      ),
      Row(
        "x5t of another",
        KeysFixtures.certified(KeysFixtures.certificateA)
          .with("x5t", "\"\(KeysFixtures.thumbprintB)\""),
        .certificateMismatch
      ),
      Row(
        "x5t#S256",
        KeysFixtures.certified(KeysFixtures.certificateA)
          .with("x5t#S256", "\"\(KeysFixtures.thumbprint256A)\""),
        nil
      ),
      Row(
        "x5t#S256 of another",
        KeysFixtures.certified(KeysFixtures.certificateA)
          .with("x5t#S256", "\"\(KeysFixtures.thumbprint256B)\""),
        .certificateMismatch
      ),
      Row("x5t alone", KeysFixtures.keyA.with("x5t", "\"\(KeysFixtures.thumbprintB)\""), nil),
      Row(
        "on a secret",
        .secret.with("x5c", "[\"\(KeysFixtures.certificateA)\"]"),
        .certificateMismatch
      ),
    ]
  )
  func certificates(row: Row) { #expect(row.key.problem == row.problem) }

  private static let x256 = Array(TestKeys.p256.publicKey.rawRepresentation.prefix(32))

  private static func fill(_ count: Int) -> [UInt8] { [UInt8](repeating: 0xFF, count: count) }

  private static func n(_ bytes: some Sequence<UInt8>) -> String { TestJWK.quoted(Array(bytes)) }

  private static func flipped(_ bytes: [UInt8]) -> [UInt8] {
    bytes.dropLast() + [(bytes.last ?? 0) ^ 1]
  }

  /// Little-endian: the first bytes, filled up with the top bit pattern, and the last byte.
  private static func ed(_ first: [UInt8], _ last: UInt8) -> TestJWK {
    let middle = [UInt8](repeating: last & 0x7F == 0 ? 0 : 0xFF, count: 31 - first.count)
    return .okp(first + middle + [last])
  }

  private static func hex(_ text: String) -> TestJWK { .okp(bytes(hex: text)) }
}

/// Bytes from hexadecimal digits.
func bytes(hex text: String) -> [UInt8] {
  let digits = Array(text)
  return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
    UInt8(String(digits[$0 ... ($0 + 1)]), radix: 16)
  }
}
