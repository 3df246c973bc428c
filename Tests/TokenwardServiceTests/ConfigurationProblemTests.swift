// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardService
import TokenwardTestKit

/// Each case is one change of a configuration that is accepted.
@Suite("A configuration with one mistake")
struct ConfigurationProblemTests {
  private static let good = [
    "issuers:",
    "  - issuer: https://issuer.test",
    "    audiences: [orders]",
    "    algorithms: [ES256]",
    "    jwks: {file: issuer.jwks}",
    "    typ: at+jwt",
    "    clock_skew: 5s",
    "    max_lifetime: 1h",
    "    single_use: false",
    "policy:",
    "  - method: a.B/C",
    "    allow: {scopes: [x]}",
    "admin: {listen: 127.0.0.1:0}",
    "audit: {file: audit.jsonl}",
    "server: {listen: 127.0.0.1:0, tls: {certificate: server.pem, key: server.key}}",
  ]

  @Test("is accepted without the mistake")
  func twin() throws {
    let folder = try ConfigurationFolder()
    #expect(folder.problems(Self.good.joined(separator: "\n")) == [])
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var line: Int
    var text: String
    var problem: String
    init(_ line: Int, _ text: String, _ problem: String) {
      self.line = line
      self.text = text
      self.problem = problem
    }
    var testDescription: String { self.text }
  }

