// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows C01 to C16: dates, issuer, audience and subject, always rightly signed.
enum ClaimRows {
  static let rows: [Attack] = [
    Attack(
      "C01",
      "exp missing",
      "RFC 9068 §2.2",
      [
        .claims("no exp", .claimMissing) { claims, _ in claims.removing("exp") },
        .claims("Exp", .claimMissing) { claims, _ in
          claims.removing("exp").setting("Exp", "9999999999")
        },
        .claims("exp in an object within", .claimMissing) { claims, _ in
          claims.removing("exp").setting("claims", "{\"exp\":9999999999}")
        },
      ]
    ),
    Attack(
      "C02",
      "exp type",
      "RFC 7519 §4.1.4",
      [
        .claims("a string", .claimMalformed) { claims, bench in
          claims.setting("exp", "\"\(bench.now.seconds + 600)\"")
        },
        .claims("in a list", .claimMalformed) { claims, bench in
          claims.setting("exp", "[\(bench.now.seconds + 600)]")
        },
      ]
        + ["null", "true", "[]", "{}", "1e999", "-1", "\"\"", "\"never\""].map { value in
          .claim("exp", value, .claimMalformed)
        }
        + [.claim("exp", "0", .tokenExpired)]
    ),
    Attack(
      "C03",
      "exp with a fraction",
      "RFC 7519 §2",
      [
        Self.dated("half a second ago", .tokenExpired, exp: "-1.5", twin: "1.0"),
        Self.dated("in half a second: rounded down to now", .tokenExpired, exp: "0.5", twin: "1.5"),
        Self.dated(
          "in 0.999999999999 s",
          .tokenExpired,
          exp: "0.999999999999",
          twin: "1.000000001"
        ),
      ]
    ),
    Attack(
      "C04",
      "exp at the boundary",
      "RFC 7519 §4.1.4",
      [
        Self.dated("now", .tokenExpired, exp: "0", twin: "1"),
        Self.dated("a second ago", .tokenExpired, exp: "-1", twin: "1"),
        .token("exp and the whole skew are over", .tokenExpired, .guardOnly) { bench in
          try Self.skewed(exp: -60, bench)
        } twin: { bench in
          try Self.skewed(exp: -59, bench)
        },
        AttackVariant(
          "a skew of an hour",
          .configuration(
            ConfigurationAttack(path: "clock_skew") { _ throws(ConfigurationError) in
              _ = try ClockSkew(seconds: 3_600)
            } twin: { _ throws(ConfigurationError) in
              _ = try ClockSkew(seconds: 60)
            }
          )
        ),
        AttackVariant(
          "a negative skew",
          .configuration(
            ConfigurationAttack(path: "clock_skew") { _ throws(ConfigurationError) in
              _ = try ClockSkew(seconds: -1)
            } twin: { _ throws(ConfigurationError) in
              _ = try ClockSkew(seconds: 0)
            }
          )
        ),
      ]
    ),
    Attack(
      "C05",
      "dates that overflow",
      "CWE-190",
      ["exp", "nbf", "iat"].flatMap { member in
        [
          "9223372036854775807", "9223372036854775808", "18446744073709551616",
          "9000000000000000000", "99999999999999999999999999999999999999", "253402300800",
          "-9223372036854775808",
        ].map { value in .claim(member, value, .claimMalformed) }
      }
        + [
          .token("2^63 - 1 with skew", .claimMalformed) { bench in
            try bench.token(
              claims: bench.claims(bench.skewed).setting("exp", "9223372036854775807").text,
              by: bench.skewed
            )
          } twin: { bench in
            try bench.token(by: bench.skewed)
          },
          .token("the last date there is, with skew", .lifetimeExceeded) { bench in
            try bench.token(
              claims: bench.claims(bench.skewed).setting("exp", "253402300799").text,
              by: bench.skewed
            )
          } twin: { bench in
            try bench.token(by: bench.skewed)
          },
        ]
    ),
    Attack(
      "C06",
      "lifetime",
      "RFC 9700 §2.2",
      [
        .claims("ten years", .lifetimeExceeded) { claims, bench in
          claims.setting("exp", "\(bench.now.seconds + 315_360_000)")
        },
        .claims("ten years without iat", .lifetimeExceeded) { claims, bench in
          claims.removing("iat").setting("exp", "\(bench.now.seconds + 315_360_000)")
        } twin: { claims, _ in
          claims.removing("iat")
        },
        .claims("more than an hour between iat and exp", .lifetimeExceeded) { claims, bench in
          claims.setting("iat", "\(bench.now.seconds - 3_001)")
            .setting("exp", "\(bench.now.seconds + 600)")
        } twin: { claims, bench in
          claims.setting("iat", "\(bench.now.seconds - 3_000)")
            .setting("exp", "\(bench.now.seconds + 600)")
        },
        .token("an hour and a second from now", .lifetimeExceeded, .guardOnly) { bench in
          try Self.dates(iat: nil, exp: "3601", bench)
        } twin: { bench in
          try Self.dates(iat: nil, exp: "3600", bench)
        },
      ]
    ),
    Attack(
      "C07",
      "nbf",
      "RFC 7519 §4.1.5",
      [
        .claims("in an hour", .tokenNotYetValid) { claims, bench in
          claims.setting("nbf", "\(bench.now.seconds + 3_600)")
        } twin: { claims, bench in
          claims.setting("nbf", "\(bench.now.seconds - 1)")
        },
        .claims("in an hour, with a fraction", .tokenNotYetValid) { claims, bench in
          claims.setting("nbf", "\(bench.now.seconds + 3_600).5")
        } twin: { claims, bench in
          claims.setting("nbf", "\(bench.now.seconds - 1).5")
        },
        .token("in a second", .tokenNotYetValid, .guardOnly) { bench in
          try bench.token(claims: bench.claims().setting("nbf", "\(bench.now.seconds + 1)").text)
        } twin: { bench in
          try bench.token(claims: bench.claims().setting("nbf", "\(bench.now.seconds)").text)
        },
      ]
        + ["\"1\"", "null", "true", "[1]", "-1", "1e3"].map {
          .claim("nbf", $0, .claimMalformed, twin: "1")
        }
    ),
    Attack(
      "C08",
      "iat",
      "RFC 7519 §4.1.6",
      [
        .claims("tomorrow", .tokenNotYetValid) { claims, bench in
          claims.setting("iat", "\(bench.now.seconds + 86_400)")
        },
        .token("in a second", .tokenNotYetValid, .guardOnly) { bench in
          try bench.token(claims: bench.claims().setting("iat", "\(bench.now.seconds + 1)").text)
        } twin: { bench in
          try bench.token(claims: bench.claims().setting("iat", "\(bench.now.seconds)").text)
        },
      ]
        + ["\"1\"", "null", "false", "{}", "-1", "1e3"].map { .claim("iat", $0, .claimMalformed) }
    ),
    Attack(
      "C09",
      "iss",
      "RFC 8725 §3.8; CVE-2024-53861",
      [.claims("absent", .claimMissing) { claims, _ in claims.removing("iss") }]
        + [
          "", "https://issuer.test/", "HTTPS://issuer.test", "https://Issuer.test",
          "https://issuer.test/realm", "https://issuer.test:443", "http://issuer.test",
          "https://\u{456}ssuer.test", "https://issuer\u{3002}test", "https://xn--ssuer-1he.test",
          " https://issuer.test", "https://issuer.test ", "https://issuer.test?", "*",
        ].map { value in .claim("iss", RawObject.quoted(value), .issuerUnknown) }
        + ["null", "1", "true", "{}"].map { .claim("iss", $0, .claimMalformed) }
        + [
          .claims("written with an escape is the same; with another letter is not", .issuerUnknown)
          {
            claims,
            _ in
            claims.setting("iss", "\"https://\\u0049ssuer.test\"")
          } twin: { claims, _ in
            claims.setting("iss", "\"https://\\u0069ssuer.test\"")
          }
        ]
    ),
    Attack(
      "C10",
      "iss is a list",
      "CVE-2025-30144",
      [
        "[\"https://issuer.test\",\"https://evil.test\"]",
        "[\"https://evil.test\",\"https://issuer.test\"]", "[\"https://issuer.test\"]", "[]",
      ].map { .claim("iss", $0, .claimMalformed) }
    ),
    Attack(
      "C11",
      "iss that begins or ends alike",
      "CVE-2024-53861",
      [
        "https://issuer.test.evil.com", "https://issuer.tes", "https://issuer",
        "https://evil.com/https://issuer.test", "https://issuer.test@evil.com",
        "https://issuer.test%00", "issuer.test", "h",
      ].map { .claim("iss", "\"\($0)\"", .issuerUnknown) }
    ),
    Attack(
      "C12",
      "aud missing",
      "RFC 8725 §3.9; CVE-2020-26160",
      [
        .claims("no aud", .claimMissing) { claims, _ in claims.removing("aud") },
        .claims("Aud", .claimMissing) { claims, _ in
          claims.removing("aud").setting("Aud", "\"orders\"")
        },
      ]
    ),
    Attack(
      "C13",
      "aud type",
      "RFC 7519 §4.1.3; CVE-2020-26160",
      [
        "[]", "[\"\"]", "\"\"", "null", "1", "true", "[1,\"orders\"]", "[\"orders\",null]",
        "{\"a\":\"orders\"}", "[[\"orders\"]]", "[\"orders\",\"\"]",
      ].map { .claim("aud", $0, .claimMalformed, twin: "[\"orders\"]") }
    ),
    Attack(
      "C14",
      "aud of another",
      "RFC 8725 §3.9; CVE-2024-5798",
      [
        "billing", "order", "orders2", "Orders", "orders/", "orders,billing", "orders billing",
        " orders", "https://orders", "*", "\u{43E}rders", "orders\u{301}",
      ].map { .claim("aud", "\"\($0)\"", .audienceMismatch) }
        + [
          .claim(
            "aud",
            "[\"billing\",\"mail\"]",
            .audienceMismatch,
            twin: "[\"billing\",\"orders\"]"
          )
        ]
    ),
    Attack(
      "C15",
      "long lists of audiences",
      "CWE-770; CVE-2026-35041",
      [
        .claim(
          "aud",
          Self.audiences(65),
          .claimMalformed,
          twin: Self.audiences(64)
        ),
        .token("10,000 with ours last", .tokenTooLarge, .guardOnly) { bench in
          try bench.token(claims: bench.claims().setting("aud", Self.audiences(10_000)).text)
        },
      ]
    ),
    Attack(
      "C16",
      "sub",
      "RFC 9068 §2.2; RFC 8725 §3.8",
      [.claims("absent", .claimMissing) { claims, _ in claims.removing("sub") }]
        + ["\"\"", "null", "0", "[\"alice\"]", "{\"sub\":\"alice\"}", "true"].map {
          .claim("sub", $0, .claimMalformed)
        }
        + [
          .claim(
            "sub",
            "\"\(String(repeating: "s", count: 257))\"",
            .claimMalformed,
            twin: "\"\(String(repeating: "s", count: 256))\""
          ),
          .token("10 KiB", .tokenTooLarge, .guardOnly) { bench in
            let sub = String(repeating: "s", count: 10_240)
            return try bench.token(claims: bench.claims().setting("sub", "\"\(sub)\"").text)
          },
        ]
    ),
  ]

