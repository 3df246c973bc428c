// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardService

@Suite("A token authority in a configuration")
struct ConfigurationAuthorityTests {
  private static let good = [
    "authority:",
    "  issuer: https://tokens.test",
    "  directory: authority",
    "  grpc: {listen: 127.0.0.1:0, tls: {certificate: server.pem, key: server.key}}",
    "issuers:",
    "  - authority: {audiences: [orders]}",
    "policy: [{method: a.B/C, allow: authenticated}]",
    "openbao: {address: https://bao.test:8200, token_file: client.secret}",
  ]

  private func problems(_ line: Int, _ text: String) throws -> [String] {
    var lines = Self.good
    lines[line - 1] = text
    return try ConfigurationFolder().problems(lines.joined(separator: "\n"))
  }

  @Test("with a folder everything else has a place and a default")
  func defaults() throws {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration(Self.good.joined(separator: "\n"))
    let authority = try #require(configuration.authority)
    let path = "\(folder.path)/authority"
    #expect(authority.domain.issuer == "https://tokens.test")
    #expect(authority.domain.audience == "tokenward")
    #expect(authority.domain.limits == AuthorityLimits())
    #expect(authority.algorithms == [.es256])
    #expect(authority.schedule == (try KeySchedule()))
    #expect(authority.keys == .local)
    #expect(authority.store == .sqlite("\(path)/tokens.db"))
    #expect(authority.secrets == .file("\(path)/secrets"))
    #expect(authority.directory == path)
    #expect(authority.auditFile == "\(path)/audit.jsonl")
    #expect(authority.tokenFile == "\(path)/admin.token")
    #expect(authority.http == nil)
    #expect(authority.connectionsPerAddress == 256)
    #expect(configuration.issuers.map(\.issuer) == ["https://tokens.test"])
  }