  static let issuerCases = [
    Case(2, "  - issuer: [a]", "issuers[0].issuer (line 2): is a list, where one text belongs"),
    Case(2, "  - issuer:", "issuers[0].issuer (line 2): has no value"),
    Case(2, "  - issuer: ~", "issuers[0].issuer (line 2): has no value"),
    Case(2, "  - issuer: \"\"", "issuers[0].issuer (line 2): has no value"),
    Case(
      2,
      "  - issuer: \"a\\nb\"",
      "issuers[0].issuer (line 2): is longer than 1,024 bytes or has control characters"
    ),
    Case(2, "  - iss: a", "issuers[0].\"iss\" (line 2): is unknown"),
    Case(
      2,
      "  - issuer: ${ISSUER}",
      "issuers[0].issuer (line 2): asks for an environment"
        + " variable; none is ever read"
    ),
    Case(
      2,
      "  - issuer: eyJhbGciOiJub25lIn0.e30.c2ln",
      "issuers[0].issuer (line 2): holds a token"
    ),
    Case(2, "  - issuer: twk_abc_def", "issuers[0].issuer (line 2): holds an API token"),
    Case(
      2,
      "  - issuer: \"-----BEGIN EC PRIVATE KEY-----\"",
      "issuers[0].issuer (line 2): holds a key or certificate"
    ),
    Case(
      3,
      "    audiences: orders",
      "issuers[0].audiences (line 3): is one text, where a list belongs"
    ),
    Case(3, "    audiences: []", "issuers[0].audiences (line 3): is an empty list"),
    Case(3, "    audiences: [~]", "issuers[0].audiences[0] (line 3): has no value"),
    Case(
      3,
      "    audiences: [{a: b}]",
      "issuers[0].audiences[0] (line 3): is a section, where one text belongs"
    ),
    Case(3, "    # none", "issuers[0].audiences (line 2): is missing"),
    Case(
      3,
      "    audiences_unchecked_because: \" \"",
      "issuers[0].audiences_unchecked_because (line 3): has no reason"
    ),
    Case(
      3,
      "    audiences: [orders]\n    audiences_unchecked_because: x",
      "issuers[0].audiences (line 3): stands beside audiences_unchecked_because;"
        + " only one of them can count"
    ),
    Case(4, "    algorithms: []", "issuers[0].algorithms (line 4): is an empty list"),
    Case(
      4,
      "    algorithms: [none]",
      "issuers[0].algorithms[0] (line 4): \"none\" is no algorithm"
    ),
    Case(
      4,
      "    algorithms: [es256]",
      "issuers[0].algorithms[0] (line 4): \"es256\" is no algorithm"
    ),
    Case(
      4,
      "    algorithms: [ES256, HS256]",
      "issuers[0].algorithms[1] (line 4): is for a shared secret, not for public keys"
    ),
    Case(
      4,
      "    algorithms: [ES256, ES256]",
      "issuers[0].algorithms (line 4): an algorithm twice"
    ),
    Case(5, "    # no keys", "issuers[0].jwks (line 2): is missing"),
    Case(
      5,
      "    jwks: {file: bad.jwks}",
      "issuers[0].jwks.file (line 5): is no JWK Set in strict"
        + " JSON"
    ),
    Case(
      5,
      "    jwks: {file: secret.jwks}",
      "issuers[0].jwks.file (line 5): has a private or symmetric key, which everyone who reads it"
        + " can sign with"
    ),
    Case(
      5,
      "    jwks: {inline: {keys: [{kty: EC, crv: P-256, x: AA, y: AA, d: AA}]}}",
      "issuers[0].jwks.inline (line 5): has a private or symmetric key, which everyone who reads it"
        + " can sign with"
    ),
    Case(
      5,
      "    jwks: {inline: {keys: [{kty: oct, k: c2VjcmV0}]}}",
      "issuers[0].jwks.inline (line 5): has a private or symmetric key, which everyone who reads it"
        + " can sign with"
    ),
    Case(
      5,
      "    jwks: {inline: {keys: [{kty: XYZ}]}}",
      "issuers[0].jwks.inline (line 5): has no usable key; key 0: key_type_unsupported"
    ),
    Case(
      5,
      "    jwks: {inline: {keys: []}}",
      "issuers[0].jwks.inline.keys (line 5): is an empty"
        + " list"
    ),
    Case(
      5,
      "    jwks: {file: issuer.jwks, inline: {keys: []}}",
      "issuers[0].jwks.inline (line 5): stands beside file; only one of them can count"
    ),
    Case(5, "    jwks: {}", "issuers[0].jwks (line 5): does not say where the keys are"),
    Case(6, "    typ: \"at jwt\"", "issuers[0].typ (line 6): is no media type"),
    Case(
      6,
      "    typ: JWT\n    typ_unchecked_because: x",
      "issuers[0].typ (line 6): stands beside typ_unchecked_because; only one of them can count"
    ),
    Case(7, "    clock_skew: 5", "issuers[0].clock_skew (line 7): is no duration"),
    Case(7, "    clock_skew: -5s", "issuers[0].clock_skew (line 7): is no duration"),
    Case(7, "    clock_skew: 0x5s", "issuers[0].clock_skew (line 7): is no duration"),
    Case(7, "    clock_skew: 1m1s", "issuers[0].clock_skew (line 7): is no duration"),
    Case(
      7,
      "    clock_skew: 61s",
      "issuers[0].clock_skew (line 7): 61 s is outside 0 to 60 s"
    ),
    Case(
      8,
      "    max_lifetime: 25h",
      "issuers[0].max_lifetime (line 8): 90000 s is outside 1 s to 86400 s"
    ),
    Case(
      8,
      "    max_lifetime: 0s",
      "issuers[0].max_lifetime (line 8): 0 s is outside 1 s to 86400 s"
    ),
    Case(
      8,
      "    max_lifetime: 99999999999999s",
      "issuers[0].max_lifetime (line 8): is no duration"
    ),
    Case(9, "    single_use: yes", "issuers[0].single_use (line 9): is neither true nor false"),
    Case(
      9,
      "    single_use: \"true\"",
      "issuers[0].single_use (line 9): is neither true nor false"
    ),
  ]

