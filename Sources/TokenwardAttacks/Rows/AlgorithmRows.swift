// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows A01 to A14: who chooses the algorithm and the key.
enum AlgorithmRows {
  static let rows: [Attack] = [
    Attack(
      "A01",
      "alg none",
      "RFC 8725 §3.1; RFC 7518 §3.6; CVE-2015-9235; CVE-2022-23540",
      ["none", "None", "NONE", "nOnE"].flatMap { name in
        [
          Self.unsecured("\(name), empty signature", name) { "\($0)." },
          Self.unsecured("\(name), no second dot", name) { $0 },
          .header("\(name), a real signature left in place", .algorithmForbidden) { header, _ in
            header.setting("alg", string: name)
          },
        ]
      }
    ),
    Attack(
      "A02",
      "alg letter case and white space",
      "RFC 7515 §4.1.1; CVE-2026-34950",
      [
        "rs256", "Rs256", "RS256 ", " RS256", "\\u0000RS256", "RS256\\u0000", "RS256\\n",
        "R\\u017f256", "\u{FF32}\u{FF33}256", "RS-256", "RS256,ES256", "es256", "ES256\\u200b",
      ].map { name in
        .token("\"\(name)\"", .algorithmForbidden) { bench in
          try bench.token(
            header: bench.header(bench.rs256).setting("alg", "\"\(name)\"").text,
            by: bench.rs256
          )
        } twin: { bench in
          try bench.token(by: bench.rs256)
        }
      }
    ),
    Attack(
      "A03",
      "alg type",
      "RFC 7515 §4.1.1; RFC 8725 §3.1",
      [
        .header("absent", .tokenMalformed) { header, _ in header.removing("alg") },
        .header("empty", .algorithmForbidden) { header, _ in header.setting("alg", "\"\"") },
      ]
        + ["null", "0", "true", "[\"ES256\"]", "{\"alg\":\"ES256\"}", "256"].map { value in
          .header(value, .tokenMalformed) { header, _ in header.setting("alg", value) }
        }
    ),
    Attack(
      "A04",
      "RS to HS confusion",
      "RFC 8725 §2.1; CVE-2016-10555; CVE-2022-29217; CVE-2023-48223",
      [
        "JWK text", "PEM", "PEM with a line end", "PEM with CRLF", "PKCS#1 PEM", "DER",
        "PKCS#1 DER", "the modulus",
      ].flatMap { form in
        [
          Self.confusion("HS256 keyed with \(form)", form, \.rs256),
          .token("\(form), against the issuer that does use HS256", .signatureInvalid) { bench in
            let key = try Self.publicForm(form, of: bench.rs256)
            return bench.forged(
              bench.signingInput(bench.symmetric),
              try key.signature(
                over: Array(bench.signingInput(bench.symmetric).utf8),
                algorithm: "HS256"
              )
            )
          } twin: { bench in
            try bench.token(by: bench.symmetric)
          },
        ]
      }
    ),
    Attack(
      "A05",
      "ES and EdDSA to HS confusion",
      "Wycheproof jws tcId 31; CVE-2024-33663",
      ["x and y", "the uncompressed point", "x", "PEM", "DER", "JWK text"].map {
        Self.confusion("HS256 keyed with \($0) of P-256", $0, \.es256)
      }
        + ["x", "JWK text"].map {
          Self.confusion("HS256 keyed with \($0) of Ed25519", $0, \.eddsa)
        }
    ),
    Attack(
      "A06",
      "algorithm picked by the header",
      "CVE-2026-22817; CVE-2026-22818; RFC 8725 §3.1",
      ["RS384", "RS512", "PS384", "PS512"].map { name in
        .denied(name, .algorithmForbidden) { bench in
          bench.call(try Self.renamed(bench.rs256, name, bench))
        } twin: { bench in
          bench.call(try Self.renamed(bench.rs256, "PS256", bench))
        }
      }
    ),
    Attack(
      "A07",
      "alg of the JWK differs from the header",
      "RFC 7517 §4.4; Wycheproof jws ps512",
      ["RS256", "PS384", "RS512", "PS512"].map { name in
        .token("key for PS256, valid signature by \(name)", .algorithmForbidden) { bench in
          try Self.renamed(bench.ps256, name, bench)
        } twin: { bench in
          try bench.token(by: bench.ps256)
        }
      }
        + [
          .token("key of P-256 for a header that says ES384", .algorithmForbidden) { bench in
            try bench.token(
              header: bench.header().setting("alg", "\"ES384\"").text,
              algorithm: "ES256"
            )
          },
          .token("key of P-384 for a header that says ES256", .algorithmForbidden) { bench in
            try bench.token(
              header: bench.header(bench.es384).setting("alg", "\"ES256\"").text,
              by: bench.es384
            )
          } twin: { bench in
            try bench.token(by: bench.es384)
          },
        ]
    ),
    Attack(
      "A08",
      "deprecated and unknown algorithms",
      "RFC 9864; RFC 8725 §3.2",
      [
        "RS1", "HS1", "HS256/64", "ES256K", "ES224", "ES521", "RSA1_5", "RSA-OAEP", "A128GCM",
        "dir",
        "ESP256", "Ed448", "HMAC-SHA256",
      ].map { name in
        .header(name, .algorithmForbidden) { header, _ in header.setting("alg", string: name) }
      }
        + [
          .token("Ed25519 where only EdDSA is listed", .algorithmForbidden) { bench in
            try Self.renamed(bench.eddsa, "Ed25519", bench)
          } twin: { bench in
            try bench.token(by: bench.eddsa)
          }
        ]
    ),
    Attack(
      "A25",
      "algorithms of the future",
      "RFC 9864; Wycheproof mldsa_*_verify",
      ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "SLH-DSA-SHA2-128s"].map { name in
        .token("\(name) over an RSA key", .algorithmForbidden) { bench in
          try bench.token(
            header: bench.header(bench.rs256).setting("alg", string: name).text,
            by: bench.rs256
          )
        } twin: { bench in
          try bench.token(by: bench.rs256)
        }
      }
    ),
  ]

  private static func unsecured(
    _ name: String,
    _ algorithm: String,
    _ finish: @escaping @Sendable (String) -> String
  ) -> AttackVariant {
    .token(name, .algorithmForbidden) { bench in
      finish(bench.signingInput(header: bench.header().setting("alg", string: algorithm)))
    }
  }

  private static func publicForm(_ form: String, of signer: AttackBench.Signer) throws -> SigningKey
  {
    for candidate in try signer.key.publicForms where candidate.name.utf8.elementsEqual(form.utf8) {
      return SigningKey(secret: candidate.bytes)
    }
    throw SigningKey.Problem.kind(signer.key.kind)
  }

  private static func confusion(
    _ name: String,
    _ form: String,
    _ signer: @escaping @Sendable (AttackBench) -> AttackBench.Signer
  ) -> AttackVariant {
    .token(name, .algorithmForbidden) { bench in
      let signer = signer(bench)
      let input = bench.signingInput(
        signer,
        header: bench.header(signer).setting("alg", "\"HS256\"")
      )
      let key = try Self.publicForm(form, of: signer)
      return bench.forged(
        input,
        try key.signature(over: Array(input.utf8), algorithm: "HS256")
      )
    } twin: { bench in
      try bench.token(by: signer(bench))
    }
  }

  /// A token whose signature is valid under another algorithm of the same key, which it names.
  private static func renamed(
    _ signer: AttackBench.Signer,
    _ algorithm: String,
    _ bench: AttackBench
  ) throws -> String {
    try bench.token(
      header: bench.header(signer).setting("alg", string: algorithm).text,
      by: signer,
      algorithm: algorithm
    )
  }
}
