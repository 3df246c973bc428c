// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Hummingbird
import HummingbirdTesting
import NIOSSL
import Testing
import TokenwardAuthority
import TokenwardCore

@testable import TokenwardAuthorityAPI

@Suite("The HTTP face of the authority")
struct RoutesTests {
  static let keys = "/.well-known/jwks.json"

  @Test("the keys are public, cacheable for as long as was said, and asked for again by their tag")
  func keySet() async throws {
    let fixture = HTTPFixture()
    try await fixture.with { client in
      let answer = try await client.execute(uri: Self.keys, method: .get)
      #expect(answer.status == .ok && answer.text == "{\"keys\":[]}")
      #expect(answer.headers[.contentType] == "application/json")
      #expect(answer.headers[.cacheControl] == "public, max-age=1800")
      let tag = try #require(answer.headers[.eTag])
      #expect(tag.hasPrefix("\"") && tag.hasSuffix("\"") && tag.count > 20)
      for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
        let again = try await client.execute(
          uri: Self.keys,
          method: .get,
          headers: [.ifNoneMatch: known]
        )
        #expect(again.status == .notModified && again.body.readableBytes == 0)
        #expect(again.headers[.eTag] == tag)
        #expect(again.headers[.cacheControl] == "public, max-age=1800")
      }
      for unknown in ["\"x\"", "x", String(tag.dropFirst().dropLast()), ""] {
        let again = try await client.execute(
          uri: Self.keys,
          method: .get,
          headers: [.ifNoneMatch: unknown]
        )
        #expect(again.status == .ok)
      }
      let head = try await client.execute(uri: Self.keys, method: .head)
      #expect(head.status == .ok && head.body.readableBytes == 0 && head.headers[.eTag] == tag)
      #expect(head.headers[.contentLength] == "11")
      fixture.authority.change { $0.publicKeys = Array("{\"keys\":[1]}".utf8) }
      let changed = try await client.execute(
        uri: Self.keys,
        method: .get,
        headers: [.ifNoneMatch: tag]
      )
      #expect(changed.status == .ok && changed.headers[.eTag] != tag)
      // No keys is not an answer that anybody may keep.
      fixture.authority.change { $0.publicKeys = [] }
      let none = try await client.execute(uri: Self.keys, method: .get)
      #expect(none.status == .serviceUnavailable && none.headers[.cacheControl] == "no-store")
    }
  }

  @Test(
    "the documents about the issuer are where both specifications look for them",
    arguments: [
      ("https://authority.example", ""), ("https://authority.example/", ""),
      ("https://authority.example:8443/a/b", "/a/b"), ("https://authority.example/a/b/", "/a/b"),
    ]
  )
  func metadata(_ issuer: String, _ path: String) async throws {
    let fixture = HTTPFixture(issuer: Issuer(issuer))
    try await fixture.with { client in
      let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
      let paths = [
        "/.well-known/oauth-authorization-server\(path)",
        "\(path)/.well-known/openid-configuration",
        "\(path)/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration\(path)",
      ]
      for path in paths {
        let answer = try await client.execute(uri: path, method: .get)
        #expect(answer.status == .ok, "\(path)")
        #expect(
          answer.text == #"{"issuer":"\#(issuer)","jwks_uri":"\#(base)/.well-known/jwks.json","#
            + #""token_endpoint":"\#(base)/oauth2/token","#
            + #""introspection_endpoint":"\#(base)/oauth2/introspect","#
            + #""revocation_endpoint":"\#(base)/oauth2/revoke","response_types_supported":[],"#
            + #""grant_types_supported":["urn:ietf:params:oauth:grant-type:token-exchange","#
            + #""client_credentials"],"token_endpoint_auth_methods_supported":["client_secret_basic","#
            + #""client_secret_post","none"],"introspection_endpoint_auth_methods_supported":["#
            + #""client_secret_basic","client_secret_post","Bearer"],"#
            + #""revocation_endpoint_auth_methods_supported":["none"]}"#
        )
      }
      #expect(try await client.execute(uri: "\(path)\(Self.keys)", method: .get).status == .ok)
      let token = try await client.post("\(path)/oauth2/token", TokenEndpointTests.exchange)
      #expect(token.status == .ok)
      if !path.isEmpty {
        #expect(try await client.execute(uri: Self.keys, method: .get).status == .notFound)
      }
    }
  }

  @Test(
    "an issuer that is no address cannot be served",
    arguments: [
      "", "authority", "ftp://a", "https://", "https:///a", "https://a?b", "https://a/b?c",
      "https://a/b#c", "https://a//b", "https://a/../b", "https://a/./b", "https://a/b%2fc",
      "https://user@a", "https://a b", "https://\u{E9}", "HTTPS://a",
    ]
  )
  func issuers(_ issuer: String) {
    #expect(throws: ConfigurationError.self) { try HTTPFixture(issuer: Issuer(issuer)).server() }
  }

  @Test("a path has its methods, and every other one is told which")
  func methods() async throws {
    let fixture = HTTPFixture()
    try await fixture.with { client in
      let all: [HTTPRequest.Method] = [.get, .head, .post, .put, .delete, .patch, .options, .trace]
      for (path, allowed) in [
        (Self.keys, "GET, HEAD"), ("/.well-known/openid-configuration", "GET, HEAD"),
        ("/oauth2/token", "POST"), ("/oauth2/introspect", "POST"), ("/oauth2/revoke", "POST"),
      ] {
        for method in all where !allowed.split(separator: ", ").contains("\(method.rawValue)") {
          let answer = try await client.execute(uri: path, method: method)
          #expect(answer.status == .methodNotAllowed, "\(method) \(path)")
          #expect(answer.headers[.allow] == allowed)
        }
      }
      #expect(fixture.authority.calls.isEmpty)
    }
  }

  @Test("whatever is no path of it is not found, always with the same words")
  func paths() async throws {
    let fixture = HTTPFixture()
    try await fixture.with { client in
      var answers: Set<String> = []
      let paths = [
        "/", "/oauth2", "/oauth2/", "/oauth2/token/", "//oauth2/token", "/oauth2/%74oken",
        "/OAUTH2/token", "/oauth2/./token", "/x/../oauth2/token", "/oauth2/token;x", "/hush-hush",
        "/oauth2/to\u{212A}en", "/.well-known/jwks.json/", "/metrics",
      ]
      for path in paths {
        let answer = try await client.post(path, TokenEndpointTests.exchange)
        answers.insert("\(answer.status) \(answer.headers) \(answer.text)")
        #expect(answer.status == .notFound, "\(path)")
      }
      #expect(answers.count == 1)
      #expect(fixture.authority.calls.isEmpty)
    }
  }

  @Test("whoever has a token can take it back, and is told only when it is done")
  func revokes() async throws {
    let fixture = HTTPFixture()
    try await fixture.with { client in
      let form = "token=\(Samples.apiTokenText)&token_type_hint=refresh_token"
      let done = try await client.post("/oauth2/revoke", form)
      #expect(done.status == .ok && done.headers[.cacheControl] == "no-store")
      for unknown: AuthorityError in [.unauthenticated, .notFound("x")] {
        fixture.authority.change { $0.error = unknown }
        #expect(try await client.post("/oauth2/revoke", "token=hush-hush").status == .ok)
      }
      fixture.authority.change { $0.error = .unavailable(.audit) }
      let failed = try await client.post("/oauth2/revoke", form)
      #expect(failed.status == .serviceUnavailable && failed.headers[.retryAfter] == "1")
      let count = fixture.authority.calls.count
      for form in ["", "token=", "token_type_hint=access_token", "token=a&token=b"] {
        let refused = try await client.post("/oauth2/revoke", form)
        #expect(refused.status == .badRequest && refused.error == "invalid_request")
      }
      #expect(fixture.authority.calls.count == count)
      guard case .revokePresented(let token, _)? = fixture.authority.calls.first else {
        Issue.record("nothing was revoked")
        return
      }
      #expect(token == Samples.apiToken.fingerprint)
    }
  }

  @Test("plaintext needs a reason, TLS is 1.2 at least, and keys have an age")
  func configuration() throws {
    let fixture = HTTPFixture()
    for reason in ["", " ", "\n"] {
      #expect(throws: ConfigurationError.self) {
        try fixture.server(security: .plaintext(because: reason))
      }
    }
    var tls = TLSConfiguration.clientDefault
    for version in [TLSVersion.tlsv1, .tlsv11] {
      tls.minimumTLSVersion = version
      let old = tls
      #expect(throws: ConfigurationError.self) { try fixture.server(security: .tls(old)) }
    }
    tls.minimumTLSVersion = .tlsv12
    _ = try fixture.server(security: .tls(tls))
  }

  @Test("over a real connection the authority is told who calls, and long headers are cut off")
  func live() async throws {
    let fixture = HTTPFixture()
    try await fixture.with(.live) { client in
      let answer = try await client.post("/oauth2/token", TokenEndpointTests.exchange)
      #expect(answer.status == .ok)
      let large = try await client.post(
        "/oauth2/token",
        "a=" + String(repeating: "x", count: 40_000)
      )
      #expect(large.status == .contentTooLarge)
      #expect(try await client.post("/oauth2/token", TokenEndpointTests.exchange).status == .ok)
    }
    guard case .exchange(_, let parameters)? = fixture.authority.calls.first else {
      Issue.record("not asked")
      return
    }
    #expect(parameters.peer?.hasPrefix("ipv4:127.0.0.1:") == true)
    #expect(parameters.peerCertificate == nil)
    try await fixture.with(.live) { client in
      let long: HTTPFields = [.userAgent: String(repeating: "a", count: 20_000)]
      let answer = try? await client.post("/oauth2/token", TokenEndpointTests.exchange, long)
      #expect(answer?.status != .ok)
    }
  }
}
