// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows C17 to C26: types of tokens, grants, replay, binding and delegation.
enum GrantRows {
  static let rows: [Attack] = [
    Attack(
      "C17",
      "names in canonical equivalence",
      "String equality in Swift",
      [
        AttackVariant(
          "jti with the Kelvin sign is another token",
          .calls { bench in
            func token(_ id: String) throws -> String {
              try bench.token(claims: bench.claims().setting("jti", string: id).text)
            }
            let kelvin = try token("\u{212A}1")
            return [
              .twin(bench.call(try token("K1"), nil, .guardOnly)),
              AttackStep(.preparation, .revoke("K1", of: AttackBench.issuer)),
              .twin(bench.call(kelvin, nil, .guardOnly)),
              .attack(bench.call(try token("K1"), nil, .guardOnly), .tokenRevoked),
              AttackStep(.preparation, .revoke("\u{212A}1", of: AttackBench.issuer)),
              .attack(bench.call(kelvin, nil, .guardOnly), .tokenRevoked),
            ]
          }
        ),
        AttackVariant(
          "jti in NFC and NFD are two single-use tokens",
          .calls { bench in
            func token(_ id: String) throws -> String {
              try bench.token(
                claims: bench.claims(bench.singleUse).setting("jti", "\"\(id)\"").text,
                by: bench.singleUse
              )
            }
            let composed = bench.call(try token("caf\\u00e9"), nil, .guardOnly)
            return [
              .twin(composed),
              .twin(bench.call(try token("cafe\\u0301"), nil, .guardOnly)),
              .attack(composed, .tokenRevoked),
            ]
          }
        ),
        Self.roles("role with a full-width letter", "[\"\u{FF41}dmin\"]"),
        Self.roles("role with a zero-width space", "[\"admin\u{200B}\"]"),
        Self.roles("role with a combining mark", "[\"admin\u{301}\"]"),
        Self.roles("role with a direction mark", "[\"\u{202E}nimda\"]"),
      ]
    ),
    Attack(
      "C18",
      "tokens of another kind",
      "RFC 8725 §3.11; RFC 9068 §2.1",
      [
        "JWT", "logout+jwt", "dpop+jwt", "secevent+jwt", "wimse-id+jwt", "id_token+jwt", "jwt",
        "JOSE", "oauth-authz-req+jwt", "",
      ].map { type in
        .header("typ \(type)", .typeMismatch) { header, _ in header.setting("typ", string: type) }
      }
        + [
          .header("no typ", .typeMismatch) { header, _ in header.removing("typ") },
          .token("an ID token", .typeMismatch) { bench in
            try bench.token(
              header: bench.header().setting("typ", "\"JWT\"").text,
              claims: bench.claims().removing("scope").setting("nonce", "\"n-0S6\"")
                .setting("auth_time", "\(bench.now.seconds - 60)").text
            )
          },
        ]
    ),
    Attack(
      "C19",
      "spelling of typ",
      "RFC 7515 §4.1.9; RFC 9068 §4",
      [
        Self.type("AT+JWT", butNot: "AT+JWTS"),
        Self.type("application/at+jwt", butNot: "application/at+jwt/x"),
        Self.type("Application/AT+JWT", butNot: "text/at+jwt"),
        Self.type("at+jwt", butNot: "at+jwt;x=1"),
        Self.type("at+jwt", butNot: " at+jwt"),
        Self.type("at+jwt", butNot: "at+jwt "),
        Self.type("at+jwt", butNot: "application/application/at+jwt"),
        Self.type("at+jwt", butNot: "at jwt"),
      ]
    ),
    Attack(
      "C20",
      "client credentials used as a user",
      "RFC 9068 §5",
      [
        .denied("sub is the client itself", .roleMissing) { bench in
          bench.call(
            try bench.token(claims: bench.claims().setting("sub", "\"shop\"").text),
            bench.methods.forEndUsers
          )
        } twin: {
          try $0.good(nil, $0.methods.forEndUsers)
        },
        .denied("no client is named, so nobody knows", .roleMissing) { bench in
          bench.call(
            try bench.token(claims: bench.claims().removing("client_id").text),
            bench.methods.forEndUsers
          )
        } twin: {
          try $0.good(nil, $0.methods.forEndUsers)
        },
      ]
    ),
    Attack(
      "C21",
      "scope parsing",
      "RFC 6749 §3.3",
      [
        "\"not-orders.read\"", "\"orders.read2\"", "\"orders.rea\"", "\"Orders.Read\"",
        "\"orders.read  admin\"", "\" orders.read\"",
        "\"orders.read \"", "\"orders.read,admin\"", "\"admin orders.write\"", "[\"orders.read\"]",
        "{\"orders.read\":true}", "null", "true", "\"\"", "\"orders.*\"", "\"*\"", "\"orders\"",
        "\"orders.re\u{430}d\"", "\"\u{43E}rders.read orders.read\"", "\"orders.read \\\"x\\\"\"",
      ].map { .claim("scope", $0, .scopeInsufficient, twin: "\"admin orders.read\"") }
        + [
          .claim("scope", "\"orders.read\\torders\"", .claimMalformed),
          .claims("absent", .scopeInsufficient) { claims, _ in claims.removing("scope") },
          .claims("in scp", .scopeInsufficient) { claims, _ in
            claims.removing("scope").setting("scp", "[\"orders.read\"]")
          },
          .claims("in an object within", .scopeInsufficient) { claims, _ in
            claims.removing("scope").setting("claims", "{\"scope\":\"orders.read\"}")
          },
          .claim(
            "scope",
            Self.scopes(257),
            .scopeInsufficient,
            twin: Self.scopes(256)
          ),
        ]
    ),
    Attack(
      "C22",
      "role types",
      "RFC 9068 §2.2.3.1",
      [
        "\"admin\"", "true", "{\"admin\":1}", "[[\"admin\"]]", "[true]", "[\"admin\",1]", "null",
        "[]",
        "[\"Admin\"]", "[\"admin \"]", "[\"admins\"]", "[\"user admin\"]", "[\"*\"]", "[\"\"]",
      ].map { (value: String) in Self.roles("roles is \(value)", value) }
        + [
          Self.roles("in realm_access.roles", nil) {
            $0.setting("realm_access", "{\"roles\":[\"admin\"]}")
          },
          Self.roles("in a name with a dot", nil) {
            $0.setting("realm_access.roles", "[\"admin\"]")
          },
          Self.roles("in role", nil) { $0.setting("role", "[\"admin\"]") },
          Self.roles("as a scope", nil) { $0.setting("scope", "\"admin orders.read\"") },
        ]
    ),
    Attack(
      "C23",
      "replay of a single-use token",
      "RFC 7519 §4.1.7",
      [
        AttackVariant(
          "the same token twice",
          .calls { bench in
            let token = try Self.singleUse("once-1", bench)
            return [.twin(bench.call(token)), .attack(bench.call(token), .tokenRevoked)]
          }
        ),
        AttackVariant(
          "the same jti in another token",
          .calls { bench in
            [
              .twin(bench.call(try Self.singleUse("once-2", bench))),
              .attack(
                bench.call(
                  try bench.token(
                    claims: bench.claims(bench.singleUse).setting("jti", "\"once-2\"")
                      .setting("sub", "\"bob\"").text,
                    by: bench.singleUse
                  )
                ),
                .tokenRevoked
              ),
              .twin(bench.call(try Self.singleUse("once-3", bench))),
            ]
          }
        ),
        AttackVariant(
          "a refused call uses nothing up",
          .calls { bench in
            let token = try Self.singleUse("once-4", bench)
            return [
              .attack(bench.call(token, bench.methods.unlisted), .methodUnlisted),
              .twin(bench.call(token)),
              .attack(bench.call(token), .tokenRevoked),
            ]
          }
        ),
        .token("no jti", .claimMissing) { bench in
          try bench.token(
            claims: bench.claims(bench.singleUse).removing("jti").text,
            by: bench.singleUse
          )
        } twin: {
          try Self.singleUse("once-5", $0)
        },
      ]
    ),
    Attack(
      "C24",
      "proof of possession",
      "RFC 8705 §3; RFC 9449 §7.1",
      [
        Self.bound("no certificate", presented: nil),
        Self.bound("another certificate", presented: Array("another".utf8)),
        Self.confirmed("jkt", "{\"jkt\":\"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I\"}"),
        Self.confirmed("jwk", "{\"jwk\":{}}"),
        Self.confirmed("empty", "{}"),
        Self.confirmed("null", "null"),
        Self.confirmed("text", "\"x5t#S256\""),
        Self.confirmed("a thumbprint that is too short", "{\"x5t#S256\":\"AAAA\"}"),
        Self.confirmed("two proofs asked for", nil) { "{\"x5t#S256\":\($0),\"jkt\":\"AAAA\"}" },
      ]
    ),
    Attack(
      "C25",
      "use of claims before the signature is checked",
      "RFC 8725 §3.10",
      [
        .token("a forged subject", .signatureInvalid) { bench in
          try bench.token(
            claims: bench.claims().setting("sub", "\"root\"").text,
            by: AttackBench.stranger(bench)
          )
        },
        AttackVariant(
          "a forged use of somebody's single-use token uses nothing up",
          .calls { bench in
            let claims = bench.claims(bench.singleUse).setting("jti", "\"once-forged\"").text
            let forged = try bench.token(
              header: bench.header(bench.singleUse).text,
              claims: claims,
              by: AttackBench.stranger(bench)
            )
            return [
              .attack(bench.call(forged), .signatureInvalid),
              .twin(bench.call(try bench.token(claims: claims, by: bench.singleUse))),
            ]
          }
        ),
        .token(
          "an expired token with a forged signature is not told to be expired",
          .signatureInvalid
        ) { bench in
          try bench.token(
            claims: bench.claims().setting("exp", "1").text,
            by: AttackBench.stranger(bench)
          )
        },
        .token("another audience with a forged signature", .signatureInvalid) { bench in
          try bench.token(
            claims: bench.claims().setting("aud", "\"billing\"").text,
            by: AttackBench.stranger(bench)
          )
        },
      ]
    ),
    Attack(
      "C26",
      "delegation chains",
      "RFC 8693 §4.1",
      [
        .claim("act", "{\"sub\":\"mallory\"}", .claimMalformed),
        .claim("act", "{}", .claimMalformed),
        .claim("act", "null", .claimMalformed),
        .claims("act beside may_act", .claimMalformed) { claims, _ in
          claims.setting("may_act", "{\"sub\":\"shop\"}").setting("act", "{\"sub\":\"shop\"}")
        } twin: { claims, _ in
          claims.setting("may_act", "{\"sub\":\"shop\"}")
        },
        .claims("30 deep", .claimMalformed) { claims, _ in
          claims.setting("act", Self.chain(30))
        },
        .claims("100 deep", .tokenMalformed) { claims, _ in
          claims.setting("act", Self.chain(100))
        },
      ]
    ),
  ]

