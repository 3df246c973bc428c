// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows E07 to E21 and E23: the JSON of header and payload, always rightly signed.
enum JSONRows {
  static let rows: [Attack] = [
    Attack(
      "E07",
      "duplicate members in the header",
      "RFC 7515 §4",
      [
        Self.header("alg none first") { $0.prepending("alg", "\"none\"") },
        Self.header("alg none last") { $0.appending("alg", "\"none\"") },
        Self.header("alg twice, equal") { $0.appending("alg", "\"ES256\"") },
        Self.header("kid twice") { $0.appending("kid", "\"Key1\"") },
        Self.header("typ twice") { $0.appending("typ", "\"JWT\"") },
        Self.header("unknown member twice") { $0.appending("x", "1").appending("x", "1") },
        Self.header("alg written with an escape") { $0.appending("\\u0061lg", "\"none\"") },
      ]
    ),
    Attack(
      "E08",
      "duplicate members in the payload",
      "RFC 7519 §4",
      [
        ("exp", "9999999999"), ("aud", "\"billing\""), ("sub", "\"root\""),
        ("iss", "\"https://evil.test\""), ("scope", "\"admin\""), ("roles", "[]"), ("nbf", "1"),
      ].flatMap { member, value in
        [
          Self.payload("\(member), the other first") {
            $0.setting("nbf", "1").prepending(member, value)
          } twin: {
            $0.setting("nbf", "1")
          },
          Self.payload("\(member), the other last") {
            $0.setting("nbf", "1").appending(member, value)
          } twin: {
            $0.setting("nbf", "1")
          },
        ]
      }
        + [
          Self.payload("in an object within") {
            $0.setting("more", "{\"a\":1,\"a\":2}")
          } twin: {
            $0.setting("more", "{\"a\":1,\"b\":2}")
          }
        ]
    ),
    Attack(
      "E09",
      "duplicates written with escapes",
      "RFC 8259 §8.3",
      [
        Self.payload("exp") { $0.appending("\\u0065xp", "9999999999") },
        Self.payload("sub") { $0.appending("s\\u0075b", "\"root\"") },
        Self.payload("aud, in front") { $0.prepending("au\\u0064", "\"orders\"") },
        Self.payload("beyond the basic plane") {
          $0.appending("\u{1F511}", "1").appending("\\ud83d\\udd11", "2")
        } twin: {
          $0.appending("\\ud83d\\udd11", "2")
        },
        Self.payload("a solidus") {
          $0.appending("a/b", "1").appending("a\\/b", "2")
        } twin: {
          $0.appending("a\\/b", "2")
        },
      ]
    ),
    Attack(
      "E10",
      "names in canonical equivalence",
      "String equality in Swift",
      [
        .claims("sub under a look-alike name", .claimMissing) { claims, _ in
          claims.removing("sub").setting("\u{17F}ub", "\"alice\"")
        } twin: { claims, _ in
          claims.setting("\u{17F}ub", "\"root\"")
        },
        .claims("exp under a full-width name", .claimMissing) { claims, _ in
          claims.removing("exp").setting("\u{FF45}xp", "9999999999")
        } twin: { claims, _ in
          claims.setting("\u{FF45}xp", "1")
        },
        .claims("two spellings of one name are two names; one spelling twice", .tokenMalformed) {
          claims,
          _ in
          claims.appending("caf\u{E9}", "1").appending("caf\u{E9}", "2")
        } twin: { claims, _ in
          claims.appending("caf\u{E9}", "1").appending("cafe\u{301}", "2")
        },
        .claims("the Kelvin sign and K are two names; the Kelvin sign twice", .tokenMalformed) {
          claims,
          _ in
          claims.appending("\\u212aey", "1").appending("\u{212A}ey", "2")
        } twin: { claims, _ in
          claims.appending("Key", "1").appending("\u{212A}ey", "2")
        },
      ]
    ),
    Attack(
      "E11",
      "almost JSON",
      "RFC 8259",
      [
        ("trailing comma", "{\"a\":1,}"), ("leading comma", "{,\"a\":1}"),
        ("two commas", "{\"a\":1,,\"b\":2}"), ("comma in a list", "{\"a\":[1,]}"),
        ("block comment", "{\"a\":1/* */}"), ("line comment", "{\"a\":1//\n}"),
        ("NaN", "{\"a\":NaN}"), ("Infinity", "{\"a\":Infinity}"),
        ("-Infinity", "{\"a\":-Infinity}"),
        ("single quotes", "{'a':1}"), ("a bare name", "{a:1}"), ("no colon", "{\"a\" 1}"),
        ("True", "{\"a\":True}"), ("undefined", "{\"a\":undefined}"),
        ("hexadecimal", "{\"a\":0x1}"),
        ("cut off", "{\"a\":1"), ("an open string", "{\"a\":\"x}"),
        ("vertical tab as white space", "{\u{B}\"a\":1}"),
        ("no-break space as white space", "{\u{A0}\"a\":1}"),
        ("an unknown escape", "{\"a\":\"\\x41\"}"), ("half an escape", "{\"a\":\"\\u00\"}"),
        ("a tab in a string", "{\"a\":\"\t\"}"), ("two objects", "{\"a\":1}{\"b\":1}"),
      ].flatMap { name, text in
        // The object goes where a good member would be, so that nothing else is wrong with it.
        [
          Self.payload("payload: \(name)") {
            Self.embed(text, into: $0)
          } twin: {
            Self.embed("{\"a\":1}", into: $0)
          },
          Self.header("header: \(name)") {
            Self.embed(text, into: $0)
          } twin: {
            Self.embed("{\"a\":1}", into: $0)
          },
        ]
      }
    ),
    Attack(
      "E12",
      "top level is no object",
      "RFC 7519 §7.2",
      ["[]", "\"x\"", "1", "null", "true", "", " ", "[{}]", "\"{}\""].flatMap { (text: String) in
        [
          .token("payload \(text)", .tokenMalformed) { try $0.token(claims: text) },
          .token("header \(text)", .tokenMalformed) { try $0.token(header: text) },
        ]
      }
    ),
    Attack(
      "E13",
      "UTF-8 validity",
      "RFC 8259 §8.1; RFC 8725 §3.7",
      [
        ("overlong slash", [0xC0, 0xAF]), ("overlong NUL", [0xC0, 0x80]),
        ("overlong in three bytes", [0xE0, 0x80, 0xAF]), ("surrogate", [0xED, 0xA0, 0x80]),
        ("cut off", [0xE2, 0x82]), ("lone continuation", [0x80]), ("0xFF", [0xFF]),
        ("0xFE", [0xFE]), ("five bytes", [0xF8, 0x88, 0x80, 0x80, 0x80]),
        ("beyond U+10FFFF", [0xF4, 0x90, 0x80, 0x80]), ("Latin-1", [0xE9]),
      ].map { (name: String, bytes: [UInt8]) in
        .token(name, .tokenMalformed) { bench in
          try Self.withBytes(bytes, bench)
        } twin: { bench in
          try Self.withBytes([0xC3, 0xA9], bench)
        }
      }
        + ["\\ud800", "\\udc00", "\\udc00\\ud800", "\\ud800x", "\\ud800\\n"].map { escape in
          Self.payload("lone surrogate \(escape)") {
            $0.setting("a", "\"\(escape)\"")
          } twin: {
            $0.setting("a", "\"\\ud83d\\udd11\"")
          }
        }
    ),
    Attack(
      "E14",
      "BOM, UTF-16 and UTF-32",
      "RFC 8259 §8.1",
      Self.encodings.flatMap { name, encode in
        [
          AttackVariant.token("payload: \(name)", .tokenMalformed) { bench in
            try bench.token(
              headerBytes: Array(bench.header().text.utf8),
              claimsBytes: encode(Array(bench.claims().text.utf8))
            )
          },
          AttackVariant.token("header: \(name)", .tokenMalformed) { bench in
            try bench.token(
              headerBytes: encode(Array(bench.header().text.utf8)),
              claimsBytes: Array(bench.claims().text.utf8)
            )
          },
        ]
      }
    ),
    Attack(
      "E15",
      "deep nesting",
      "CVE-2025-53864; JSONTestSuite n_structure_100000_opening_arrays",
      [
        Self.payload("65 levels") {
          $0.setting("deep", Self.nested(64))
        } twin: {
          $0.setting("deep", Self.nested(63))
        },
        Self.payload("objects, 65 levels") {
          $0.setting("deep", Self.nestedObjects(64))
        } twin: {
          $0.setting("deep", Self.nestedObjects(63))
        },
        Self.payload("2,000 levels") {
          $0.setting("deep", Self.nested(2_000))
        } twin: {
          $0
        },
        Self.payload("5,000 levels, not closed") {
          $0.setting("deep", String(repeating: "[", count: 5_000))
        } twin: {
          $0
        },
        Self.header("2,000 levels in the header") { $0.setting("deep", Self.nested(2_000)) },
        .token("100,000 levels", .tokenTooLarge, .guardOnly) { bench in
          try bench.token(claims: String(repeating: "[", count: 100_000))
        },
      ]
    ),
    Attack(
      "E16",
      "huge objects",
      "RFC 8725bis",
      [
        Self.payload("257 members") {
          Self.members(257, of: $0)
        } twin: {
          Self.members(256, of: $0)
        },
        .token("100,000 members", .tokenTooLarge, .guardOnly) { bench in
          try bench.token(claims: Self.members(100_000, of: bench.claims()).text)
        },
        .token("a string of 1 MiB", .tokenTooLarge, .guardOnly) { bench in
          let text = String(repeating: "x", count: 1 << 20)
          return try bench.token(claims: bench.claims().setting("a", "\"\(text)\"").text)
        },
        .token("a number of 10,000 digits", .tokenTooLarge, .guardOnly) { bench in
          let number = String(repeating: "9", count: 10_000)
          return try bench.token(claims: bench.claims().setting("a", number).text)
        },
        .claims("a date of 3,000 digits", .claimMalformed) { claims, _ in
          claims.setting("exp", String(repeating: "9", count: 3_000))
        },
      ]
    ),
    Attack(
      "E17",
      "numbers",
      "RFC 7519 §2; RFC 8259 §6",
      [
        "1e999", "1E400", "-0", "0.1e-400", "9007199254740993", "9223372036854775808",
        "18446744073709551616", "2e9", "2E+9", "-1", "253402300800",
      ].map { value in .claim("exp", value, .claimMalformed) }
        + ["01", "+1", ".5", "5.", "1.e1", "--1", "1e", "0x10", "1_000", "\u{661}"].map { value in
          .claim("exp", value, .tokenMalformed)
        }
        + [
          .claims("1.0 is one, long ago", .tokenExpired) { claims, _ in
            claims.setting("exp", "1.0")
          } twin: { claims, bench in
            claims.setting("exp", "\(bench.now.seconds + 600).0")
          },
          .claims("a leading zero before a good date", .tokenMalformed) { claims, bench in
            claims.setting("exp", "0\(bench.now.seconds + 600)")
          } twin: { claims, bench in
            claims.setting("exp", "\(bench.now.seconds + 600).000")
          },
        ]
    ),
    Attack(
      "E18",
      "NUL and control characters",
      "CWE-117; CWE-158",
      [
        .claim("sub", "\"admin\\u0000x\"", .claimMalformed),
        .claim("sub", "\"admin\\r\\nx: y\"", .claimMalformed),
        .claim("sub", "\"\\u001b[31madmin\"", .claimMalformed),
        .claim("sub", "\"a\\u007fb\"", .claimMalformed),
        .claim("jti", "\"a\\tb\"", .claimMalformed),
        .claim("note", "\"a\\u0000\"", .claimMalformed, twin: "\"a\""),
        .claim("note", "{\"deep\":[\"\\u0008\"]}", .claimMalformed, twin: "{\"deep\":[\"8\"]}"),
        .claims("in the name of a claim", .claimMalformed) { claims, _ in
          claims.setting("a\\u0000", "1")
        } twin: { claims, _ in
          claims.setting("a", "1")
        },
        Self.payload("0x01, not escaped") {
          $0.setting("sub", "\"a\u{1}\"")
        } twin: {
          $0
        },
        Self.payload("NUL, not escaped") {
          $0.setting("sub", "\"a\0\"")
        } twin: {
          $0
        },
      ]
    ),
    Attack(
      "E19",
      "reserved names",
      "RFC 8725bis regressions",
      ["__proto__", "constructor", "hasOwnProperty", "toString"].flatMap { name in
        [
          .claim("iss", "\"\(name)\"", .issuerUnknown),
          .header("kid \(name)", .keyUnknown) { header, _ in header.setting("kid", "\"\(name)\"") },
        ]
      }
    ),
    Attack(
      "E20",
      "bytes around the header",
      "RFC 7515 §5.2",
      [("after", "", "x"), ("NUL after", "", "\0"), ("brace after", "", "}"), ("before", "x", "")]
        .map { name, before, after in
          .token(name, .tokenMalformed) { bench in
            try bench.token(header: "\(before)\(bench.header().text)\(after)")
          } twin: { bench in
            try bench.token(header: " \(bench.header().text)\n")
          }
        }
    ),
    Attack(
      "E21",
      "compressed payload",
      "RFC 7516 §4.1.3; CVE-2024-33664",
      ["\"DEF\"", "\"\"", "null", "1"].map { value in
        .header("zip \(value)", .tokenMalformed) { header, _ in header.setting("zip", value) }
      }
    ),
    Attack(
      "E23",
      "characters of typ and cty",
      "RFC 7515 §4.1.9",
      [
        "\"at+jwt\\u0000\"", "\"at+jwt\\n\"", "\"\u{E4}t+jwt\"", "\"at+jwt\\u200b\"", "1", "null",
        "[\"at+jwt\"]",
      ].map { value in
        .header("typ \(value)", .tokenMalformed) { header, _ in header.setting("typ", value) }
      }
        + ["\"json\\u0000\"", "\"j\u{F6}n\"", "1", "null"].map { value in
          .header("cty \(value)", .tokenMalformed) { header, _ in
            header.setting("cty", value)
          } twin: { header, _ in
            header.setting("cty", "\"json\"")
          }
        }
    ),
  ]
}
