// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows A09 to A14, A23 and A24: what else a header or a serialization can ask for.
enum HeaderRows {
  static let rows: [Attack] = [
    Attack(
      "A09",
      "embedded jwk",
      "RFC 7515 §4.1.3; RFC 8725 §3.10; CVE-2018-0114; CVE-2026-27962",
      [
        .token("a stranger's EC key, signed by it", .tokenMalformed) { bench in
          try Self.selfKeyed(bench, AttackBench.stranger(bench), kid: "es256")
        },
        .token("a stranger's EC key, signed by it, without kid", .tokenMalformed) { bench in
          try Self.selfKeyed(bench, AttackBench.stranger(bench), kid: nil)
        },
        .token("a stranger's RSA key, signed by it", .tokenMalformed) { bench in
          try Self.selfKeyed(
            bench,
            .init(
              key: bench.keys.attackerRSA,
              algorithm: "RS256",
              kid: "rsa",
              issuer: AttackBench.issuer
            ),
            kid: "rsa"
          )
        },
        .header("the issuer's own key, rightly signed", .tokenMalformed) { header, bench in
          header.setting("jwk", try bench.keys.es256.jwk.text)
        },
        .header("null", .tokenMalformed) { header, _ in header.setting("jwk", "null") },
      ]
    ),
    Attack(
      "A10",
      "embedded x5c",
      "RFC 7515 §4.1.6; RFC 8725 §3.10",
      [
        .header("empty list", .tokenMalformed) { header, _ in header.setting("x5c", "[]") },
        .token("a stranger's certificate, signed by its key", .tokenMalformed) { bench in
          let stranger = AttackBench.stranger(bench)
          let certificate = try Certificate.selfSigned(by: stranger.key)
          return try bench.token(
            header: bench.header(stranger).setting("x5c", Certificate.x5c([certificate])).text,
            by: stranger
          )
        },
        .header("a chain with a wrong leaf, rightly signed", .tokenMalformed) { header, bench in
          header.setting(
            "x5c",
            Certificate.x5c([
              try Certificate.selfSigned(by: bench.keys.attackerEC),
              try Certificate.selfSigned(by: bench.keys.es256),
            ])
          )
        },
        .header("the right certificate", .tokenMalformed) { header, bench in
          header.setting("x5c", Certificate.x5c([try Certificate.selfSigned(by: bench.keys.es256)]))
        },
      ]
    ),
    Attack(
      "A11",
      "jku and x5u",
      "RFC 8725 §2.9, §3.10; CWE-918",
      ["jku", "x5u"].flatMap { member in
        [
          "https://attacker.test/jwks.json", "http://127.0.0.1:9/jwks.json",
          "http://[::1]:9/jwks.json", "http://169.254.169.254/latest/meta-data/",
          "file:///etc/passwd", "https://issuer.test/redirect?to=https://attacker.test/jwks.json",
          "",
        ].map { url in
          .header("\(member) \(url)", .tokenMalformed) { header, _ in
            header.setting(member, string: url)
          }
        }
      }
    ),
    Attack(
      "A12",
      "kid injection",
      "RFC 8725 §3.10",
      [
        "../../dev/null", "/proc/self/environ", "' OR 1=1--", "$(id)", "es256'", "ES256", "es256 ",
        "", "*", "http://attacker.test/key", String(repeating: "k", count: 128),
      ].map { kid in
        .header(kid.utf8.count < 100 ? "\"\(kid)\"" : "128 bytes", .keyUnknown) { header, _ in
          header.setting("kid", string: kid)
        }
      }
        + [
          "\"es256\\u0000\"", "\"es\\u0000256\"", "\"es256\\r\\n\"", "256", "[\"es256\"]", "null",
          "true", "{\"kid\":\"es256\"}", "\"\(String(repeating: "k", count: 129))\"",
        ].map { value in
          .header(String(value.prefix(40)), .tokenMalformed) { header, _ in
            header.setting("kid", value)
          }
        }
        + [
          .token("a kid of 1 MB", .tokenTooLarge, .guardOnly) { bench in
            let kid = String(repeating: "k", count: 1_000_000)
            return try bench.token(header: bench.header().setting("kid", "\"\(kid)\"").text)
          }
        ]
    ),
    Attack(
      "A13",
      "crit",
      "RFC 7515 §4.1.11; CVE-2025-59420; CVE-2026-32597; CVE-2026-35042",
      ["[\"exp\"]", "[\"x\"]", "[]", "\"b64\"", "[1]", "null", "[\"alg\"]", "{}", "false"].map {
        value in
        .header("crit \(value)", .tokenMalformed) { header, _ in
          header.setting("crit", value).setting("exp", "1")
        } twin: { header, _ in
          header.setting("exp", "1")
        }
      }
        + [
          .header("names that are not in the header", .tokenMalformed) { header, _ in
            header.setting("crit", "[\"absent\"]")
          },
          .header("a name twice", .tokenMalformed) { header, _ in
            header.setting("crit", "[\"x\",\"x\"]").setting("x", "1")
          } twin: { header, _ in
            header.setting("x", "1")
          },
          .claims("in the payload only", .claimMalformed) { claims, _ in
            claims.setting("crit", "[\"exp\"]")
          },
        ]
    ),
    Attack(
      "A14",
      "b64 false",
      "RFC 7797 §6, §7",
      [
        .header("with crit", .tokenMalformed) { header, _ in
          header.setting("b64", "false").setting("crit", "[\"b64\"]")
        },
        .header("without crit", .tokenMalformed) { header, _ in header.setting("b64", "false") },
        .header("true", .tokenMalformed) { header, _ in header.setting("b64", "true") },
        .token("an unencoded payload with dots in it", .tokenMalformed) { bench in
          let header = bench.header().setting("b64", "false").setting("crit", "[\"b64\"]")
          return try bench.signed("\(Base64URL.encode(Array(header.text.utf8))).a.b.c")
        },
        .token("an unencoded payload, the header does not say so", .tokenMalformed) { bench in
          try bench.signed("\(Base64URL.encode(Array(bench.header().text.utf8))).a.b.c")
        },
      ]
    ),
    Attack(
      "A23",
      "nested JWT and JWE",
      "RFC 8725 §3.3; CVE-2026-29000",
      [
        .header("cty JWT, rightly signed", .tokenMalformed) { header, _ in
          header.setting("cty", "\"JWT\"")
        } twin: { header, _ in
          header.setting("cty", "\"json\"")
        },
        .header("cty application/JWT;x=1", .tokenMalformed) { header, _ in
          header.setting("cty", "\"application/JWT;x=1\"")
        },
        .token("a signed token around an unsigned one", .tokenMalformed) { bench in
          let inner = bench.signingInput(header: bench.header().setting("alg", "\"none\"")) + "."
          return try bench.token(claims: inner)
        },
        .token("five parts with RSA-OAEP", .algorithmForbidden) { bench in
          let header = RawObject()
            .setting("alg", "\"RSA-OAEP-256\"").setting("enc", "\"A256GCM\"").text
          return "\(Base64URL.encode(Array(header.utf8))).AAAA.AAAA.AAAA.AAAA"
        },
        .token("five parts with dir", .algorithmForbidden) { bench in
          let header = RawObject().setting("alg", "\"dir\"").setting("enc", "\"A128GCM\"").text
          return "\(Base64URL.encode(Array(header.utf8)))..AAAA.AAAA.AAAA"
        },
        .header("enc in a rightly signed token", .tokenMalformed) { header, _ in
          header.setting("enc", "\"A256GCM\"")
        },
        .token("five parts whose header says ES256", .tokenMalformed) { bench in
          "\(bench.signingInput()).AAAA.AAAA.AAAA"
        },
      ]
    ),
    Attack(
      "A24",
      "JSON serialization",
      "RFC 7515 §7.2; Wycheproof jws rejectsValidJsonSerialization",
      [
        .token("flattened", .credentialMalformed) { bench in try Self.flattened(bench) },
        .token("flattened, in base64url", .tokenMalformed) { bench in
          Base64URL.encode(Array(try Self.flattened(bench).utf8))
        },
        .token("general with two signatures of which one is good", .credentialMalformed) { bench in
          let parts = try bench.token().split(separator: ".").map(String.init)
          return "{\"payload\":\"\(parts[1])\",\"signatures\":["
            + "{\"protected\":\"\(parts[0])\",\"signature\":\"\(parts[2])\"},"
            + "{\"protected\":\"\(parts[0])\",\"header\":{\"alg\":\"none\"},\"signature\":\"\"}]}"
        },
      ]
    ),
  ]

  private static func flattened(_ bench: AttackBench) throws -> String {
    let parts = try bench.token().split(separator: ".").map(String.init)
    return "{\"protected\":\"\(parts[0])\",\"header\":{\"kid\":\"es256\"},"
      + "\"payload\":\"\(parts[1])\",\"signature\":\"\(parts[2])\"}"
  }

  private static func selfKeyed(
    _ bench: AttackBench,
    _ signer: AttackBench.Signer,
    kid: String?
  ) throws -> String {
    var header = bench.header(signer).setting("jwk", try signer.key.jwk.text)
    header = kid.map { header.setting("kid", string: $0) } ?? header.removing("kid")
    return try bench.token(header: header.text, by: signer)
  }
}

extension AttackBench {
  /// A key that nobody trusts, under the name of one that is trusted.
  static func stranger(_ bench: AttackBench) -> Signer {
    Signer(key: bench.keys.attackerEC, algorithm: "ES256", kid: "es256", issuer: Self.issuer)
  }
}
