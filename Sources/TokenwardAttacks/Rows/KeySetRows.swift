// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows K06 to K10 and K13 to K16: sets as a whole, and which key of one is chosen.
enum KeySetRows {
  static let rows: [Attack] = [
    Attack(
      "K06",
      "symmetric and asymmetric keys mixed",
      "Wycheproof jwk tcId 1; RFC 8725 §2.1",
      [
        Self.document("EC, then oct", .privateMaterial) { bench in
          AttackKeys.set([try bench.keys.es256.jwk, try bench.keys.secret.jwk])
        },
        Self.document("oct, then EC", .privateMaterial) { bench in
          AttackKeys.set([try bench.keys.secret.jwk, try bench.keys.es256.jwk])
        },
        Self.document("oct alone, published", .privateMaterial) { bench in
          AttackKeys.set([try bench.keys.secret.jwk])
        },
        Self.document("oct in another letter case, with k", .privateMaterial) { bench in
          AttackKeys.set([
            try bench.keys.es256.jwk, try bench.keys.secret.jwk.setting("kty", "\"OCT\""),
          ])
        },
      ]
    ),
    Attack(
      "K07",
      "a kid twice",
      "Wycheproof jwk tcId 4",
      [
        Self.document("same type", .duplicateKeyID) { bench in
          AttackKeys.set([
            try bench.keys.es256.jwk.setting("kid", "\"k\""),
            try bench.keys.key1.jwk.setting("kid", "\"k\""),
          ])
        },
        Self.document("another type", .duplicateKeyID) { bench in
          AttackKeys.set([
            try bench.keys.es256.jwk.setting("kid", "\"k\""),
            try bench.keys.ed.jwk.setting("kid", "\"k\""),
          ])
        },
        Self.document("written with an escape", .duplicateKeyID) { bench in
          AttackKeys.set([
            try bench.keys.es256.jwk.setting("kid", "\"k\""),
            try bench.keys.ed.jwk.setting("kid", "\"\\u006b\""),
          ])
        },
        Self.document("one of them of no use", .duplicateKeyID) { bench in
          AttackKeys.set([
            try bench.keys.es256.jwk.setting("kid", "\"k\""),
            try bench.keys.ed.jwk.setting("kid", "\"k\"").setting("use", "\"enc\""),
          ])
        },
        Self.document("the member twice in one key", .malformed) { bench in
          AttackKeys.set([
            try bench.keys.es256.jwk.setting("kid", "\"k\"").appending("kid", "\"l\"")
          ])
        },
      ]
    ),
    Attack(
      "K08",
      "private keys published",
      "RFC 7517 §9.2",
      ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"].map { member in
        Self.document("\(member) beside public members", .privateMaterial) { bench in
          AttackKeys.set([
            try bench.keys.es256.jwk,
            try bench.keys.rsa.jwk.setting("kid", "\"k\"").setting(member, "\"AQAB\""),
          ])
        }
      }
        + [
          Self.document("the real private key of P-256", .privateMaterial) { bench in
            AttackKeys.set([try bench.keys.es256.privateJWK])
          },
          Self.document("in a key that would be skipped", .privateMaterial) { bench in
            AttackKeys.set([
              try bench.keys.es256.jwk,
              try bench.keys.ed.privateJWK.setting("kty", "\"unknown\"").setting("kid", "\"k\""),
            ])
          },
        ]
    ),
    Attack(
      "K09",
      "kid absent",
      "RFC 7515 §4.1.4; RFC 8725 §3.1",
      [
        .token("two keys of the issuer fit", .keyUnknown) { bench in
          try bench.token(header: bench.header().removing("kid").text)
        } twin: { bench in
          try bench.token(header: bench.header(bench.other).removing("kid").text, by: bench.other)
        },
        .token("two keys fit, RSA", .keyUnknown) { bench in
          try bench.token(
            header: bench.header(bench.ps256).removing("kid").text,
            by: bench.ps256
          )
        } twin: { bench in
          try bench.token(header: bench.header(bench.eddsa).removing("kid").text, by: bench.eddsa)
        },
        .token("one key fits, signed by another", .signatureInvalid) { bench in
          try bench.token(
            header: bench.header(bench.other).removing("kid").text,
            by: .init(
              key: bench.keys.attackerEC,
              algorithm: "ES256",
              kid: nil,
              issuer: AttackBench.otherIssuer
            )
          )
        } twin: { bench in
          try bench.token(header: bench.header(bench.other).removing("kid").text, by: bench.other)
        },
        .header("kid of no key, the only other one fits", .keyUnknown) { header, _ in
          header.setting("kid", "\"es257\"")
        },
      ]
    ),
    Attack(
      "K10",
      "key of another issuer",
      "RFC 8725 §3.8",
      [
        .token("the other issuer signs for the first", .signatureInvalid) { bench in
          try bench.token(claims: bench.claims().text, by: bench.other)
        } twin: { bench in
          try bench.token(by: bench.other)
        },
        .token("the first issuer signs for the other", .signatureInvalid) { bench in
          try bench.token(claims: bench.claims(bench.other).text)
        },
        .token("a kid that only another issuer has", .keyUnknown) { bench in
          try bench.token(
            header: bench.header(bench.singleUse).text,
            claims: bench.claims().text,
            by: bench.singleUse
          )
        },
        .token("an algorithm that only another issuer may use", .algorithmForbidden) { bench in
          try bench.token(
            header: bench.header(bench.symmetric).text,
            claims: bench.claims().text,
            by: bench.symmetric
          )
        } twin: { bench in
          try bench.token(by: bench.symmetric)
        },
      ]
    ),
    Attack(
      "K13",
      "polyglot and oversized sets",
      "RFC 8725bis; catalogue class D",
      [
        Self.document("5 MB of unknown members", .tooLarge) { bench in
          AttackKeys.set([
            try bench.keys.es256.jwk.setting("x", String(repeating: "9", count: 5_000_000))
          ])
        },
        Self.document("101 keys", .tooManyKeys) { bench in
          AttackKeys.set(Array(repeating: try bench.keys.es256.jwk, count: 101))
        },
        Self.document("10,000 keys", .malformed) { _ in
          AttackKeys.set(Array(repeating: RawObject([("kty", "\"EC\"")]), count: 10_000))
        },
        Self.document("nested 1,000 deep", .malformed) { bench in
          let deep = String(repeating: "[", count: 1_000) + String(repeating: "]", count: 1_000)
          return AttackKeys.set([try bench.keys.es256.jwk.setting("more", deep)])
        },
        Self.document("nested 100,000 deep", .malformed) { _ in
          [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        },
        Self.document("keys is an object", .malformed) { bench in
          Array("{\"keys\":{\"a\":\(try bench.keys.es256.jwk.text)}}".utf8)
        },
        Self.document("keys twice", .malformed) { bench in
          let jwk = try bench.keys.es256.jwk.text
          return Array("{\"keys\":[\(jwk)],\"keys\":[\(jwk)]}".utf8)
        },
        Self.document("a page in HTML", .malformed) { _ in Array("<!doctype html>".utf8) },
        Self.document("cut off", .malformed) { bench in
          AttackKeys.set([try bench.keys.es256.jwk]).dropLast(2)
        },
        Self.document("no keys", .noUsableKeys([])) { _ in Array("{\"keys\":[]}".utf8) },
      ]
    ),
    Attack(
      "K14",
      "PBES2, zip and wrapped keys",
      "CVE-2023-50967; CVE-2023-52428; CVE-2024-28180",
      [
        .header("PBES2 with 2^31 rounds", .algorithmForbidden) { header, _ in
          header.setting("alg", "\"PBES2-HS256+A128KW\"").setting("p2c", "2147483648")
            .setting("p2s", "\"AAAA\"").setting("enc", "\"A128GCM\"")
        },
        .header("p2c in a signed token's enc", .tokenMalformed) { header, _ in
          header.setting("enc", "\"A128GCM\"").setting("p2c", "2147483648")
        },
        .header("zip DEF", .tokenMalformed) { header, _ in header.setting("zip", "\"DEF\"") },
      ]
    ),
    Attack(
      "K16",
      "kid in canonical equivalence",
      "String equality in Swift",
      [
        .token("the Kelvin sign for K", .keyUnknown) { bench in
          try Self.named("\u{212A}ey1", bench)
        } twin: { bench in
          try Self.named("Key1", bench)
        },
        .token("the Kelvin sign as an escape", .keyUnknown) { bench in
          try bench.token(
            header: bench.header().setting("kid", "\"\\u212aey1\"").text,
            by: Self.key1("Key1", bench)
          )
        } twin: { bench in
          try bench.token(
            header: bench.header().setting("kid", "\"\\u004bey1\"").text,
            by: Self.key1("Key1", bench)
          )
        },
        .token("full-width K", .keyUnknown) { bench in
          try Self.named("\u{FF2B}ey1", bench)
        } twin: { bench in
          try Self.named("Key1", bench)
        },
      ]
    ),
  ]

  private static func key1(_ kid: String, _ bench: AttackBench) -> AttackBench.Signer {
    .init(key: bench.keys.key1, algorithm: "ES256", kid: kid, issuer: AttackBench.issuer)
  }

  private static func named(_ kid: String, _ bench: AttackBench) throws -> String {
    try bench.token(by: self.key1(kid, bench))
  }

  private static func document(
    _ name: String,
    _ problem: KeySetProblem,
    _ build: @escaping @Sendable (AttackBench) throws -> [UInt8]
  ) -> AttackVariant {
    .keySet(name) { bench in
      .document(
        try build(bench),
        problem,
        twin: AttackKeys.set([
          try bench.keys.es256.jwk.setting("kid", "\"k\""),
          try bench.keys.ed.jwk.setting("kid", "\"l\""),
        ])
      )
    }
  }
}