  static let otherCases = [
    Case(10, "policy: []\nx:", "policy (line 10): is an empty list"),
    Case(11, "  - methods: a.B/C", "policy[0].\"methods\" (line 11): is unknown"),
    Case(11, "  - method: /a.B/C", "policy[0].method (line 11): \"/a.B/C\" names no method"),
    Case(11, "  - method: a.B/C%20", "policy[0].method (line 11): \"a.B/C%20\" names no method"),
    Case(11, "  - method: \"*\"", "policy[0].method (line 11): \"*\" names no method"),
    Case(
      11,
      "  - {method: a.B/C, allow: anonymous}\n  - method: a.B/C",
      "policy[1].method (line 12): a second rule for a.B/C; which one counts would be a guess"
    ),
    Case(
      11,
      "  - {method: a.B/D, allow: nobody}\n  - {method: a.B/C, allow: anonymous}\n"
        + "  - method: a.B/C",
      "policy[2].method (line 13): a second rule for a.B/C; which one counts would be a guess"
    ),
    Case(12, "    allow: {}", "policy[0].allow (line 12): requires nothing"),
    Case(
      12,
      "    allow: {subjects: [alice]}",
      "policy[0].allow.issuer (line 12): is missing"
    ),
    Case(
      12,
      "    allow: {issuer: a, roles: [clerk]}",
      "policy[0].allow.subjects (line 12): is missing"
    ),
    Case(12, "    allow: {end_user: false}", "policy[0].allow (line 12): requires nothing"),
    Case(12, "    allow:", "policy[0].allow (line 12): has no value"),
    Case(12, "    # none", "policy[0].allow (line 11): is missing"),
    Case(
      12,
      "    allow: Anonymous",
      "policy[0].allow (line 12): is neither anonymous nor authenticated"
    ),
    Case(12, "    allow: {scopes: []}", "policy[0].allow.scopes (line 12): is an empty list"),
    Case(
      12,
      "    allow: {scopes: x}",
      "policy[0].allow.scopes (line 12): is one text, where a list belongs"
    ),
    Case(
      12,
      "    allow: {scopes: [\"a b\"]}",
      "policy[0].allow.scopes (line 12): \"a b\" can never be granted"
    ),
    Case(12, "    allow: {roles: [r, r]}", "policy[0].allow.roles (line 12): a name twice"),
    Case(12, "    allow: {scope: [x]}", "policy[0].allow.\"scope\" (line 12): is unknown"),
    Case(
      12,
      "    allow: {scopes: [x], end_user: maybe}",
      "policy[0].allow.end_user (line 12): is neither true nor false"
    ),
    Case(13, "admin: {listen: localhost:9901}", "admin.listen (line 13): is no address and port"),
    Case(13, "admin: {listen: 127.1:9901}", "admin.listen (line 13): is no address and port"),
    Case(13, "admin: {listen: 127.0.0.1}", "admin.listen (line 13): is no address and port"),
    Case(13, "admin: {listen: 127.0.0.1:65536}", "admin.listen (line 13): is no address and port"),
    Case(13, "admin: {listen: 127.0.0.1:+1}", "admin.listen (line 13): is no address and port"),
    Case(
      13,
      "admin: {listen: 0.0.0.0:9901}",
      "admin.listen (line 13): can be reached from other machines, and whoever reaches it reads the"
        + " metrics"
    ),
    Case(
      13,
      "admin: {listen: \"[::]:9901\"}",
      "admin.listen (line 13): can be reached from other machines, and whoever reaches it reads the"
        + " metrics"
    ),
    Case(13, "admin: {}", "admin.listen (line 13): is missing"),
    Case(14, "audit: audit.jsonl", "audit (line 14): is one text, where a section belongs"),
    Case(14, "audit:", "audit (line 14): has no value"),
    Case(14, "ext_authz: {}", "\"ext_authz\" (line 14): is unknown"),
    Case(
      15,
      "server: {listen: 127.0.0.1:0}",
      "server.tls (line 15): is missing"
    ),
    Case(
      15,
      "server: {listen: 127.0.0.1:0, plaintext_because: x, tls: {}}",
      "server.tls (line 15): stands beside plaintext_because; only one of them can count"
    ),
    Case(
      15,
      "server: {listen: 127.0.0.1:0, plaintext_because: \" \"}",
      "server.plaintext_because (line 15): has no reason"
    ),
    Case(
      15,
      "server: {listen: 127.0.0.1:0, tls: {certificate: server.pem}}",
      "server.tls.key (line 15): is missing"
    ),
  ]