  /// A token whose `exp` is a number of seconds from now, against a clock that stands still.
  private static func dated(
    _ name: String,
    _ reason: DenialReason,
    exp: String,
    twin: String
  ) -> AttackVariant {
    .token(name, reason, .guardOnly) { bench in
      try Self.dates(iat: "-10", exp: exp, bench)
    } twin: { bench in
      try Self.dates(iat: "-10", exp: twin, bench)
    }
  }

  /// - Parameters:
  ///   - iat: seconds from now, whole.
  ///   - exp: seconds from now, perhaps with a fraction.
  static func dates(iat: String?, exp: String, _ bench: AttackBench) throws -> String {
    var claims = bench.claims().removing("iat")
    if let iat, let offset = Int64(iat) {
      claims = claims.setting("iat", "\(bench.now.seconds + offset)")
    }
    let whole = Int64(exp.prefix { $0 != "." }) ?? 0
    let fraction = exp.drop { $0 != "." }
    claims = claims.setting("exp", "\(bench.now.seconds + whole)\(fraction)")
    return try bench.token(claims: claims.text)
  }

  private static func skewed(exp: Int64, _ bench: AttackBench) throws -> String {
    let claims = bench.claims(bench.skewed)
      .setting("iat", "\(bench.now.seconds - 300)")
      .setting("exp", "\(bench.now.seconds + exp)")
    return try bench.token(claims: claims.text, by: bench.skewed)
  }

  private static func audiences(_ count: Int) -> String {
    "[" + (1 ..< count).map { "\"a\($0)\"," }.joined() + "\"orders\"]"
  }
}
