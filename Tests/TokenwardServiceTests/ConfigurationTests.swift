// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardService
import TokenwardTestKit

@Suite("A configuration")
struct ConfigurationTests {
  private static let whole = """
    ---
    # Everything there is.
    issuers:
      - issuer: https://issuer.test
        audiences: [orders, "billing"]
        algorithms: [ES256]
        jwks: {file: issuer.jwks}
        typ: JWT
        clock_skew: 30s
        max_lifetime: 15m
        single_use: true
      - issuer: https://local.test
        audiences_unchecked_because: one service only & no other  # *no* alias
        algorithms: [HS256]
        symmetric: {file: secret.jwks}
        typ_unchecked_because: 'it''s an old issuer'
    policy:
      - method: orders.v1.Orders/Get
        allow: {scopes: [orders.read]}
      - method: orders.v1.Orders/Put
        allow: {any_scopes: [orders.write, orders.all], roles: [clerk], end_user: true}
      - method: orders.v1.Orders/*
        allow: {roles: [orders-admin]}
      - {method: orders.v1.Orders/List, allow: authenticated}
      - method: grpc.health.v1.Health/*
        allow: anonymous
    admin: {listen: "127.0.0.1:9901"}
    audit: {file: audit.jsonl}
    server:
      listen: 0.0.0.0:8443
      tls: {certificate: server.pem, key: server.key, client_ca: server.pem}
    """

  @Test("is read with every field")
  func everything() throws {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration(Self.whole)
    #expect(configuration.issuers.count == 2)
    let issuer = configuration.issuers[0]
    #expect(issuer.issuer == "https://issuer.test")
    #expect(issuer.audiences == .oneOf(["orders", "billing"]))
    #expect(issuer.algorithms == [.es256])
    #expect(issuer.type == .jwt)
    #expect(issuer.clockSkew == (try ClockSkew(seconds: 30)))
    #expect(issuer.maximumLifetimeSeconds == 900)
    #expect(issuer.isSingleUse)
    #expect(issuer.keys.current(at: ManualClock().moment)?.keyCount == 1)
    let local = configuration.issuers[1]
    #expect(local.audiences == .unchecked(because: "one service only & no other"))
    #expect(local.type == .unchecked(because: "it's an old issuer"))
    #expect(local.algorithms == [.hs256])
    #expect(!local.isSingleUse)

    let policy = try configuration.makePolicy()
    func requirement(_ name: String) -> Requirement? {
      RPCMethod(fullName: name).flatMap(policy.requirement(for:))
    }
    #expect(requirement("orders.v1.Orders/Get") == .scopes(["orders.read"]))
    #expect(
      requirement("orders.v1.Orders/Put")
        == .anyScope(["orders.write", "orders.all"]).and(.roles(["clerk"])).forEndUsers
    )
    #expect(requirement("orders.v1.Orders/Del") == .roles(["orders-admin"]))
    #expect(requirement("orders.v1.Orders/List") == .authenticated)
    #expect(requirement("grpc.health.v1.Health/Check") == .anonymous)
    #expect(requirement("other.v1.Other/Get") == nil)

