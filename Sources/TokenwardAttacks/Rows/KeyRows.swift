// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows K01 to K08 and K11 to K13: what a key set may hold.
enum KeyRows {
  static let rows: [Attack] = [
    Attack(
      "K01",
      "weak RSA",
      "RFC 7518 §3.3; Wycheproof jwk tcId 7 to 9; CVE-2017-15361",
      [
        Self.rsa("512 bits", .modulusTooSmall) { jwk, n in
          jwk.setting("n", Self.oddPrefix(of: n, 64))
        },
        Self.rsa("1,024 bits", .modulusTooSmall) { jwk, n in
          jwk.setting("n", Self.oddPrefix(of: n, 128))
        },
        Self.rsa("2,047 bits", .modulusTooSmall) { jwk, n in
          jwk.setting("n", SigningKey.quoted([n[0] & 0x7F | 0x40] + n.dropFirst()))
        },
        Self.rsa("even modulus", .modulusWeak) { jwk, n in
          jwk.setting("n", SigningKey.quoted(n.dropLast() + [n[255] & 0xFE]))
        },
        Self.rsa("a factor of 3", .modulusWeak) { jwk, n in
          let number = RawNumber(bigEndian: n)
          // Two more until 3 divides it: an odd number with the first bit set stays one.
          let rest = number.remainder(by: 3)
          let step: [UInt8] = rest == 0 ? [0] : rest == 1 ? [2] : [4]
          return jwk.setting(
            "n",
            SigningKey.quoted((number + RawNumber(bigEndian: step)).bigEndian(length: 256))
          )
        },
        Self.rsa("a prime modulus", .modulusWeak) { jwk, _ in
          jwk.setting("n", SigningKey.quoted(CurveOrder.prime2048))
        },
        Self.rsa("ROCA fingerprint", .modulusROCA) { jwk, _ in
          jwk.setting("n", SigningKey.quoted(Self.rocaModulus))
        },
        Self.exponent("e = 1", [1]), Self.exponent("e = 2", [2]),
        Self.exponent("even e", [1, 0, 0]),
      ]
    ),
    Attack(
      "K02",
      "huge RSA",
      "catalogue class D",
      [
        Self.rsa("a modulus of 16,384 bits", .modulusTooLarge) { jwk, n in
          jwk.setting("n", SigningKey.quoted([[UInt8]](repeating: n, count: 8).flatMap(\.self)))
        },
        Self.rsa("a modulus of 8,193 bits", .modulusTooLarge) { jwk, n in
          jwk.setting(
            "n",
            SigningKey.quoted([1] + [[UInt8]](repeating: n, count: 4).flatMap(\.self))
          )
        },
        Self.exponent("an exponent over 32 bits", [1, 0, 1, 0, 1]),
        Self.exponent(
          "an exponent over 64 bits",
          [1] + [UInt8](repeating: 0, count: 5) + [1, 0, 1]
        ),
      ]
    ),
    Attack(
      "K03",
      "short HMAC secrets",
      "RFC 7518 §3.2; RFC 8725 §3.5; Wycheproof jwk tcId 10 to 18",
      [
        Self.secret("31 bytes", .secretTooShort, Array(1 ... 31), nil),
        Self.secret("empty", .secretTooShort, [], nil),
        Self.secret("\"secret\"", .secretTooShort, Array("secret".utf8), nil),
        Self.secret(
          "a passphrase",
          .secretTooShort,
          Array("correct horse battery staple".utf8),
          nil
        ),
        Self.secret("47 bytes for HS384", .secretTooShort, Array(1 ... 47), "HS384"),
        Self.secret("63 bytes for HS512", .secretTooShort, Array(1 ... 63), "HS512"),
        Self.secret("zeros", .secretZero, [UInt8](repeating: 0, count: 64), nil),
      ]
    ),
    Attack(
      "K04",
      "curves and points",
      "RFC 8725 §3.4; Wycheproof jwk tcId 19 to 23",
      [
        Self.ec("a P-256 key for ES384", .algorithmMismatch) { jwk, _ in
          jwk.setting("alg", "\"ES384\"")
        },
        Self.ec("P-256 coordinates on P-384", .pointInvalid) { jwk, _ in
          jwk.setting("crv", "\"P-384\"")
        },
        Self.ec("off the curve", .pointInvalid) { jwk, point in
          jwk.setting("y", SigningKey.quoted(point[32 ..< 63] + [point[63] ^ 1]))
        },
        Self.ec("x and y exchanged", .pointInvalid) { jwk, point in
          jwk.setting("x", SigningKey.quoted(Array(point[32...])))
            .setting("y", SigningKey.quoted(Array(point[..<32])))
        },
        Self.ec("x longer than the field", .pointInvalid) { jwk, point in
          jwk.setting("x", SigningKey.quoted([0] + point[..<32]))
        },
        Self.ec("y shorter than the field", .pointInvalid) { jwk, point in
          jwk.setting("y", SigningKey.quoted(Array(point[33...])))
        },
        Self.ec("the point at infinity", .pointInvalid) { jwk, _ in
          let zero = SigningKey.quoted([UInt8](repeating: 0, count: 32))
          return jwk.setting("x", zero).setting("y", zero)
        },
        Self.ec("x is the prime of the field plus x", .pointInvalid) { jwk, _ in
          jwk.setting("x", SigningKey.quoted([UInt8](repeating: 0xFF, count: 32)))
        },
        Self.ec("another curve", .keyTypeUnsupported) { jwk, _ in
          jwk.setting("crv", "\"secp256k1\"")
        },
        Self.ec("the curve's name in another letter case", .keyTypeUnsupported) { jwk, _ in
          jwk.setting("crv", "\"p-256\"")
        },
        Self.ec("no y", .memberMissing) { jwk, _ in jwk.removing("y") },
        Self.edwards("Ed25519 point of order 1", .pointSmallOrder) { _ in
          [1] + [UInt8](repeating: 0, count: 31)
        },
        Self.edwards("Ed25519 point of order 2", .pointSmallOrder) { _ in
          [0xEC] + [UInt8](repeating: 0xFF, count: 30) + [0x7F]
        },
        Self.edwards("Ed25519 point of order 4", .pointSmallOrder) { _ in
          [UInt8](repeating: 0, count: 32)
        },
        Self.edwards("Ed25519 point that is not canonical", .pointInvalid) { _ in
          [UInt8](repeating: 0xFF, count: 31) + [0x7F]
        },
        Self.edwards("31 bytes", .pointInvalid) { $0.dropLast() },
        Self.edwards("33 bytes", .pointInvalid) { $0 + [0] },
      ]
    ),
    Attack(
      "K05",
      "kty, use, key_ops, alg",
      "RFC 7517 §4.2, §4.3; Wycheproof jwk tcId 6, 21, 24 to 26",
      [
        Self.ec("use enc", .useForbidden) { jwk, _ in jwk.setting("use", "\"enc\"") },
        Self.ec("use SIG", .useForbidden) { jwk, _ in jwk.setting("use", "\"SIG\"") },
        Self.ec("key_ops encrypt", .operationsForbidden) { jwk, _ in
          jwk.setting("key_ops", "[\"encrypt\"]")
        },
        Self.ec("key_ops sign only", .operationsForbidden) { jwk, _ in
          jwk.setting("key_ops", "[\"sign\"]")
        },
        Self.ec("key_ops verify and deriveKey", .operationsForbidden) { jwk, _ in
          jwk.setting("key_ops", "[\"verify\",\"deriveKey\"]")
        },
        Self.ec("key_ops verify twice", .operationsForbidden) { jwk, _ in
          jwk.setting("key_ops", "[\"verify\",\"verify\"]")
        },
        Self.ec("key_ops is a string", .operationsForbidden) { jwk, _ in
          jwk.setting("key_ops", "\"verify\"")
        },
        Self.rsa("RSA with the members of EC", .memberForeign) { jwk, _ in
          jwk.setting("crv", "\"P-256\"").setting("x", "\"AA\"")
        },
        Self.ec("EC with the members of RSA", .memberForeign) { jwk, _ in
          jwk.setting("n", "\"AQAB\"").setting("e", "\"AQAB\"")
        },
        Self.ec("alg A256GCM", .algorithmUnsupported) { jwk, _ in
          jwk.setting("alg", "\"A256GCM\"")
        },
        Self.ec("alg none", .algorithmUnsupported) { jwk, _ in jwk.setting("alg", "\"none\"") },
        Self.ec("alg RS256 of an EC key", .algorithmMismatch) { jwk, _ in
          jwk.setting("alg", "\"RS256\"")
        },
        Self.ec("alg HS256 of an EC key", .algorithmMismatch) { jwk, _ in
          jwk.setting("alg", "\"HS256\"")
        },
        Self.ec("alg is a number", .malformed) { jwk, _ in jwk.setting("alg", "1") },
        Self.ec("kty in another letter case", .keyTypeUnsupported) { jwk, _ in
          jwk.setting("kty", "\"ec\"")
        },
        Self.ec("no kty", .memberMissing) { jwk, _ in jwk.removing("kty") },
        Self.ec("kid is a number", .keyIDMalformed) { jwk, _ in jwk.setting("kid", "1") },
        Self.ec("kid of 129 bytes", .keyIDMalformed) { jwk, _ in
          jwk.setting("kid", string: String(repeating: "k", count: 129))
        },
      ]
    ),
    Attack(
      "K11",
      "certificates in a key set",
      "RFC 7517 §4.7 to §4.9",
      [
        Self.certified("x5c of another key", .certificateMismatch) { jwk, bench in
          let other = try Certificate.selfSigned(by: bench.keys.attackerEC)
          return jwk.setting("x5c", Certificate.x5c([other]))
        },
        Self.certified("x5t#S256 of another certificate", .certificateMismatch) { jwk, bench in
          let other = try Certificate.selfSigned(by: bench.keys.attackerEC)
          return jwk.setting("x5t#S256", SigningKey.quoted(Certificate.sha256(other)))
        },
        Self.certified("x5t that is no thumbprint of it", .certificateMismatch) { jwk, _ in
          jwk.setting("x5t", SigningKey.quoted([UInt8](repeating: 7, count: 20)))
        },
        Self.certified("x5c is empty", .certificateMalformed) { jwk, _ in
          jwk.setting("x5c", "[]")
        },
        Self.certified("x5c is no certificate", .certificateMalformed) { jwk, _ in
          jwk.setting("x5c", "[\"AAAA\"]")
        },
        Self.certified("x5c in base64url", .certificateMalformed) { jwk, _ in
          jwk.setting("x5c", "[\"____\"]")
        },
        Self.certified("the right certificate second", .certificateMismatch) { jwk, bench in
          jwk.setting(
            "x5c",
            Certificate.x5c([
              try Certificate.selfSigned(by: bench.keys.attackerEC),
              try Certificate.selfSigned(by: bench.keys.es256),
            ])
          )
        },
        Self.certified("x5c is text", .certificateMalformed) { jwk, _ in
          jwk.setting("x5c", "\"AAAA\"")
        },
        .keySet("Ed25519 key in an RSA slot") { bench in
          let jwk = try bench.keys.ed.jwk
          return .key(jwk.setting("kty", "\"RSA\"").text, .memberForeign, twin: jwk.text)
        },
      ]
    ),
    Attack(
      "K12",
      "encoding of JWK members",
      "RFC 7518 §2, §6.3",
      [
        Self.rsa("n with padding", .memberMalformed) { jwk, n in
          jwk.setting("n", SigningKey.quoted(n).dropLast() + "==\"")
        },
        Self.rsa("n with a leading zero", .memberMalformed) { jwk, n in
          jwk.setting("n", SigningKey.quoted([0] + n))
        },
        Self.rsa("n with bits beyond its end", .memberMalformed) { jwk, n in
          jwk.setting("n", "\"\(Encoded.withStrayBits(Base64URL.encode(n)))\"")
        },
        Self.rsa("e is a number", .memberMalformed) { jwk, _ in jwk.setting("e", "65537") },
        Self.rsa("e with a leading zero", .memberMalformed) { jwk, _ in
          jwk.setting("e", SigningKey.quoted([0, 1, 0, 1]))
        },
        Self.rsa("e is empty", .memberMalformed) { jwk, _ in jwk.setting("e", "\"\"") },
        Self.rsa("n is null", .memberMalformed) { jwk, _ in jwk.setting("n", "null") },
        Self.rsa("no e", .memberMissing) { jwk, _ in jwk.removing("e") },
        Self.ec("x in base64 with + and /", .memberMalformed) { jwk, point in
          let text = Base64URL.encode(Array(point[..<32]))
          return jwk.setting("x", "\"+/\(text.dropFirst(2))\"")
        },
        Self.ec("x with padding", .memberMalformed) { jwk, point in
          jwk.setting("x", "\"\(Base64URL.encode(Array(point[..<32])))=\"")
        },
        Self.ec("x with a line break", .memberMalformed) { jwk, point in
          jwk.setting("x", "\"\(Base64URL.encode(Array(point[..<32])))\\n\"")
        },
      ]
    ),
  ]