  private static func type(_ good: String, butNot bad: String) -> AttackVariant {
    .header("\(good), but not \(bad)", .typeMismatch) { header, _ in
      header.setting("typ", string: bad)
    } twin: { header, _ in
      header.setting("typ", string: good)
    }
  }

  private static func roles(
    _ name: String,
    _ value: String?,
    _ change: @escaping @Sendable (RawObject) -> RawObject = { $0 }
  ) -> AttackVariant {
    .denied(name, .roleMissing) { bench in
      let claims = bench.claims().removing("roles")
      let changed = value.map { claims.setting("roles", $0) } ?? change(claims)
      return bench.call(try bench.token(claims: changed.text), bench.methods.roled)
    } twin: { bench in
      let claims = bench.claims().setting("roles", "[\"user\",\"admin\"]").text
      return bench.call(try bench.token(claims: claims), bench.methods.roled)
    }
  }

  private static func scopes(_ count: Int) -> String {
    "\"" + (1 ..< count).map { "s\($0) " }.joined() + "orders.read\""
  }

  private static func singleUse(_ id: String, _ bench: AttackBench) throws -> String {
    try bench.token(
      claims: bench.claims(bench.singleUse).setting("jti", string: id).text,
      by: bench.singleUse
    )
  }

  private static let certificate = Array("a client certificate".utf8)