    #expect(configuration.admin?.listen.description == "127.0.0.1:9901")
    #expect(configuration.audit?.file == "\(folder.path)/audit.jsonl")
    #expect(configuration.server?.listen.description == "0.0.0.0:8443")
    guard case .tls(let tls) = configuration.server?.transport else {
      Issue.record("no TLS")
      return
    }
    #expect(tls.certificate == "\(folder.path)/server.pem")
    #expect(tls.key == "\(folder.path)/server.key")
    #expect(tls.clientCA == "\(folder.path)/server.pem")
    #expect(configuration.notices.isEmpty)
  }

  @Test("makes a guard that lets good tokens in and no others")
  func makesGuard() throws {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration(
      """
      issuers:
        - issuer: https://issuer.test
          audiences: [orders]
          algorithms: [ES256]
          jwks: {file: issuer.jwks}
      policy:
        - {method: a.B/C, allow: {scopes: [x]}}
      """
    )
    let clock = ManualClock()
    let requestGuard = try configuration.makeGuard(time: clock)
    func decide(_ scopes: [Scope], audience: Audience) throws -> Decision {
      let token = try folder.issuer.token(
        audience: audience,
        scopes: scopes,
        at: clock.moment.unix
      )
      var request = AccessRequest(path: "/a.B/C", door: .grpc)
      request.add(header: "authorization", value: "Bearer \(token)")
      return requestGuard.decide(request)
    }
    #expect(try decide(["x"], audience: "orders").grant != nil)
    #expect(try decide(["y"], audience: "orders").denial?.reason == .scopeInsufficient)
    #expect(try decide(["x"], audience: "other").denial?.reason == .audienceMismatch)
  }

  @Test("takes public keys that stand in it, and text that looks like numbers as text")
  func inlineKeys() throws {
    let folder = try ConfigurationFolder()
    let jwk = try folder.issuer.jwk
    let configuration = try folder.configuration(
      """
      issuers:
        - issuer: https://issuer.test
          audiences: [42]
          algorithms: [ES256]
          jwks:
            inline:
              keys:
                - \(jwk)
      """
    )
    #expect(configuration.issuers[0].keys.current(at: ManualClock().moment)?.keyCount == 1)
    #expect(configuration.issuers[0].audiences == .oneOf(["42"]))
    #expect(configuration.issuers[0].type == .accessToken)
    #expect(configuration.issuers[0].clockSkew == ClockSkew.none)
    #expect(configuration.issuers[0].maximumLifetimeSeconds == 3_600)
  }

  @Test("says which keys of a set it does not use")
  func notices() throws {
    let folder = try ConfigurationFolder()
    let jwk = try folder.issuer.jwk
    try folder.write("two.jwks", Array("{\"keys\":[\(jwk),{\"kty\":\"XYZ\"}]}".utf8))
    let configuration = try folder.configuration(
      """
      issuers:
        - issuer: https://issuer.test
          audiences: [orders]
          algorithms: [ES256]
          jwks: {file: two.jwks}
      """
    )
    let notice = "issuers[0].jwks.file: key 1 is not used: key_type_unsupported"
    #expect(configuration.notices == [notice])
  }

  @Test("without issuers or rules makes no verifier, policy or guard")
  func missingSections() throws {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration("audit: {file: a}")
    #expect(throws: ConfigurationError.self) { try configuration.makeVerifier() }
    #expect(throws: ConfigurationError.self) { try configuration.makePolicy() }
    #expect(throws: ConfigurationError.self) { try configuration.makeGuard() }
    let onlyPolicy = try folder.configuration("policy: [{method: a.B/C, allow: anonymous}]")
    #expect(throws: Never.self) { try onlyPolicy.makePolicy() }
    #expect(throws: ConfigurationError.self) { try onlyPolicy.makeGuard() }
  }

  @Test("is read from a file, with paths relative to its folder")
  func file() throws {
    let folder = try ConfigurationFolder()
    try folder.write("config.yaml", Array(Self.whole.utf8))
    let path = "\(folder.path)/config.yaml"
    #expect(try Configuration(contentsOf: path).audit?.file == "\(folder.path)/audit.jsonl")
    try folder.write("config.yaml", Array(Self.whole.utf8), mode: 0o666)
    #expect(throws: ConfigurationError.self) { try Configuration(contentsOf: path) }
    #expect(throws: ConfigurationError.self) { try Configuration(contentsOf: "\(path).missing") }
    #expect(throws: ConfigurationError.self) { try Configuration(contentsOf: folder.path) }
  }

  @Test("reports all of its problems together, in their order, with lines and hints")
  func allTogether() throws {
    let folder = try ConfigurationFolder()
    let yaml = """
      issuers:
        - issuer: https://issuer.test
          audience: [orders]
          algorithms: [ES256, ES257]
          jwks: {file: missing.jwks}
          clock_skew: 90s
      policy:
        - {method: a.B/C, allow: everybody}
        - {method: a.B/C*, allow: anonymous}
      audit: {path: x}
      """
    #expect(
      folder.problems(yaml) == [
        "issuers[0].\"audience\" (line 3): is unknown",
        "issuers[0].audiences (line 2): is missing",
        "issuers[0].algorithms[1] (line 4): \"ES257\" is no algorithm",
        "issuers[0].jwks.file (line 5): \(Self.shown("\(folder.path)/missing.jwks"))"
          + " cannot be read: No such file or directory",
        "issuers[0].clock_skew (line 6): 90 s is outside 0 to 60 s",
        "policy[0].allow (line 8): is neither anonymous nor authenticated",
        "policy[1].method (line 9): \"a.B/C*\" names no method",
        "audit.\"path\" (line 10): is unknown",
        "audit.file (line 10): is missing",
      ]
    )
    do throws(ConfigurationError) {
      _ = try folder.configuration(yaml)
      Issue.record("accepted")
    } catch {
      #expect(error.problems.allSatisfy { !$0.hint.isEmpty })
    }
  }

  private static func shown(_ path: String) -> String {
    let isLong = path.unicodeScalars.count > 48
    return "\"\(path.prefix(48))\(isLong ? "…" : "")\""
  }
}