  private static func rsa(
    _ name: String,
    _ problem: KeyProblem,
    _ change: @escaping @Sendable (_ jwk: RawObject, _ modulus: [UInt8]) throws -> RawObject
  ) -> AttackVariant {
    .keySet(name) { bench in
      let jwk = try bench.keys.rsa.jwk
      return .key(try change(jwk, try bench.keys.rsa.modulus).text, problem, twin: jwk.text)
    }
  }

  private static func exponent(_ name: String, _ exponent: [UInt8]) -> AttackVariant {
    .keySet(name) { bench in
      let jwk = try bench.keys.rsa.jwk
      return .key(
        jwk.setting("e", SigningKey.quoted(exponent)).text,
        .exponentForbidden,
        twin: jwk.setting("e", "\"Aw\"").text
      )
    }
  }

  private static func ec(
    _ name: String,
    _ problem: KeyProblem,
    _ change: @escaping @Sendable (_ jwk: RawObject, _ point: [UInt8]) throws -> RawObject
  ) -> AttackVariant {
    .keySet(name) { bench in
      let twin = try bench.keys.es256.jwk
        .setting("kid", "\"k\"").setting("use", "\"sig\"").setting("key_ops", "[\"verify\"]")
        .setting("alg", "\"ES256\"")
      // `alg` would be refused before the curve is looked at.
      let jwk = try bench.keys.es256.jwk
      let point = try bench.keys.es256.publicForms.first {
        $0.name.utf8.elementsEqual("x and y".utf8)
      }
      return .key(try change(jwk, point?.bytes ?? []).text, problem, twin: twin.text)
    }
  }