  private static var thumbprint: String {
    SigningKey.quoted(Certificate.sha256(Self.certificate))
  }

  private static func withCertificate(
    _ confirmation: String,
    _ certificate: [UInt8]?,
    _ bench: AttackBench
  ) throws -> AttackRequest {
    let claims = bench.claims().setting("cnf", confirmation).text
    var request = bench.call(try bench.token(claims: claims), nil, .guardOnly)
    request.peerCertificate = certificate
    return request
  }

  private static func bound(_ name: String, presented: [UInt8]?) -> AttackVariant {
    .denied(name, .bindingMismatch) { bench in
      try Self.withCertificate("{\"x5t#S256\":\(Self.thumbprint)}", presented, bench)
    } twin: { bench in
      try Self.withCertificate("{\"x5t#S256\":\(Self.thumbprint)}", Self.certificate, bench)
    }
  }

  private static func confirmed(
    _ name: String,
    _ value: String?,
    _ build: @escaping @Sendable (String) -> String = { $0 }
  ) -> AttackVariant {
    .denied(name, .bindingMismatch) { bench in
      try Self.withCertificate(value ?? build(Self.thumbprint), Self.certificate, bench)
    } twin: { bench in
      try Self.withCertificate("{\"x5t#S256\":\(Self.thumbprint)}", Self.certificate, bench)
    }
  }

  private static func chain(_ depth: Int) -> String {
    String(repeating: "{\"sub\":\"a\",\"act\":", count: depth - 1) + "{\"sub\":\"a\"}"
      + String(repeating: "}", count: depth - 1)
  }
}
