// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows M01 to M09, M12 and M14 to M16: how credentials and deadlines are carried.
enum MetadataRows {
  static let rows: [Attack] = [
    Attack(
      "M01",
      "no token",
      "deny by default",
      [
        \AttackMethods.scoped, \.authenticated, \.roled, \.forEndUsers, \.unlisted,
      ].enumerated().map { index, method in
        .denied("listed and unlisted methods, \(index + 1)", .credentialMissing) { bench in
          bench.request([], bench.methods[keyPath: method])
        } twin: { bench in
          bench.request([], bench.methods.anonymous)
        }
      }
        + [
          "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
          "grpc.channelz.v1.Channelz/GetServers", "grpc.health.v1.Health/Watch",
          "envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus",
        ].map { method in
          .denied(method, .credentialMissing) { bench in
            bench.request([], method)
          } twin: { bench in
            bench.request([], bench.methods.anonymous)
          }
        }
    ),
    Attack(
      "M02",
      "another scheme",
      "RFC 6750 §2.1",
      [
        ("Basic", "Basic YWxpY2U6c2VjcmV0"), ("Bearer alone", "Bearer"),
        ("empty", ""), ("Negotiate", "Negotiate YII="), ("Bearer and a colon", "Bearer:"),
      ].map { name, value in
        Self.authorization(name, .credentialMalformed) { _ in value }
      }
        + ["DPoP", "Token", "Basic", "Bearerx", "Beare", "JWT", "Digest", "Bear\u{1D5C}er"].map {
          scheme in
          Self.authorization(
            "\(scheme) with a good token",
            .credentialMalformed,
            scheme.utf8.allSatisfy { $0 < 0x80 } ? .client : .rawHTTP2
          ) { "\(scheme) \($0)" }
        }
        + [
          Self.authorization("no scheme", .credentialMalformed) { $0 },
          Self.authorization("no space", .credentialMalformed) { "Bearer\($0)" },
          Self.authorization("a space and no token", .credentialMalformed, .rawHTTP2) { _ in
            "Bearer "
          },
          Self.authorization("padding and no token", .credentialMalformed) { _ in "Bearer ==" },
        ]
    ),
    Attack(
      "M03",
      "letter case of the scheme",
      "RFC 9110 §11.1",
      ["bearer", "BEARER", "BeArEr", "bEARER"].map { scheme in
        .denied("\(scheme) is accepted, another word is not", .credentialMalformed) { bench in
          bench.request([AttackHeader("authorization", "\(scheme)s \(try bench.token())")])
        } twin: { bench in
          bench.request([AttackHeader("authorization", "\(scheme) \(try bench.token())")])
        }
      }
    ),
    Attack(
      "M04",
      "spaces",
      "RFC 6750 §2.1",
      [
        Self.authorization("two spaces", .credentialMalformed) { "Bearer  \($0)" },
        Self.authorization("a tab", .credentialMalformed, .rawHTTP2) { "Bearer\t\($0)" },
        Self.authorization("a space in front", .credentialMalformed, .rawHTTP2) { " Bearer \($0)" },
        Self.authorization("a space at the end", .credentialMalformed, .rawHTTP2) {
          "Bearer \($0) "
        },
        Self.authorization("a no-break space", .credentialMalformed, .rawHTTP2) {
          "Bearer\u{A0}\($0)"
        },
        Self.authorization("a no-break space after the space", .credentialMalformed, .rawHTTP2) {
          "Bearer \u{A0}\($0)"
        },
      ]
    ),
    Attack(
      "M05",
      "two credentials in one value",
      "RFC 9110 §11.6.2",
      [
        Self.authorization("two, with a comma", .credentialMalformed) {
          "Bearer \($0), Bearer \($0)"
        },
        Self.authorization("good and bad", .credentialMalformed) { "Bearer \($0) AAAA" },
        Self.authorization("bad and good", .credentialMalformed) { "Bearer AAAA \($0)" },
        Self.authorization("Basic first", .credentialMalformed) { "Basic AAAA, Bearer \($0)" },
        Self.authorization("a parameter", .credentialMalformed) { "Bearer \($0), realm=\"x\"" },
        Self.authorization("a comma at the end", .credentialMalformed) { "Bearer \($0)," },
      ]
    ),
    Attack(
      "M06",
      "authorization twice",
      "CVE-2020-25017; CVE-2026-26308; CVE-2026-31838",
      [
        Self.two("good and bad") { good, _ in [good, "Bearer AAAA"] },
        Self.two("bad and good") { good, _ in ["Bearer AAAA", good] },
        Self.two("the same twice") { good, _ in [good, good] },
        Self.two("two good ones") { good, other in [good, other] },
        Self.two("good and empty") { good, _ in [good, ""] },
        Self.two("good and Basic") { good, _ in [good, "Basic AAAA"] },
        Self.two("three") { good, _ in [good, good, good] },
        .denied("in two letter cases", .credentialConflicting) { bench in
          let value = "Bearer \(try bench.token())"
          return bench.request(
            [AttackHeader("authorization", value), AttackHeader("Authorization", value)],
            nil,
            .guardOnly
          )
        } twin: { bench in
          bench.request(
            [AttackHeader("Authorization", "Bearer \(try bench.token())")],
            nil,
            .guardOnly
          )
        },
        .denied("twice on a method that anyone may call", .credentialConflicting) { bench in
          let header = AttackHeader("authorization", "Bearer \(try bench.token())")
          return bench.request([header, header], bench.methods.anonymous)
        } twin: {
          try $0.good(nil, $0.methods.anonymous)
        },
      ]
    ),
    Attack(
      "M07",
      "binary twin",
      "gRPC over HTTP/2, Custom-Metadata",
      [
        .denied("beside authorization", .credentialConflicting) { bench in
          bench.request([
            AttackHeader("authorization", "Bearer \(try bench.token())"),
            AttackHeader("authorization-bin", "QmVhcmVyIHg"),
          ])
        },
        .denied("before authorization", .credentialConflicting) { bench in
          bench.request([
            AttackHeader("authorization-bin", "QmVhcmVyIHg"),
            AttackHeader("authorization", "Bearer \(try bench.token())"),
          ])
        },
        .denied("alone", .credentialConflicting) { bench in
          bench.request([
            AttackHeader(
              "authorization-bin",
              Base64URL.encode(Array("Bearer \(try bench.token())".utf8))
            )
          ])
        },
        .denied("alone on a method that anyone may call", .credentialConflicting) { bench in
          bench.request([AttackHeader("authorization-bin", "AAAA")], bench.methods.anonymous)
        } twin: { bench in
          bench.request([], bench.methods.anonymous)
        },
      ]
    ),
    Attack(
      "M08",
      "invalid base64 in binary metadata",
      "CVE-2023-32732",
      ["!!!", "AAA=A", "\u{E9}", "A"].map { value in
        .denied("\(value) without a token", .credentialMissing) { bench in
          bench.request([AttackHeader("x-bin", value)], nil, .rawHTTP2)
        } twin: { bench in
          bench.request(
            [
              AttackHeader("x-bin", value),
              AttackHeader("authorization", "Bearer \(try bench.token())"),
            ],
            nil,
            .guardOnly
          )
        }
      }
    ),
    Attack(
      "M09",
      "token in a wrong place",
      "RFC 6750 §2; RFC 9700",
      [
        "cookie", "x-api-key", "grpc-metadata-authorization", "proxy-authorization",
        "x-authorization",
        "authorization2", "authenticate", "access_token", "x-forwarded-authorization",
      ].map { name in
        .denied(name, .credentialMissing) { bench in
          bench.request([AttackHeader(name, "Bearer \(try bench.token())")])
        }
      }
        + [
          .denied("in the query", .credentialMissing) { bench in
            AttackRequest(
              path: "/\(bench.methods.scoped)?access_token=\(try bench.token())",
              headers: [],
              carriage: .rawHTTP2
            )
          },
          .denied("in the query of a method that anyone may call", .credentialMissing) { bench in
            AttackRequest(
              path: "/\(bench.methods.anonymous)?access_token=\(try bench.token())",
              headers: [],
              carriage: .rawHTTP2
            )
          } twin: { bench in
            bench.request([], bench.methods.anonymous)
          },
        ]
    ),
    Attack(
      "M12",
      "underscore twins",
      "Envoy edge guide, headers_with_underscores_action",
      ["authorization_", "_authorization", "author_ization", "authorization_bin"].map { name in
        .denied("\(name) is no authorization", .credentialMissing) { bench in
          bench.request([AttackHeader(name, "Bearer \(try bench.token())")])
        } twin: { bench in
          bench.request([
            AttackHeader(name, "Bearer AAAA"),
            AttackHeader("authorization", "Bearer \(try bench.token())"),
          ])
        }
      }
    ),
    Attack(
      "M14",
      "oversized authorization",
      "gRPC metadata limits; CVE-2023-33953",
      [15, 16, 17, 32, 1_024].map { kib in
        .token("\(kib) KiB", .tokenTooLarge, .guardOnly) { _ in
          String(repeating: "A", count: kib * 1_024)
        } twin: {
          try EncodingRows.token(ofLength: 8_192, $0)
        }
      }
        + [
          .denied("2,000 other headers without a token", .credentialMissing) { bench in
            bench.request((0 ..< 2_000).map { AttackHeader("x-\($0)", "1") }, nil, .guardOnly)
          } twin: { bench in
            bench.request(
              (0 ..< 200).map { AttackHeader("x-\($0)", "1") }
                + [AttackHeader("authorization", "Bearer \(try bench.token())")],
              nil,
              .guardOnly
            )
          }
        ]
    ),
    Attack(
      "M15",
      "negative grpc-timeout",
      "CWE-617; grpc-go PR 8290; CVE-2022-24777",
      ["-1S", "-1n", "-1u", "-1m", "-1M", "-1H", "-99999H", "-0S", "-S", "--1S"].flatMap { value in
        [
          Self.timeout("\(value) with a good token", [value]),
          .denied("\(value) without a token", .requestMalformed) { bench in
            bench.request([AttackHeader("grpc-timeout", value)], nil, .rawHTTP2)
          } twin: { bench in
            bench.request([AttackHeader("grpc-timeout", "10S")], bench.methods.anonymous)
          },
        ]
      }
    ),
    Attack(
      "M16",
      "malformed grpc-timeout",
      "gRPC over HTTP/2, Timeout",
      [
        "+5S", "1", "S", "", "abc", "1.5S", "123456789S", "1s", "1h", "1 S", " 1S", "1S ", "0x1S",
        "1e3S", "1SS", "\u{661}S", "\u{FF11}S", "1\u{212A}", "\u{2212}1S", "1_0S", "1S,2S", "1\0S",
        "999999999999999999999999S", "NaNS", "18446744073709551616n",
      ].map { value in Self.timeout("\"\(value)\"", [value]) }
        + [
          Self.timeout("twice, equal", ["10S", "10S"]),
          Self.timeout("twice, different", ["10S", "20S"]),
          Self.timeout("good and empty", ["10S", ""]),
        ]
        + ["99999999H", "12345678S", "0S", "00000001H", "1n", "99999999n"].map { value in
          .denied("\(value) is legal, one digit more is not", .requestMalformed) { bench in
            try Self.timed(
              ["9\(String(repeating: "0", count: 9 - value.utf8.count))\(value)"],
              bench
            )
          } twin: { bench in
            try Self.timed([value], bench).carried(.guardOnly)
          }
        }
    ),
  ]