  private static func edwards(
    _ name: String,
    _ problem: KeyProblem,
    _ change: @escaping @Sendable ([UInt8]) -> [UInt8]
  ) -> AttackVariant {
    .keySet(name) { bench in
      let jwk = try bench.keys.ed.jwk
      let point = try bench.keys.ed.publicForms.last?.bytes ?? []
      return .key(
        jwk.setting("x", SigningKey.quoted(change(point))).text,
        problem,
        twin: jwk.text
      )
    }
  }

  private static func secret(
    _ name: String,
    _ problem: KeyProblem,
    _ bytes: [UInt8],
    _ algorithm: String?
  ) -> AttackVariant {
    .keySet(name) { bench in
      func jwk(_ bytes: [UInt8]) -> String {
        let jwk = RawObject([("kty", "\"oct\"")]).setting("k", SigningKey.quoted(bytes))
        return (algorithm.map { jwk.setting("alg", string: $0) } ?? jwk).text
      }
      let longEnough = algorithm.map { $0.utf8.elementsEqual("HS384".utf8) ? 48 : 64 } ?? 32
      return .secret(jwk(bytes), problem, twin: jwk(Array((1 ... 64).prefix(longEnough))))
    }
  }

  private static func certified(
    _ name: String,
    _ problem: KeyProblem,
    _ change: @escaping @Sendable (RawObject, AttackBench) throws -> RawObject
  ) -> AttackVariant {
    .keySet(name) { bench in
      let certificate = try Certificate.selfSigned(by: bench.keys.es256)
      let jwk = try bench.keys.es256.jwk
        .setting("x5c", Certificate.x5c([certificate]))
        .setting("x5t#S256", SigningKey.quoted(Certificate.sha256(certificate)))
      return .key(try change(jwk, bench).text, problem, twin: jwk.text)
    }
  }

  private static func oddPrefix(of n: [UInt8], _ count: Int) -> String {
    SigningKey.quoted(n.prefix(count - 1) + [n[count - 1] | 1])
  }

  /// 1 modulo every prime that the fingerprint looks at, and odd: no key of Infineon's, but not to
  /// be told from one.
  private static let rocaModulus: [UInt8] = {
    let primes: [UInt8] = [
      3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
      101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ]
    let even = [UInt8](repeating: 0xFF, count: 231) + [0xFE]
    let product = primes.reduce(RawNumber(bigEndian: even)) { $0 * RawNumber(bigEndian: [$1]) }
    let bytes = (product + RawNumber(bigEndian: [1])).bigEndian(length: 256)
    return Array(bytes.drop { $0 == 0 })
  }()
}