  @Test(
    "is refused with its path, line and problem",
    arguments: issuerCases + keyCases + otherCases
  )
  func refused(_ mistake: Case) throws {
    let folder = try ConfigurationFolder()
    var lines = Self.good
    lines[mistake.line - 1] = mistake.text
    let problems = folder.problems(lines.joined(separator: "\n"))
    #expect(problems.contains(mistake.problem), "\(problems)")
  }

  @Test(
    "is refused when the wrong people can read or write a file",
    arguments: [
      ("jwks: {file: writable.jwks}", "can be written by everybody"),
      ("symmetric: {file: open.jwks}", "can be read by others than its owner"),
    ]
  )
  func fileModes(keys: String, problem: String) throws {
    let folder = try ConfigurationFolder()
    let algorithm = keys.hasPrefix("symmetric") ? "HS256" : "ES256"
    let problems = folder.problems(
      "issuers: [{issuer: a, audiences: [b], algorithms: [\(algorithm)], \(keys)}]"
    )
    #expect(problems.count == 1)
    #expect(problems.first?.hasSuffix(problem) == true)
    let good = keys.replacing("writable", with: "issuer").replacing("open", with: "secret")
    #expect(
      folder.problems("issuers: [{issuer: a, audiences: [b], algorithms: [\(algorithm)], \(good)}]")
        == []
    )
  }

  @Test("is refused when everybody can read the server's key")
  func serverKey() throws {
    let folder = try ConfigurationFolder()
    func problems(_ key: String) -> [String] {
      folder.problems("server: {listen: \"[::1]:1\", tls: {certificate: server.pem, key: \(key)}}")
    }
    #expect(problems("server.key") == [])
    #expect(
      problems("open.key").first?.hasSuffix("can be read by everybody or written by its group")
        == true
    )
  }

  @Test("names an issuer twice")
  func issuerTwice() throws {
    let folder = try ConfigurationFolder()
    func yaml(_ second: String) -> String {
      """
      issuers:
        - {issuer: K, audiences: [b], algorithms: [ES256], jwks: {file: issuer.jwks}}
        - {issuer: \(second), audiences: [b], algorithms: [ES256], jwks: {file: issuer.jwks}}
      """
    }
    #expect(
      folder.problems(yaml("K")) == [
        "issuers[1].issuer (line 3): a second entry for \"K\"; which one counts would be a guess"
      ]
    )
    // The Kelvin sign is another name, although Swift's text comparison says it is the same.
    #expect(folder.problems(yaml("\u{212A}")) == [])
  }

  @Test("may be reached from other machines with a reason")
  func remoteAdmin() throws {
    let folder = try ConfigurationFolder()
    let yaml = "admin: {listen: 0.0.0.0:9901, allow_remote_because: Prometheus is elsewhere}"
    #expect(try folder.configuration(yaml).admin?.allowRemoteBecause == "Prometheus is elsewhere")
    #expect(
      folder.problems("admin: {listen: 0.0.0.0:9901, allow_remote_because: \"\"}")
        == ["admin.allow_remote_because (line 1): has no value"]
    )
  }

  @Test("serves plaintext with a reason")
  func plaintext() throws {
    let folder = try ConfigurationFolder()
    let yaml = "server: {listen: 127.0.0.1:1, plaintext_because: the mesh encrypts}"
    let transport = try folder.configuration(yaml).server?.transport
    #expect(transport == .plaintext(because: "the mesh encrypts"))
  }
}