  private static func authorization(
    _ name: String,
    _ reason: DenialReason,
    _ carriage: AttackRequest.Carriage = .client,
    _ value: @escaping @Sendable (String) -> String
  ) -> AttackVariant {
    .denied(name, reason) { bench in
      bench.request([AttackHeader("authorization", value(try bench.token()))], nil, carriage)
    }
  }

  private static func two(
    _ name: String,
    _ values: @escaping @Sendable (_ good: String, _ other: String) -> [String]
  ) -> AttackVariant {
    .denied(name, .credentialConflicting) { bench in
      let other = "Bearer \(try bench.token(by: bench.other))"
      return bench.request(
        values("Bearer \(try bench.token())", other).map { AttackHeader("authorization", $0) }
      )
    }
  }

  private static func timeout(_ name: String, _ values: [String]) -> AttackVariant {
    .denied(name, .requestMalformed) { bench in
      try Self.timed(values, bench).carried(.rawHTTP2)
    } twin: { bench in
      try Self.timed(["10S"], bench)
    }
  }

  private static func timed(_ values: [String], _ bench: AttackBench) throws -> AttackRequest {
    bench.request(
      values.map { AttackHeader("grpc-timeout", $0) }
        + [AttackHeader("authorization", "Bearer \(try bench.token())")]
    )
  }
}
