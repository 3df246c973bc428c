// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows M10, M11, M13, M14, M17 to M19 and P07 to P13: what only a client that writes its own frames
/// can send. A server may answer on any layer, but the handler must not run and the process must
/// live.
enum FrameRows {
  typealias Outcome = FrameAttack.Outcome

  /// Refused by the HTTP/2 layer: RST_STREAM PROTOCOL_ERROR (RFC 9113 §8.1.1) or harder.
  private static let protocolError: Set<Outcome> = [
    .streamReset, .connectionClosed, .httpStatus(400),
  ]
  /// Refused by any layer.
  private static let refused: Set<Outcome> = Self.protocolError.union([
    .httpStatus(401), .httpStatus(404), .httpStatus(405), .httpStatus(415), .httpStatus(431),
    .grpcStatus(3), .grpcStatus(7), .grpcStatus(8), .grpcStatus(12), .grpcStatus(13),
    .grpcStatus(16),
  ])

  static let rows: [Attack] = [
    Attack(
      "M10",
      "header names in upper case",
      "RFC 9113 §8.2.1",
      [
        Self.block("Authorization", Self.protocolError) { block, _ in
          block.map {
            AttackHeader($0.name == "authorization" ? "Authorization" : $0.name, $0.value)
          }
        },
        Self.block("another header", Self.protocolError) { block, _ in
          block + [AttackHeader("X-Test", "1")]
        },
      ]
    ),
    Attack(
      "M11",
      "CR, LF and NUL in values",
      "RFC 9113 §8.2.1; CVE-2022-3215; CVE-2026-28898",
      [("CR LF", "\r\nx: y"), ("LF", "\nx"), ("CR", "\rx"), ("NUL", "\0")].flatMap { name, text in
        [
          Self.block("\(name) in the token", Self.refused) { block, _ in
            block.map {
              AttackHeader($0.name, $0.name == "authorization" ? $0.value + text : $0.value)
            }
          },
          Self.block("\(name) in another header", Self.refused) { block, _ in
            block + [AttackHeader("x-test", "a\(text)")]
          },
        ]
      }
    ),
    Attack(
      "M13",
      "authorization in trailers",
      "RFC 9110 §6.5",
      [
        .frames("only in the trailers") { bench in
          let block = try Self.good(bench)
          return FrameAttack(
            [
              .headers(block.filter { $0.name != "authorization" }, endStream: false),
              .data(Self.message, endStream: false),
              .headers(block.filter { $0.name == "authorization" }, endStream: true),
            ],
            accepted: Self.refused,
            twin: Self.call(block)
          )
        },
        .frames("in a second header block") { bench in
          let block = try Self.good(bench)
          return FrameAttack(
            [
              .headers(block.filter { $0.name != "authorization" }, endStream: false),
              .headers(block, endStream: false), .data(Self.message, endStream: true),
            ],
            accepted: Self.refused,
            twin: Self.call(block)
          )
        },
      ]
    ),
    Attack(
      "M14",
      "oversized header blocks",
      "RFC 9113 §10.5.1; CVE-2023-33953; CVE-2024-27316",
      [
        Self.block("authorization of 17 KiB", Self.refused) { block, _ in
          Self.replacing(
            "authorization",
            "Bearer \(String(repeating: "A", count: 17 << 10))",
            block
          )
        },
        Self.block("authorization of 32 KiB", Self.refused) { block, _ in
          Self.replacing(
            "authorization",
            "Bearer \(String(repeating: "A", count: 32 << 10))",
            block
          )
        },
        Self.block("2,000 headers", Self.refused) { block, _ in
          block + (0 ..< 2_000).map { AttackHeader("x-header-number-\($0)", "value") }
        },
        Self.block("1 MiB in CONTINUATION frames", Self.refused) { block, _ in
          block
            + (0 ..< 64).map { AttackHeader("x-\($0)", String(repeating: "A", count: 16 << 10)) }
        },
      ]
    ),
    Attack(
      "M17",
      "reserved metadata from a client",
      "gRPC over HTTP/2",
      [
        ("grpc-status", "0"), ("grpc-message", "%00%ff"), ("grpc-status-details-bin", "!!!"),
        ("grpc-previous-rpc-attempts", "9223372036854775808"), ("grpc-encoding", "identity,gzip"),
        ("grpc-accept-encoding", ""), ("grpc-trace-bin", "AAAA"), ("grpc-tags-bin", "%%"),
        ("grpc-retry-pushback-ms", "-1"),
      ].flatMap { name, value in
        [
          Self.block("\(name) without a token", Self.refused) { block, _ in
            block.filter { $0.name != "authorization" } + [AttackHeader(name, value)]
          },
          Self.block("\(name) twice with a good token", Self.refused.union([.grpcStatus(0)])) {
            block,
            _ in block + [AttackHeader(name, value), AttackHeader(name, value)]
          },
        ]
      }
    ),
    Attack(
      "M18",
      "content type",
      "gRPC over HTTP/2, Content-Type",
      ["application/grpcevil", "application/grpc-web", "application/json", "", "text/plain"].map {
        value in
        Self.block("\"\(value)\" with a good token", Self.refused) { block, _ in
          Self.replacing("content-type", value, block)
        }
      }
        + [
          Self.block("missing", Self.refused) { block, _ in
            block.filter { $0.name != "content-type" }
          },
          Self.block("twice", Self.refused.union([.grpcStatus(0)])) { block, _ in
            block + [AttackHeader("content-type", "application/json")]
          },
        ]
    ),
    Attack(
      "M19",
      "compressed bomb",
      "CWE-409",
      [
        .frames("a message that says it is compressed, without a token") { bench in
          let block = try Self.good(bench)
          let bomb = [1, 0, 0, 0x40, 0] + [UInt8](repeating: 0, count: 0x4000)
          return FrameAttack(
            [
              .headers(
                block.filter { $0.name != "authorization" }
                  + [AttackHeader("grpc-encoding", "gzip")],
                endStream: false
              ),
              .data(bomb, endStream: true),
            ],
            accepted: [.grpcStatus(16), .grpcStatus(12), .streamReset, .connectionClosed],
            twin: Self.call(block)
          )
        },
        .frames("a message that says it has 4 GiB, without a token") { bench in
          let block = try Self.good(bench)
          return FrameAttack(
            [
              .headers(block.filter { $0.name != "authorization" }, endStream: false),
              .data([0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3], endStream: true),
            ],
            accepted: [.grpcStatus(16), .streamReset, .connectionClosed],
            twin: Self.call(block)
          )
        },
      ]
    ),
    Attack(
      "P08",
      "empty, missing and repeated :path",
      "RFC 9113 §8.3.1",
      [
        Self.block("empty", Self.refused) { block, _ in Self.replacing(":path", "", block) },
        Self.block("missing", Self.refused) { block, _ in block.filter { $0.name != ":path" } },
        Self.block("twice", Self.refused) { block, bench in
          [AttackHeader(":path", "/\(bench.methods.anonymous)")] + block
        },
        Self.block("twice, equal", Self.refused) { block, bench in
          [AttackHeader(":path", "/\(bench.methods.scoped)")] + block
        },
      ]
    ),
    Attack(
      "P09",
      "pseudo-headers",
      "RFC 9113 §8.3; h2spec 8.1.2.1",
      [
        Self.block("after a regular one", Self.refused) { block, _ in
          block.filter { $0.name != ":path" } + block.filter { $0.name == ":path" }
        },
        Self.block("unknown", Self.refused) { block, _ in [AttackHeader(":foo", "bar")] + block },
        Self.block(":status in a request", Self.refused) { block, _ in
          [AttackHeader(":status", "200")] + block
        },
        Self.block(":authorization", Self.refused) { block, _ in
          [AttackHeader(":authorization", "Bearer AAAA")]
            + block.filter { $0.name != "authorization" }
        },
      ]
    ),
    Attack(
      "P10",
      ":method",
      "gRPC over HTTP/2, Request-Headers",
      ["GET", "PUT", "CONNECT", "PRI", "OPTIONS", "post", ""].map { method in
        Self.block("\"\(method)\" with a good token", Self.refused) { block, _ in
          Self.replacing(":method", method, block)
        }
      }
    ),
    Attack(
      "P11",
      ":scheme",
      "RFC 9113 §8.3.1",
      ["ftp", "", "file"].map { scheme in
        Self.block("\"\(scheme)\" with a good token", Self.refused.union([.grpcStatus(0)])) {
          block,
          _ in Self.replacing(":scheme", scheme, block)
        }
      }
        + [
          Self.block("https without a token is no proof of anything", Self.refused) { block, _ in
            Self.replacing(":scheme", "https", block.filter { $0.name != "authorization" })
          },
          Self.block("missing", Self.refused) { block, _ in block.filter { $0.name != ":scheme" } },
        ]
    ),
    Attack(
      "P12",
      ":authority and host",
      "RFC 9113 §8.3.1",
      [
        Self.block("they differ, no token", Self.refused) { block, _ in
          block.filter { $0.name != "authorization" } + [AttackHeader("host", "admin.internal")]
        },
        Self.block("credentials in :authority", Self.refused) { block, _ in
          Self.replacing(
            ":authority",
            "alice:secret@localhost",
            block.filter { $0.name != "authorization" }
          )
        },
        Self.block("localhost is nobody special", Self.refused) { block, _ in
          Self.replacing(":authority", "localhost", block.filter { $0.name != "authorization" })
        },
        Self.block("absent, no token", Self.refused) { block, _ in
          block.filter { $0.name != "authorization" && $0.name != ":authority" }
        },
      ]
    ),
    Attack(
      "P13",
      "headers of the connection",
      "RFC 9113 §8.2.2",
      [
        ("connection", "close"), ("transfer-encoding", "chunked"), ("upgrade", "h2c"),
        ("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive"),
      ].map { name, value in
        Self.block(name, Self.refused) { block, _ in block + [AttackHeader(name, value)] }
      }
        + [
          Self.block("te: gzip", Self.refused) { block, _ in Self.replacing("te", "gzip", block) }
        ]
    ),
  ]

