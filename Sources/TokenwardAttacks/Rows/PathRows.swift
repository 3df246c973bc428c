// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Rows P01 to P07 and P14 to P16: paths and the policy.
enum PathRows {
  static let rows: [Attack] = [
    Attack(
      "P01",
      "no leading slash",
      "CVE-2026-33186; GHSA-p77j-4mvh-x3m3",
      [
        Self.path("without a slash") { $0 },
        Self.path("a backslash") { "\\\($0)" },
      ]
    ),
    Attack(
      "P02",
      "double slashes",
      "CVE-2026-26205; CVE-2021-29492",
      [
        Self.path("in front") { "//\($0)" },
        Self.path("between") { "/\($0.replacingSlash(with: "//"))" },
        Self.path("at the end") { "/\($0)/" },
        Self.path("a third part") { "/\($0)/More" },
        Self.path("a part in front") { "/v1/\($0)" },
        Self.path("no method") { "/\($0.service)/" },
        Self.path("no service") { "//\($0.method)" },
        Self.path("service only") { "/\($0.service)" },
      ]
    ),
    Attack(
      "P03",
      "percent-encoding",
      "CVE-2021-29492",
      [
        Self.path("a letter") { "/\($0.service)/%47et" },
        Self.path("the slash") { "/\($0.replacingSlash(with: "%2F"))" },
        Self.path("NUL at the end") { "/\($0)%00" },
        Self.path("a dot segment") { "/%2e/\($0)" },
        Self.path("encoded twice") { "/\($0.service)/%2547et" },
        Self.path("a percent sign") { "/\($0)%" },
        Self.path("a plus sign") { "/\($0)+" },
      ]
    ),
    Attack(
      "P04",
      "query, fragment and parameters",
      "CVE-2021-32779",
      [
        Self.path("?x=1") { "/\($0)?x=1" }, Self.path("?") { "/\($0)?" },
        Self.path("#f") { "/\($0)#f" }, Self.path(";x") { "/\($0);x" },
        Self.path("a space") { "/\($0) " }, Self.path("a hyphen") { "/\($0)-" },
        Self.path("a colon") { "/\($0):cancel" },
      ]
    ),
    Attack(
      "P05",
      "letter case",
      "RFC 3986 §6.2.2.1; exact policy",
      [
        Self.path("service in upper case") { "/\($0.service.uppercased())/\($0.method)" },
        Self.path("method in lower case") { "/\($0.service)/\($0.method.lowercased())" },
        Self.path("method in upper case") { "/\($0.service)/\($0.method.uppercased())" },
      ]
    ),
    Attack(
      "P06",
      "method in canonical equivalence",
      "CVE-2026-33186 class; String equality in Swift",
      [
        Self.path("the Kelvin sign for K", \.roled) {
          "/\($0.service)/\(Self.kelvin($0.method))"
        },
        Self.path("a full-width letter") { "/\($0.service)/\u{FF27}et" },
        Self.path("a combining mark") { "/\($0)\u{301}" },
        Self.path("a zero-width space") { "/\($0)\u{200B}" },
        Self.path("a soft hyphen") { "/\($0.service)/G\u{AD}et" },
        Self.path("a full-width slash") { "/\($0.replacingSlash(with: "\u{FF0F}"))" },
        Self.path("a full-width dot") { "/attacks\u{FF0E}v1.Orders/Get\($0.suffix(0))" },
        .denied("the Kelvin sign without a token", .credentialMissing) { bench in
          AttackRequest(
            path: "/\(bench.methods.roled.service)/\(Self.kelvin(bench.methods.roled.method))",
            headers: [],
            carriage: .rawHTTP2
          )
        } twin: { bench in
          bench.request([], bench.methods.anonymous)
        },
      ]
    ),
    Attack(
      "P07",
      "dot segments and absolute form",
      "RFC 9113 §8.3.1",
      [
        Self.path("/./") { "/./\($0)" }, Self.path("/x/../") { "/x/../\($0)" },
        Self.path("/../") { "/../\($0)" }, Self.path("absolute form") { "http://host/\($0)" },
        Self.path("asterisk") { "*\($0.suffix(0))" }, Self.path("root") { "/\($0.suffix(0))" },
        Self.path("dots as a method") { "/\($0.service)/.." },
        Self.path("two bytes of NUL") { "/\($0)\0\0" },
        Self.path("a line break") { "/\($0)\r\n" },
        Self.path("1,025 bytes") { "/\($0.service)/\(String(repeating: "M", count: 1_025))" },
      ]
    ),
    Attack(
      "P14",
      "probing for methods",
      "CWE-204",
      [
        .denied("a known method", .credentialMissing) { bench in
          bench.request([], bench.methods.scoped)
        } twin: {
          try $0.good()
        },
        .denied("an unknown method", .credentialMissing) { bench in
          bench.request([], "\(bench.methods.scoped.service)/NoSuchMethod")
        } twin: {
          try $0.good()
        },
        .denied("an unknown service", .credentialMissing) { bench in
          bench.request([], "no.such.Service/Method")
        } twin: {
          try $0.good()
        },
        .denied("a path that is none", .credentialMissing) { _ in
          AttackRequest(path: "%%", headers: [], carriage: .rawHTTP2)
        } twin: {
          try $0.good()
        },
        .denied("an unknown method with a forged token", .signatureInvalid) { bench in
          bench.call(
            try bench.token(by: AttackBench.stranger(bench)),
            "\(bench.methods.scoped.service)/NoSuchMethod"
          )
        },
        .denied("a known method with a forged token", .signatureInvalid) { bench in
          bench.call(try bench.token(by: AttackBench.stranger(bench)))
        },
      ]
    ),
    Attack(
      "P15",
      "overlapping and loose rules",
      "deny by default",
      [
        ("a prefix", "svc.S/Get*"), ("a suffix", "svc.S/*Key"), ("all methods", "*"),
        ("all services", "*/*"), ("a glob of services", "svc.*/Get"), ("two asterisks", "svc.S/**"),
        ("a leading slash", "/svc.S/Get"), ("a question mark", "svc.S/Ge?"),
        ("a regular expression", "svc.S/.*"), ("no method", "svc.S/"), ("no slash", "svc.S"),
        ("empty", ""), ("the Kelvin sign", "svc.S/\u{212A}ey"), ("a space", "svc.S/Get "),
        ("an asterisk within", "svc.S/G*t"), ("deeper", "svc.S/Get/*"),
      ].map { name, pattern in
        AttackVariant(
          name,
          .configuration(
            .policy(
              path: "policy[0].method",
              [Allow(pattern, .authenticated)],
              twin: [Allow("svc.S/Get", .authenticated)]
            )
          )
        )
      }
        + [
          AttackVariant(
            "two rules for one method",
            .configuration(
              .policy(
                path: "policy[1].method",
                [Allow("svc.S/Get", .authenticated), Allow("svc.S/Get", .anonymous)],
                twin: [Allow("svc.S/Get", .authenticated), Allow("svc.S/*", .anonymous)]
              )
            )
          ),
          AttackVariant(
            "two rules for one service",
            .configuration(
              .policy(
                path: "policy[1].method",
                [Allow("svc.S/*", .authenticated), Allow("svc.S/*", .authenticated)],
                twin: [Allow("svc.S/*", .authenticated), Allow("svc.T/*", .authenticated)]
              )
            )
          ),
        ]
    ),
    Attack(
      "P16",
      "a method that was added later",
      "deny by default",
      [
        .denied("not in the policy", .methodUnlisted) { bench in
          try bench.good(nil, bench.methods.unlisted)
        },
        .denied("beside listed ones", .methodUnlisted) { bench in
          try bench.good(nil, "\(bench.methods.anonymous)2")
        } twin: {
          try $0.good(nil, $0.methods.anonymous)
        },
      ]
    ),
  ]

  private static func path(
    _ name: String,
    _ method: @escaping @Sendable (AttackMethods) -> String = { $0.scoped },
    _ change: @escaping @Sendable (String) -> String
  ) -> AttackVariant {
    .denied(name, .methodUnlisted) { bench in
      try bench.path(change(method(bench.methods)), .rawHTTP2)
    } twin: { bench in
      try bench.path("/\(method(bench.methods))")
    }
  }

  private static func kelvin(_ text: String) -> String {
    String(text.map { $0 == "K" ? "\u{212A}" : $0 })
  }
}

extension String {
  /// What is before the slash of `package.Service/Method`.
  fileprivate var service: String { String(self.prefix { $0 != "/" }) }

  /// What is after it.
  fileprivate var method: String { String(self.drop { $0 != "/" }.dropFirst()) }

  fileprivate func replacingSlash(with text: String) -> String {
    "\(self.service)\(text)\(self.method)"
  }
}
