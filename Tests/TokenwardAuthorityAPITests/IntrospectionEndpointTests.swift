// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Hummingbird
import HummingbirdTesting
import Testing
import TokenwardAuthority
import TokenwardCore

@testable import TokenwardAuthorityAPI

@Suite("The introspection endpoint")
struct IntrospectionEndpointTests {
  static let path = "/oauth2/introspect"
  static let good: HTTPFields = [.authorization: "Bearer good"]

  private static func active() throws -> Principal {
    try Samples.principal(
      subject: "main/exporter",
      scopes: ["orders.read", "orders.write"],
      id: "jti-1",
      claims: #"{"aud":"orders","grant_id":"0123456789abcdef"}"#
    ) {
      $0.tenant = "main"
      $0.roles = ["reader"]
      $0.notBefore = Samples.now
      $0.certificate = CertificateThumbprint(base64URL: Samples.thumbprint)
      $0.methods = MethodLimit(patterns: ["a.B/C"])
      $0.networks = Samples.record.networks
    }
  }

  @Test("what is active is explained with every limit that it has")
  func active() async throws {
    let fixture = HTTPFixture()
    let principal = try Self.active()
    fixture.authority.change { $0.principal = principal }
    try await fixture.with { client in
      let answer = try await client.post(Self.path, "token=hush-hush", Self.good)
      #expect(answer.status == .ok && answer.headers[.cacheControl] == "no-store")
      #expect(
        answer.text == #"{"active":true,"token_type":"Bearer","iss":"https://authority.example","#
          + #""sub":"main/exporter","client_id":"main/exporter","aud":"orders","exp":1800003600,"#
          + #""iat":1800000000,"nbf":1800000000,"jti":"jti-1","scope":"orders.read orders.write","#
          + #""roles":["reader"],"tenant":"main","grant_id":"0123456789abcdef","#
          + #""cnf":{"x5t#S256":"\#(Samples.thumbprint)"},"tokenward_methods":["a.B/C"],"#
          + #""tokenward_networks":["10.0.0.0/8","2001:db8::/32"]}"#
      )
      // Our own reader of such answers makes the same principal of it.
      let read = try IntrospectionAnswer.principal(
        in: Array(answer.body.readableBytesView),
        of: .introspected(
          ScriptedAuthority.issuer,
          audiences: .oneOf(["orders"]),
          clockSkew: .none,
          maximumLifetimeSeconds: 86_400
        ),
        at: Samples.now
      )
      #expect(read.subject == principal.subject && read.scopes == principal.scopes)
      #expect(read.roles == principal.roles && read.tokenID == principal.tokenID)
      #expect(read.certificate == principal.certificate && read.expiresAt == principal.expiresAt)
      #expect(read.tenant == "main" && read.methods == principal.methods)
      #expect(read.networks == principal.networks)
    }
  }

  @Test("what is not active is only that, with the same bytes for every reason")
  func inactive() async throws {
    let fixture = HTTPFixture()
    try await fixture.with { client in
      var answers: Set<String> = []
      for token in ["hush-hush", Samples.apiTokenText, String(repeating: "x", count: 9_000)] {
        let answer = try await client.post(Self.path, "token=\(token)", Self.good)
        answers.insert("\(answer.status) \(answer.headers) \(answer.text)")
      }
      #expect(answers.count == 1)
      #expect(answers.first?.contains("{\"active\":false}") == true)
    }
  }

  @Test("a client may present its API token instead")
  func asClient() async throws {
    let fixture = HTTPFixture()
    try await fixture.with { client in
      let basic = TokenEndpointTests.header
      let header = try await client.post(Self.path, "token=x", basic)
      #expect(header.status == .ok)
      let form = "token=x&client_id=\(Samples.id)&client_secret=\(Samples.apiTokenText)"
      let body = try await client.post(Self.path, form)
      #expect(body.status == .ok)
      for headers in [basic, Self.good] {
        let both = try await client.post(Self.path, form, headers)
        #expect(both.error == "invalid_request")
      }
    }
    #expect(fixture.authority.calls.count == 2)
  }

  struct Refusal: Sendable {
    var authorization: [String]
    var form = "token=hush-hush"
    var status: Int
    var error: String
    var challenge: String?
  }

  static let refusals: [Refusal] = [
    Refusal(authorization: [], status: 401, error: "invalid_token", challenge: "Bearer"),
    Refusal(
      authorization: [],
      form: "token=hush-hush&client_id=\(Samples.id)",
      status: 401,
      error: "invalid_token",
      challenge: "Bearer"
    ),
    Refusal(
      authorization: ["Bearer unknown"],
      status: 401,
      error: "invalid_token",
      challenge: "Bearer error=\"invalid_token\""
    ),
    Refusal(
      authorization: ["Bearer foreign"],
      status: 401,
      error: "invalid_token",
      challenge: "Bearer error=\"invalid_token\""
    ),
    Refusal(
      authorization: ["Bearer good", "Bearer good"],
      status: 401,
      error: "invalid_token",
      challenge: "Bearer error=\"invalid_request\""
    ),
    Refusal(
      authorization: ["Bearer poor"],
      status: 403,
      error: "insufficient_scope",
      challenge: "Bearer error=\"insufficient_scope\""
    ),
    Refusal(
      authorization: [ClientCredentialsTests.basic("\(Samples.id):twk_\(Samples.id)_hush-hush")],
      status: 401,
      error: "invalid_client",
      challenge: "Basic realm=\"tokenward\""
    ),
    Refusal(
      authorization: ["Basic hush-hush"],
      status: 401,
      error: "invalid_client",
      challenge: "Basic realm=\"tokenward\""
    ),
    Refusal(
      authorization: ["Basic x", "Bearer good"],
      status: 400,
      error: "invalid_request"
    ),
    Refusal(authorization: ["Bearer good"], form: "token=", status: 400, error: "invalid_request"),
    Refusal(
      authorization: ["Bearer good"],
      form: "token=a&token=b",
      status: 400,
      error: "invalid_request"
    ),
  ]

  @Test("whoever may not ask is refused as the guard refuses calls", arguments: refusals.indices)
  func refuses(_ index: Int) async throws {
    let refusal = Self.refusals[index]
    let fixture = HTTPFixture()
    try await fixture.with { client in
      var headers: HTTPFields = [:]
      headers[values: .authorization] = refusal.authorization
      let answer = try await client.post(Self.path, refusal.form, headers)
      #expect(Int(answer.status.code) == refusal.status)
      #expect(answer.error == refusal.error)
      #expect(answer.headers[.wwwAuthenticate] == refusal.challenge)
      #expect(fixture.authority.calls.isEmpty)
      #expect(try await client.post(Self.path, "token=hush-hush", Self.good).status == .ok)
    }
  }

  @Test("an authority that cannot answer says so, and never that a token is not active")
  func unavailable() async throws {
    let fixture = HTTPFixture()
    fixture.authority.change { $0.error = .unavailable(.store) }
    try await fixture.with { client in
      let answer = try await client.post(Self.path, "token=hush-hush", Self.good)
      #expect(answer.status == .serviceUnavailable && answer.headers[.retryAfter] == "1")
      #expect(answer.error == "temporarily_unavailable")
    }
  }
}
