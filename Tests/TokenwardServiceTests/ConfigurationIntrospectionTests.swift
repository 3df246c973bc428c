// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardRemote
import TokenwardService
import TokenwardTestKit

@Suite("Opaque tokens and secrets in a configuration")
struct ConfigurationIntrospectionTests {
  private static let good = [
    "introspection:",
    "  issuer: https://issuer.test",
    "  endpoint: https://issuer.test/introspect",
    "  client_id: orders",
    "  client_secret: {file: client.secret}",
    "  audiences: [orders]",
    "policy: [{method: a.B/C, allow: authenticated}]",
  ]

  private func folder() throws -> ConfigurationFolder {
    let folder = try ConfigurationFolder()
    try folder.write("client.secret", Array("hunter2\n".utf8), mode: 0o600)
    try folder.write("open.secret", Array("hunter2\n".utf8), mode: 0o644)
    try folder.write("secret-id", Array("hunter2\n".utf8), mode: 0o600)
    return folder
  }

  private func problems(_ line: Int, _ text: String) throws -> [String] {
    var lines = Self.good
    lines[line - 1] = text
    return try self.folder().problems(lines.joined(separator: "\n"))
  }

  @Test("without issuers every token is asked about; with them only what is no JWT")
  func verifiers() throws {
    let folder = try self.folder()
    let alone = try folder.configuration(Self.good.joined(separator: "\n"))
    #expect(alone.introspection?.issuerName == "https://issuer.test")
    let clock = ManualClock()
    let requestGuard = try alone.makeGuard(time: clock)
    var request = AccessRequest(path: "/a.B/C", door: .grpc)
    request.add(header: "authorization", value: "Bearer a.b.c")
    #expect(requestGuard.decide(request).denial?.reason == .dependencyUnavailable)
    let issuers =
      "\nissuers: [{issuer: https://issuer.test, audiences: [orders], algorithms: [ES256], "
      + "jwks: {file: issuer.jwks}}]"
    let both = try folder.configuration(Self.good.joined(separator: "\n") + issuers, time: clock)
    #expect(try both.makeGuard(time: clock).decide(request).denial?.reason == .tokenMalformed)
    request = AccessRequest(path: "/a.B/C", door: .grpc)
    let token = try folder.issuer.token(at: clock.moment.unix)
    request.add(header: "authorization", value: "Bearer \(token)")
    #expect(try both.makeGuard(time: clock).decide(request).grant != nil)
  }

  @Test(
    "is refused with its line",
    arguments: [
      (3, "  endpoint: http://issuer.test/i", "introspection.endpoint (line 3): "),
      (3, "  endpoint: introspect", "introspection.endpoint (line 3): "),
      (4, "  # no client", "introspection.client_id (line 1): is missing"),
      (5, "  client_secret: hunter2", "introspection.client_secret (line 5): is one text"),
      (5, "  client_secret: {file: open.secret}", "introspection.client_secret.file (line 5): "),
      (5, "  client_secret: {file: none}", "introspection.client_secret.file (line 5): "),
      (5, "  client_secret: {env: SECRET}", "introspection.client_secret.\"env\" (line 5): "),
      (
        5, "  client_secret: {file: \"${SECRET}\"}",
        "introspection.client_secret.file (line 5): asks for an environment variable"
      ),
      (
        5, "  client_secret: {openbao: {path: a, field: b}}",
        "introspection.client_secret.openbao (line 5): needs the section openbao"
      ),
      (6, "  # no audience", "introspection.audiences (line 1): is missing"),
      (6, "  audiences: [orders]\n  cache: 6s", "introspection.cache (line 7): "),
      (6, "  audiences: [orders]\n  cache: 0s", "introspection.cache (line 7): "),
      (6, "  audiences: [orders]\n  ca: none.pem", "introspection.ca (line 7): "),
    ]
  )
  func refused(line: Int, text: String, problem: String) throws {
    let problems = try self.problems(line, text)
    #expect(problems.contains { $0.hasPrefix(problem) }, "\(problems)")
    #expect(!problems.contains { $0.contains("hunter2") })
  }

  @Test("the twin of all of them has no problem, and a shorter memory is accepted")
  func twin() throws {
    #expect(try self.problems(4, "  client_id: orders") == [])
    #expect(try self.problems(6, "  audiences: [orders]\n  cache: 1s\n  max_lifetime: 5m") == [])
  }

  @Test(
    "OpenBao is logged in to in one way, with files",
    arguments: [
      ("token_file: client.secret", true), ("kubernetes: {role: orders}", true),
      ("approle: {role_id: r, secret_id_file: secret-id}", true),
      ("approle: {role_id_file: client.secret, wrapped_secret_id_file: secret-id}", true),
      ("approle: {role_id: r, secret_id_file: secret-id}, token_file: client.secret", false),
      ("approle: {role_id: r, secret_id: hunter2}", false), ("approle: {role_id: r}", false),
      ("kubernetes: {}", false), ("token: hunter2", false), ("namespace: a", false),
    ]
  )
  func openBao(login: String, isGood: Bool) throws {
    let text = "openbao: {address: https://bao.test:8200, \(login)}\n"
    let lines = Self.good.map {
      $0.replacing("{file: client.secret}", with: "{openbao: {path: orders/client, field: secret}}")
    }
    let problems = try self.folder().problems(text + lines.joined(separator: "\n"))
    #expect(problems.isEmpty == isGood, "\(problems)")
    #expect(!problems.contains { $0.contains("hunter2") })
  }
}