  @Test("every place and number can be said")
  func everything() throws {
    let folder = try ConfigurationFolder()
    let authority = try #require(
      try folder.configuration(
        """
        authority:
          issuer: https://tokens.test/auth
          audience: tokens
          store: {memory: "for this test"}
          secrets: {openbao: {path: tokenward/authority}}
          signing: {algorithms: [EdDSA, ES256], keys: {openbao: {prefix: a-}}, rotate: 7d, publish_ahead: 30m}
          audit: {file: /a/audit}
          bootstrap: {token_file: first.token}
          token_lifetime: 1d
          max_token_lifetime: 2d
          max_grace: 0s
          access_lifetime: 60s
          max_access_lifetime: 10m
          connections_per_address: 4096
          grpc: {listen: 127.0.0.1:0, plaintext_because: "loopback"}
          http: {listen: 127.0.0.1:0, plaintext_because: "loopback"}
        openbao: {address: https://bao.test:8200, token_file: client.secret}
        """
      ).authority
    )
    #expect(authority.store == .memory(because: "for this test"))
    #expect(
      authority.secrets == .openBao(mount: "secret", path: "tokenward/authority", field: "secrets")
    )
    #expect(authority.keys == .transit(mount: "transit", prefix: "a-"))
    #expect(authority.algorithms == [.eddsa, .es256])
    #expect(authority.domain.defaultAlgorithm == .eddsa)
    #expect(authority.schedule.rotationSeconds == 7 * 86_400)
    #expect(authority.schedule.longestTokenSeconds == 600)
    #expect(authority.domain.limits.maximumGraceSeconds == 0)
    #expect(authority.domain.limits.defaultAccessLifetimeSeconds == 60)
    #expect(authority.directory == nil)
    #expect(authority.auditFile == "/a/audit")
    #expect(authority.tokenFile == "\(folder.path)/first.token")
    #expect(authority.http != nil)
    #expect(authority.connectionsPerAddress == 4_096)
  }

  @Test(
    "is refused with its line",
    arguments: [
      (2, "  issuer: http://tokens.test", "authority.issuer (line 2): "),
      (2, "  issuer: tokens", "authority.issuer (line 2): "),
      (2, "  issuer: https://tokens.test?a", "authority.issuer (line 2): "),
      (2, "  issuer: https://tokens.test/", "authority.issuer (line 2): "),
      (2, "  # none", "authority.issuer (line 1): is missing"),
      (3, "  # none", "authority.store (line 1): is missing"),
      (3, "  # none", "authority.secrets (line 1): is missing"),
      (3, "  # none", "authority.audit (line 1): is missing"),
      (3, "  # none", "authority.bootstrap (line 1): is missing"),
      (3, "  directory: a\n  store: {sqlite: a, memory: b}", "authority.store.sqlite (line 4): "),
      (3, "  directory: a\n  store: {memory: \"\"}", "authority.store.memory (line 4): "),
      (3, "  directory: a\n  store: {postgres: a}", "authority.store.\"postgres\" (line 4): "),
      (3, "  directory: a\n  secrets: {env: A}", "authority.secrets.\"env\" (line 4): "),
      (3, "  directory: a\n  secrets: {openbao: {}}", "authority.secrets.openbao.path (line 4): "),
      (3, "  directory: a\n  signing: {keys: far}", "authority.signing.keys (line 4): "),
      (
        3, "  directory: a\n  signing: {algorithms: [RS256]}",
        "authority.signing.algorithms[0] (line 4): "
      ),
      (
        3, "  directory: a\n  signing: {algorithms: [ES256, ES256]}",
        "authority.signing.algorithms[1] (line 4): "
      ),
      (3, "  directory: a\n  signing: {rotate: 1h}", "authority.signing.rotate (line 4): "),
      (3, "  directory: a\n  signing: {rotate: 30}", "authority.signing.rotate (line 4): "),
      (3, "  directory: a\n  max_access_lifetime: 2h", "authority.max_access_lifetime (line 4): "),
      (
        3, "  directory: a\n  max_token_lifetime: 1d\n  token_lifetime: 2d",
        "authority.token_lifetime (line 5): "
      ),
      (
        3, "  directory: a\n  connections_per_address: 0",
        "authority.connections_per_address (line 4): "
      ),
      (
        3, "  directory: a\n  connections_per_address: 4097",
        "authority.connections_per_address (line 4): "
      ),
      (
        3, "  directory: a\n  connections_per_address: all",
        "authority.connections_per_address (line 4): "
      ),
      (3, "  directory: a\n  audience: \"a b\"", "authority.audience (line 4): "),
      (4, "  # none", "authority.grpc (line 1): is missing"),
      (4, "  grpc: {listen: 0.0.0.0:1, plaintext_because: lan}", "authority.grpc (line 4): "),
      (4, "  grpc: {listen: 127.0.0.1:1}", "authority.grpc.tls (line 4): is missing"),
      (6, "  - authority: {}", "issuers[0].authority.audiences (line 6): is missing"),
      (6, "  - authority: {audiences: []}", "issuers[0].authority.audiences (line 6): "),
      (
        6, "  - authority: {audiences: [a]}\n    typ: JWT",
        "issuers[0].typ (line 7): stands beside authority"
      ),
      (
        6, "  - authority: {audiences: [a]}\n  - authority: {audiences: [b]}",
        "issuers[1].authority (line 7): is the second entry"
      ),
    ]
  )
  func refused(line: Int, text: String, problem: String) throws {
    let problems = try self.problems(line, text)
    #expect(problems.contains { $0.hasPrefix(problem) }, "\(problems)")
  }

  @Test("what is near a mistake is accepted")
  func twins() throws {
    #expect(try self.problems(3, "  directory: a/") == [])
    #expect(try self.problems(3, "  directory: a\n  max_token_lifetime: 1d") == [])
    #expect(try self.problems(3, "  directory: a\n  signing: {rotate: 2h}") == [])
    #expect(try self.problems(4, "  grpc: {listen: 127.0.0.1:1, plaintext_because: here}") == [])
    #expect(try self.problems(6, "  - authority: {audiences: [a], api_tokens: true}") == [])
  }

  @Test("without the section nobody can trust it, and its vault has to be described")
  func missing() throws {
    let folder = try ConfigurationFolder()
    let alone = Self.good[4 ... 6].joined(separator: "\n")
    #expect(
      folder.problems(alone) == ["issuers[0].authority (line 2): needs the section authority"]
    )
    #expect(
      folder.problems("authority: yes") == [
        "authority (line 1): is one text, where a section belongs"
      ]
    )
    var lines = Self.good.dropLast()
    lines[2] = "  directory: a\n  secrets: {openbao: {path: a}}\n  signing: {keys: {openbao: {}}}"
    let problems = folder.problems(lines.joined(separator: "\n"))
    #expect(problems.count == 2)
    #expect(problems.allSatisfy { $0.contains("needs the section openbao") })
  }
}
