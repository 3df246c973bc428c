// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows L02, L03 and L05: what an answer tells. That a denial has one of few constant sentences and
/// names nobody before the signature was checked is asserted for every call of the whole table.
enum LeakRows {
  static let rows: [Attack] = [
    Attack(
      "L02",
      "log injection",
      "CWE-117; CVE-2021-42574",
      [
        .claim("sub", "\"alice\\r\\n{\\\"outcome\\\":\\\"allow\\\"}\"", .claimMalformed),
        .claim("sub", "\"\\u001b]0;root\\u0007\"", .claimMalformed),
        .denied("a path with a line break", .methodUnlisted) { bench in
          try bench.path("/\(bench.methods.scoped)\r\nallow", .rawHTTP2)
        },
        .header("kid with a line break", .tokenMalformed) { header, _ in
          header.setting("kid", "\"es256\\r\\nallow\"")
        },
      ]
    ),
    Attack(
      "L03",
      "errors that tell which check failed",
      "CWE-209",
      [
        .token("bad signature", .signatureInvalid) { bench in
          try bench.token(by: AttackBench.stranger(bench))
        },
        .header("unknown key", .keyUnknown) { header, _ in header.setting("kid", "\"none\"") },
        .claim("iss", "\"https://evil.test\"", .issuerUnknown),
        .claim("aud", "\"billing\"", .audienceMismatch),
        .header("wrong type", .typeMismatch) { header, _ in header.setting("typ", "\"JWT\"") },
        .claims("withdrawn or too early alike", .tokenNotYetValid) { claims, bench in
          claims.setting("nbf", "\(bench.now.seconds + 600)")
        },
      ]
    ),
    Attack(
      "L05",
      "status codes as an oracle",
      "CWE-204",
      [
        .denied("12 or 16: an unknown method without a token", .credentialMissing) { bench in
          bench.request([], "attacks.v1.Nothing/Here")
        },
        .denied("7 or 16: a method of another role without a token", .credentialMissing) { bench in
          bench.request([], bench.methods.roled)
        },
        .denied("7 or 16: a method of another role, expired token", .tokenExpired) { bench in
          bench.call(
            try bench.token(
              claims: bench.claims().removing("roles").setting("exp", "\(bench.now.seconds - 5)")
                .text
            ),
            bench.methods.roled
          )
        } twin: {
          try $0.good(nil, $0.methods.roled)
        },
        .denied("5 or 7: an unlisted and an unknown method with a good token", .methodUnlisted) {
          bench in try bench.good(nil, "attacks.v1.Nothing/Here")
        },
        .denied("an expired token is told only after its signature", .signatureInvalid) { bench in
          bench.call(
            try bench.token(
              claims: bench.claims().setting("exp", "1").text,
              by: AttackBench.stranger(bench)
            )
          )
        },
      ]
    ),
  ]
}
