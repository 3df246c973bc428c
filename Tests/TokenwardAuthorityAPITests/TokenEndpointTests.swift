// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Hummingbird
import HummingbirdTesting
import Testing
import TokenwardAuthority
import TokenwardCore

@testable import TokenwardAuthorityAPI

@Suite("The token endpoint")
struct TokenEndpointTests {
  static let path = "/oauth2/token"
  static let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
  static let subject =
    "subject_token=\(Samples.apiTokenText)"
    + "&subject_token_type=urn:ietf:params:oauth:token-type:access_token"
  static let exchange = "\(Self.grant)&\(Self.subject)"
  static let post =
    "grant_type=client_credentials&client_id=\(Samples.id)&client_secret=\(Samples.apiTokenText)"
  static let header: HTTPFields = [
    .authorization: ClientCredentialsTests.basic("\(Samples.id):\(Samples.apiTokenText)")
  ]

  @Test("an API token is exchanged for an access token that nobody may keep")
  func exchanges() async throws {
    let fixture = HTTPFixture()
    try await fixture.with { client in
      let form =
        "\(Self.exchange)&audience=orders&audience=stock&scope=orders.read+orders.write&unknown=x"
      let answer = try await client.post(Self.path, form)
      #expect(answer.status == .ok)
      #expect(
        answer.text == #"{"access_token":"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl","#
          + #""issued_token_type":"urn:ietf:params:oauth:token-type:access_token","#
          + #""token_type":"Bearer","expires_in":300,"scope":"orders.read orders.write"}"#
      )
      #expect(answer.headers[.cacheControl] == "no-store")
      #expect(HTTPFields.Key("pragma").map { answer.headers[$0] } == "no-cache")
      #expect(answer.headers[.contentType] == "application/json")
      #expect(answer.headers[.xContentTypeOptions] == "nosniff")
      let jwt = "&requested_token_type=urn:ietf:params:oauth:token-type:jwt"
      #expect(
        try await client.post(Self.path, Self.exchange + jwt).text.contains("token-type:jwt\"")
      )
    }
    guard case .exchange(let token, let asked)? = fixture.authority.calls.first,
      case .exchange(_, let everything)? = fixture.authority.calls.last
    else {
      Issue.record("not asked")
      return
    }
    #expect(token == Samples.apiToken.fingerprint)
    #expect(asked.audiences == ["orders", "stock"])
    #expect(asked.scopes == ["orders.read", "orders.write"])
    #expect(everything.audiences.isEmpty && everything.scopes == nil)
  }

  @Test("an API token is a client's credentials, in the header or in the body")
  func clientCredentials() async throws {
    let fixture = HTTPFixture()
    try await fixture.with { client in
      let basic = try await client.post(
        Self.path,
        "grant_type=client_credentials&resource=https://orders.example",
        Self.header
      )
      let body = try await client.post(Self.path, Self.post)
      #expect(basic.status == .ok && body.status == .ok)
      #expect(basic.text == body.text && !basic.text.contains("issued_token_type"))
    }
    guard case .exchange(let token, let asked)? = fixture.authority.calls.first else {
      Issue.record("not asked")
      return
    }
    #expect(token == Samples.apiToken.fingerprint && asked.audiences == ["https://orders.example"])
    #expect(fixture.authority.calls.count == 2)
  }

  struct Refusal: Sendable {
    var form: String
    var headers: HTTPFields = [:]
    var status = 400
    var error: String
  }

  static let refusals: [Refusal] = [
    Refusal(form: "", error: "invalid_request"),
    Refusal(form: Self.subject, error: "invalid_request"),
    Refusal(form: "\(Self.grant)&\(Self.grant)&\(Self.subject)", error: "invalid_request"),
    Refusal(form: "\(Self.exchange)&x=1&x=2", error: "invalid_request"),
    Refusal(form: "\(Self.exchange)&x=%zz", error: "invalid_request"),
    Refusal(form: Self.grant, error: "invalid_request"),
    Refusal(form: "\(Self.grant)&subject_token=hush-hush", error: "invalid_request"),
    Refusal(
      form: "\(Self.grant)&subject_token=hush-hush"
        + "&subject_token_type=urn:ietf:params:oauth:token-type:id_token",
      error: "invalid_request"
    ),
    Refusal(
      form: "\(Self.exchange)&requested_token_type=urn:ietf:params:oauth:token-type:refresh_token",
      error: "invalid_request"
    ),
    Refusal(form: "\(Self.exchange)&actor_token=hush-hush", error: "invalid_request"),
    Refusal(form: "\(Self.exchange)&actor_token_type=", error: "invalid_request"),
    Refusal(form: "\(Self.exchange)&client_id=other", error: "invalid_request"),
    Refusal(form: Self.exchange, headers: Self.header, error: "invalid_request"),
    Refusal(
      form: "\(Self.exchange)&client_id=\(Samples.id)&client_secret=\(Samples.apiTokenText)",
      error: "invalid_request"
    ),
    Refusal(form: Self.post, headers: Self.header, error: "invalid_request"),
    Refusal(form: "grant_type=password&username=a", error: "unsupported_grant_type"),
    Refusal(form: "grant_type=client%5fcredentials%20", error: "unsupported_grant_type"),
    Refusal(form: "\(Self.exchange)&scope=", error: "invalid_scope"),
    Refusal(form: "\(Self.exchange)&scope=a++b", error: "invalid_scope"),
    Refusal(form: "\(Self.exchange)&scope=a+a", error: "invalid_scope"),
    Refusal(form: "\(Self.exchange)&scope=a%22", error: "invalid_scope"),
    Refusal(form: "\(Self.exchange)&audience=", error: "invalid_target"),
    Refusal(form: "\(Self.exchange)&audience=a&audience=a", error: "invalid_target"),
    Refusal(form: "\(Self.exchange)&audience=a&resource=", error: "invalid_target"),
    Refusal(form: "\(Self.exchange)&resource=orders", error: "invalid_target"),
    Refusal(form: "\(Self.exchange)&resource=https://a%23b", error: "invalid_target"),
    Refusal(form: "grant_type=client_credentials", status: 401, error: "invalid_client"),
    Refusal(
      form: "grant_type=client_credentials&client_id=\(Samples.id)",
      status: 401,
      error: "invalid_client"
    ),
    Refusal(
      form: "grant_type=client_credentials&client_id=a&client_secret=hush-hush",
      status: 401,
      error: "invalid_client"
    ),
    Refusal(
      form: "grant_type=client_credentials",
      headers: [.authorization: "Bearer hush-hush"],
      status: 401,
      error: "invalid_client"
    ),
    Refusal(
      form: Self.exchange,
      headers: [.contentType: "application/json"],
      error: "invalid_request"
    ),
    Refusal(
      form: Self.exchange,
      headers: [.contentType: "application/x-www-form-urlencoded; charset=utf-16"],
      error: "invalid_request"
    ),
    Refusal(
      form: "\(Self.exchange)&x=" + String(repeating: "x", count: 16_384),
      status: 413,
      error: "invalid_request"
    ),
  ]

  @Test("what is not clearly a request for a token is refused unasked", arguments: refusals.indices)
  func refuses(_ index: Int) async throws {
    let refusal = Self.refusals[index]
    let fixture = HTTPFixture()
    try await fixture.with { client in
      let answer = try await client.post(Self.path, refusal.form, refusal.headers)
      #expect(Int(answer.status.code) == refusal.status, "\(refusal.form)")
      #expect(answer.error == refusal.error, "\(refusal.form)")
      #expect(answer.headers[.cacheControl] == "no-store")
      let tried = refusal.headers[.authorization] != nil && refusal.status == 401
      #expect((answer.headers[.wwwAuthenticate] == "Basic realm=\"tokenward\"") == tried)
      #expect(fixture.authority.calls.isEmpty)
      #expect(try await client.post(Self.path, Self.exchange).status == .ok)
    }
  }

  @Test("parameters in the address are refused, also those of a good request")
  func query() async throws {
    let fixture = HTTPFixture()
    try await fixture.with { client in
      for path in ["\(Self.path)?", "\(Self.path)?subject_token=hush-hush", "/oauth2/revoke?x=1"] {
        let answer = try await client.post(path, Self.exchange)
        #expect(answer.status == .badRequest && answer.error == "invalid_request")
      }
      #expect(fixture.authority.calls.isEmpty)
    }
  }

  struct Row: Sendable {
    var error: AuthorityError
    var extra = ""
    var exchange: String
    var client: String
    var status = 400
  }

  static let rows: [Row] =
    [
      Row(error: .unauthenticated, exchange: "invalid_request", client: "invalid_client"),
      Row(error: .forbidden("hush-hush"), exchange: "invalid_request", client: "invalid_client"),
      Row(error: .notFound("hush-hush"), exchange: "invalid_request", client: "invalid_client"),
      Row(
        error: .failedPrecondition("hush-hush"),
        exchange: "invalid_request",
        client: "invalid_client"
      ),
      Row(
        error: .forbidden("hush-hush"),
        extra: "&scope=a",
        exchange: "invalid_scope",
        client: "invalid_scope"
      ),
      Row(
        error: .forbidden("hush-hush"),
        extra: "&audience=a",
        exchange: "invalid_target",
        client: "invalid_target"
      ),
      Row(
        error: .invalid(field: "scopes", problem: "hush-hush"),
        exchange: "invalid_scope",
        client: "invalid_scope"
      ),
      Row(
        error: .invalid(field: "audiences", problem: "hush-hush"),
        exchange: "invalid_target",
        client: "invalid_target"
      ),
    ]
    + [
      Row(
        error: .unavailable(.rate),
        exchange: "slow_down",
        client: "slow_down",
        status: 429
      )
    ]
    + AuthorityError.Dependency.allCases.filter { $0 != .rate }.map {
      Row(
        error: .unavailable($0),
        exchange: "temporarily_unavailable",
        client: "temporarily_unavailable",
        status: 503
      )
    }

  @Test("every error of the authority has its code, in constant words", arguments: rows.indices)
  func table(_ index: Int) async throws {
    let row = Self.rows[index]
    let fixture = HTTPFixture()
    fixture.authority.change { $0.error = row.error }
    try await fixture.with { client in
      let exchange = try await client.post(Self.path, Self.exchange + row.extra)
      let credentials = try await client.post(Self.path, Self.post + row.extra)
      #expect(exchange.error == row.exchange && credentials.error == row.client)
      #expect(Int(exchange.status.code) == row.status)
      let isClient = row.client == "invalid_client"
      #expect(Int(credentials.status.code) == (isClient ? 401 : row.status))
      let waits = row.status == 503 || row.status == 429
      #expect((exchange.headers[.retryAfter] != nil) == waits)
    }
  }

  @Test("a token that never was, was taken back or has expired is answered with the same bytes")
  func oracle() async throws {
    let fixture = HTTPFixture()
    fixture.authority.change { $0.error = .unauthenticated }
    try await fixture.with { client in
      let tokens = [Samples.apiTokenText, "twk_nonsense", "eyJhbGciOi.e.s", "hush-hush"]
      var answers: Set<String> = []
      for token in tokens {
        let form =
          "\(Self.grant)&subject_token=\(token)"
          + "&subject_token_type=urn:ietf:params:oauth:token-type:access_token"
        let answer = try await client.post(Self.path, form)
        answers.insert("\(answer.status) \(answer.headers) \(answer.text)")
      }
      #expect(answers.count == 1)
      #expect(answers.first?.contains("the subject token is not accepted") == true)
      #expect(fixture.authority.calls.count == tokens.count)
    }
  }
}