  /// An empty gRPC message.
  private static let message: [UInt8] = [0, 0, 0, 0, 0]

  /// The header block of a good call.
  private static func good(_ bench: AttackBench) throws -> [AttackHeader] {
    [
      AttackHeader(":method", "POST"),
      AttackHeader(":scheme", "http"),
      AttackHeader(":path", "/\(bench.methods.scoped)"),
      AttackHeader(":authority", "localhost"),
      AttackHeader("content-type", "application/grpc"),
      AttackHeader("te", "trailers"),
      AttackHeader("authorization", "Bearer \(try bench.token())"),
    ]
  }

  private static func call(_ block: [AttackHeader]) -> [FrameAttack.Frame] {
    [.headers(block, endStream: false), .data(Self.message, endStream: true)]
  }

  private static func block(
    _ name: String,
    _ accepted: Set<Outcome>,
    _ change: @escaping @Sendable ([AttackHeader], AttackBench) -> [AttackHeader]
  ) -> AttackVariant {
    .frames(name) { bench in
      let block = try Self.good(bench)
      return FrameAttack(
        Self.call(change(block, bench)),
        accepted: accepted,
        twin: Self.call(block)
      )
    }
  }

  private static func replacing(
    _ name: String,
    _ value: String,
    _ block: [AttackHeader]
  ) -> [AttackHeader] {
    block.map { $0.name == name ? AttackHeader(name, value) : $0 }
  }
}
