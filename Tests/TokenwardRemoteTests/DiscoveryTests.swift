// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardTestKit

@testable import TokenwardRemote

@Suite("Keys by discovery", .timeLimit(.minutes(2)))
struct DiscoveryTests {
  private let http = ScriptedHTTP()

  private func keys(
    _ issuer: String = "https://issuer.example",
    kind: KeyLocation.Discovery = .openID,
    hosts: [String] = [],
    tokenFile: String? = nil
  ) throws -> DiscoveredKeys {
    DiscoveredKeys(
      issuer: Issuer(issuer),
      url: try RemoteURL(issuer, plaintext: RemoteURL.Plaintext(because: "a test")),
      kind: kind,
      hosts: hosts,
      tokenFile: tokenFile,
      client: self.http
    )
  }

  private func problem(_ keys: DiscoveredKeys) async -> KeyFetchProblem? {
    do throws(KeyFetchProblem) {
      _ = try await keys.fetch()
      return nil
    } catch {
      return error
    }
  }

  private static func document(
    _ issuer: String = "https://issuer.example",
    keys: String = "https://issuer.example/keys"
  ) -> String {
    "{\"issuer\":\"\(issuer)\",\"jwks_uri\":\"\(keys)\",\"x\":[1]}"
  }

  @Test("the document says where the keys are")
  func whole() async throws {
    self.http.answer(json: Self.document())
    self.http.answer(json: "{\"keys\":[]}", headers: [("Cache-Control", "public, max-age=120")])
    let document = try await self.keys().fetch()
    #expect(document.bytes == Array("{\"keys\":[]}".utf8))
    #expect(document.freshness == .seconds(120))
    #expect(
      self.http.requests.map(\.url.text) == [
        "https://issuer.example/.well-known/openid-configuration", "https://issuer.example/keys",
      ]
    )
  }

  @Test("all requests of one fetch together have one deadline (J03)")
  func oneDeadline() async throws {
    self.http.answer(.success(HTTPAnswer(status: 404)))
    self.http.answer(json: Self.document())
    self.http.answer(json: "{\"keys\":[]}")
    let latest = ContinuousClock.now + .seconds(5)
    #expect(await self.problem(try self.keys(kind: .any)) == nil)
    let deadlines = self.http.requests.compactMap(\.deadline)
    #expect(deadlines.count == 3 && Set(deadlines).count == 1)
    #expect(deadlines.allSatisfy { $0 >= latest && $0 < latest + .seconds(30) })
  }

  @Test(
    "it stands where each specification says",
    arguments: [
      ("https://a.example", "/.well-known/openid-configuration"),
      ("https://a.example/", "/.well-known/openid-configuration"),
      ("https://a.example/t/1", "/t/1/.well-known/openid-configuration"),
      ("https://a.example/t/", "/t/.well-known/openid-configuration"),
    ]
  )
  func openIDAddress(issuer: String, path: String) async throws {
    _ = await self.problem(try self.keys(issuer))
    #expect(self.http.requests.map(\.url.target) == [path])
  }

  @Test("RFC 8414 puts its path between host and issuer, and is asked second")
  func oauthAddress() async throws {
    self.http.answer(.success(HTTPAnswer(status: 404)))
    _ = await self.problem(try self.keys("https://a.example/t/1", kind: .any))
    #expect(
      self.http.requests.map(\.url.target) == [
        "/t/1/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/t/1",
      ]
    )
    _ = await self.problem(try self.keys("https://a.example/", kind: .oauth))
    #expect(self.http.requests.last?.url.target == "/.well-known/oauth-authorization-server")
  }

  @Test(
    "a document of another issuer, by one byte, is refused (OpenID Connect Discovery §4.3)",
    arguments: [
      "https://issuer.example/", "https://Issuer.example", "http://issuer.example",
      "https://issuer.example.evil", "", "https://\u{131}ssuer.example",
    ]
  )
  func otherIssuer(issuer: String) async throws {
    self.http.answer(json: Self.document(issuer))
    #expect(await self.problem(try self.keys()) == .discoveryIssuerMismatch)
    #expect(self.http.requests.count == 1)
  }

  @Test(
    "keys elsewhere than on the issuer's host are not asked for (J04)",
    arguments: [
      "https://evil.example/keys", "http://issuer.example/keys", "https://169.254.169.254/keys",
      "https://127.0.0.1/keys", "file:///etc/passwd", "https://issuer.example@evil.example/",
      "https://issuer.example.evil.example/", "keys", "//issuer.example/keys", "",
      "https://[::1]/keys", "https://keys.example/k",
    ]
  )
  func elsewhere(keys: String) async throws {
    self.http.answer(json: Self.document(keys: keys))
    self.http.answer(json: "{\"keys\":[]}")
    #expect(await self.problem(try self.keys()) == .keysAddressForbidden)
    #expect(self.http.requests.count == 1)
  }

  @Test("a host that the configuration names may have the keys, by TLS and by name")
  func namedHost() async throws {
    self.http.answer(json: Self.document(keys: "https://keys.example/k"))
    self.http.answer(json: "{\"keys\":[]}")
    #expect(await self.problem(try self.keys(hosts: ["keys.example"])) == nil)
    for address in ["http://keys.example/k", "https://10.0.0.1/k"] {
      self.http.answer(json: Self.document(keys: address))
      let keys = try self.keys(hosts: ["keys.example", "10.0.0.1"])
      #expect(await self.problem(keys) == .keysAddressForbidden)
    }
  }

  @Test(
    "a document that is none is refused",
    arguments: [
      "", "<html></html>", "[]", "null", "{}", "{\"issuer\":\"https://issuer.example\"}",
      "{\"issuer\":[\"https://issuer.example\"],\"jwks_uri\":\"https://issuer.example/keys\"}",
      "{\"issuer\":\"https://issuer.example\",\"jwks_uri\":[]}",
      "{\"issuer\":\"https://issuer.example\",\"issuer\":\"https://issuer.example\","
        + "\"jwks_uri\":\"https://issuer.example/keys\"}",
      "{\"issuer\":\"https://issuer.example\",\"jwks_uri\":\"https://issuer.example/keys\",}",
    ]
  )
  func malformed(text: String) async throws {
    self.http.answer(json: text)
    #expect(await self.problem(try self.keys()) == .discoveryMalformed)
  }

  @Test("each way in which an issuer does not answer has its name")
  func failures() async throws {
    let cases: [(ScriptedHTTP.Outcome, KeyFetchProblem)] = [
      (.success(HTTPAnswer(status: 302)), .redirected),
      (.success(HTTPAnswer(status: 304)), .redirected),
      (.success(HTTPAnswer(status: 403)), .statusRefused),
      (.success(HTTPAnswer(status: 500)), .statusFailed),
      (.success(HTTPAnswer(status: 204)), .statusFailed),
      (.failure(.deadlineExceeded), .deadlineExceeded), (.failure(.tlsFailed), .tlsFailed),
      (.failure(.connectionFailed), .connectionFailed), (.failure(.tooLarge), .tooLarge),
      (.failure(.malformed), .responseMalformed), (.failure(.rootsUnusable), .rootsUnusable),
      (.failure(.cancelled), .cancelled),
    ]
    for (outcome, problem) in cases {
      self.http.answer(outcome)
      #expect(await self.problem(try self.keys()) == problem)
      self.http.answer(json: Self.document())
      self.http.answer(outcome)
      #expect(await self.problem(try self.keys()) == problem)
    }
  }

  @Test("the token for the issuer goes to the issuer's own server only (I13)")
  func token() async throws {
    let path = "\(FileManager.default.temporaryDirectory.path)/token-\(UUID())"
    try "abc.def\n".write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    func sent() -> [String?] {
      self.http.requests.map { request in
        request.headers.first { $0.name == "authorization" }?.value
      }
    }
    self.http.answer(json: Self.document())
    self.http.answer(json: "{\"keys\":[]}")
    #expect(await self.problem(try self.keys(tokenFile: path)) == nil)
    #expect(sent() == ["Bearer abc.def", "Bearer abc.def"])
    for address in ["https://keys.example/k", "https://issuer.example:8443/k"] {
      self.http.answer(json: Self.document(keys: address))
      self.http.answer(json: "{\"keys\":[]}")
      let keys = try self.keys(hosts: ["keys.example"], tokenFile: path)
      #expect(await self.problem(keys) == nil)
      #expect(sent().suffix(2) == ["Bearer abc.def", nil])
    }
    try "abc\ndef".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(await self.problem(try self.keys(tokenFile: path)) == .fileUnreadable)
    #expect(await self.problem(try self.keys(tokenFile: "/no/such")) == .fileUnreadable)
  }

  static let freshness: [([String], String?, Int64?)] = [
    ([], nil, nil), (["max-age=60"], nil, 60), (["public, MAX-AGE=60 , must-revalidate"], nil, 60),
    (["max-age=\"60\""], nil, 60), (["max-age=60"], "20", 40), (["max-age=60"], "99", 0),
    (["max-age=60", "max-age=30"], nil, 30), (["max-age=60, no-store"], nil, 0),
    (["no-cache"], nil, 0),
    (["max-age=-1"], nil, nil), (["max-age=+1"], nil, nil), (["max-age=1e3"], nil, nil),
    (["max-age="], nil, nil), (["max-age=99999999999"], nil, nil), (["s-maxage=5"], nil, nil),
    (["max-age=60"], "x", 60), (["x-max-age=60"], nil, nil),
  ]

  @Test("how long an answer is fresh is read as caches read it (RFC 9111)", arguments: freshness)
  func cacheControl(values: [String], age: String?, seconds: Int64?) {
    var headers = values.map { (name: "Cache-Control", value: $0) }
    if let age { headers.append((name: "age", value: age)) }
    let freshness = CacheControl.freshness(of: HTTPAnswer(status: 200, headers: headers))
    #expect(freshness == seconds.map { .seconds($0) })
  }

  @Test("an issuer that is no address cannot be discovered")
  func noAddress() {
    for issuer in ["orders", "http://issuer.example", "https://issuer.example#a"] {
      #expect(throws: ConfigurationError.self) {
        try RemoteKeySet(of: Issuer(issuer), from: .discovery)
      }
    }
    #expect(throws: Never.self) {
      try RemoteKeySet(of: "https://issuer.example", from: .discovery)
    }
  }
}
