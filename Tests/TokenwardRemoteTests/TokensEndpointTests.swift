// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardRemote
import TokenwardTestKit

/// A secret that a test holds in its hand.
struct HeldSecret: SecretSource {
  var value: Result<String, SecretError>
  init(_ text: String) { self.value = .success(text) }
  init(failing error: SecretError) { self.value = .failure(error) }
  func secret() async throws(SecretError) -> SecretBytes {
    SecretBytes(Array(try self.value.get().utf8))
  }
}

/// A token endpoint that answers what the test says.
struct Endpoint {
  let http = ScriptedHTTP()
  let clock = ManualClock()

  func endpoint() throws -> TokenEndpoint {
    TokenEndpoint(
      try RemoteURL("https://issuer.example.com/token"),
      transport: self.http,
      time: self.clock
    )
  }

  func credentials(
    id: String = "orders",
    secret: any SecretSource = HeldSecret("s3cret"),
    authentication: OAuthClient.Authentication = .basic,
    for purpose: TokenPurpose = .unstated
  ) throws -> ClientCredentialsFetcher {
    ClientCredentialsFetcher(
      at: try self.endpoint(),
      as: try OAuthClient(id: id, secret: secret, authentication: authentication),
      for: purpose
    )
  }

  /// The seconds from now to the end of the token that this answer gives, or the error.
  func life(
    _ json: String,
    status: Int = 200,
    type: String? = "application/json"
  ) async throws -> Result<Int64?, TokenSourceError> {
    self.http.answer(
      .success(
        HTTPAnswer(
          status: status,
          headers: type.map { [(name: "content-type", value: $0)] } ?? [],
          body: Array(json.utf8)
        )
      )
    )
    do {
      let issued = try await self.credentials().fetch()
      return .success(issued.expiresAt.map { $0.seconds - ManualClock.defaultStart.seconds })
    } catch {
      return .failure(try #require(error as? TokenSourceError))
    }
  }

  /// The parameters of the last request's form, in their order.
  var form: [String] {
    let body = String(decoding: self.http.requests.last?.body ?? [], as: UTF8.self)
    return body.split(separator: "&", omittingEmptySubsequences: false).map(String.init)
  }

  func header(_ name: String) -> [String] {
    self.http.requests.last?.headers.filter { $0.name == name }.map(\.value) ?? []
  }
}

extension Result {
  var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
  var success: Success? { if case .success(let value) = self { value } else { nil } }
}

/// An unsigned JWT with these claims: nobody here verifies it.
func jwt(_ claims: String) -> String {
  "\(Base64URL.encode(Array(#"{"alg":"ES256"}"#.utf8))).\(Base64URL.encode(Array(claims.utf8))).c2ln"
}

@Suite("Client credentials", .timeLimit(.minutes(1)))
struct TokensEndpointTests {
  static let good = #"{"access_token":"tok","token_type":"Bearer","expires_in":60}"#

  @Test("are asked for in one form, with the secret in the header and nowhere else")
  func request() async throws {
    let endpoint = Endpoint()
    endpoint.http.answer(json: Self.good)
    let purpose = try TokenPurpose(
      scopes: ["orders.read", "orders.write"],
      audiences: ["orders", "a&b=c"],
      resources: [RemoteURL("https://orders.example.com/v1?x=1")]
    )
    let issued = try await endpoint.credentials(for: purpose).fetch()
    #expect(issued.token.text == "tok")
    let request = try #require(endpoint.http.requests.first)
    #expect(request.method == .post)
    #expect(request.url.description == "https://issuer.example.com/token")
    #expect(endpoint.header("content-type") == ["application/x-www-form-urlencoded"])
    #expect(endpoint.header("accept") == ["application/json"])
    #expect(endpoint.header("authorization") == ["Basic b3JkZXJzOnMzY3JldA=="])
    #expect(
      endpoint.form == [
        "grant_type=client_credentials", "scope=orders.read+orders.write", "audience=orders",
        "audience=a%26b%3Dc", "resource=https%3A%2F%2Forders.example.com%2Fv1%3Fx%3D1",
      ]
    )
  }

  @Test("can be sent in the form, for servers that accept nothing else")
  func post() async throws {
    let endpoint = Endpoint()
    endpoint.http.answer(json: Self.good)
    _ = try await endpoint.credentials(secret: HeldSecret("a b&c=d%é"), authentication: .post)
      .fetch()
    #expect(endpoint.header("authorization").isEmpty)
    #expect(
      endpoint.form == [
        "grant_type=client_credentials", "client_id=orders",
        "client_secret=a+b%26c%3Dd%25%C3%A9",
      ]
    )
  }

  @Test(
    "are form-encoded before they are put into the header",
    arguments: [
      ("a:b", "c:d", "YSUzQWI6YyUzQWQ="), ("ü", " ", "JUMzJUJDOis="),
      ("a", "\u{0}\n+/~", "YTolMDAlMEElMkIlMkYlN0U="), ("a.b_c-d*", "x", "YS5iX2MtZCo6eA=="),
    ]
  )
  func encoded(_ id: String, _ secret: String, _ basic: String) async throws {
    let endpoint = Endpoint()
    endpoint.http.answer(json: Self.good)
    _ = try await endpoint.credentials(id: id, secret: HeldSecret(secret)).fetch()
    #expect(endpoint.header("authorization") == ["Basic \(basic)"])
  }

  @Test("every byte of a secret arrives, in an encoding that the other side can undo")
  func everyByte() async throws {
    struct AllBytes: SecretSource {
      func secret() async throws(SecretError) -> SecretBytes { SecretBytes(Array(0 ... 255)) }
    }
    let endpoint = Endpoint()
    endpoint.http.answer(json: Self.good)
    _ = try await endpoint.credentials(secret: AllBytes(), authentication: .post).fetch()
    let value = try #require(endpoint.form.last?.split(separator: "=").last)
    var bytes: [UInt8] = []
    var rest = value.utf8[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"): bytes.append(0x20)
      case UInt8(ascii: "%"):
        let digits = String(decoding: rest.prefix(2), as: UTF8.self)
        rest = rest.dropFirst(2)
        bytes.append(try #require(UInt8(digits, radix: 16)))
      default: bytes.append(byte)
      }
    }
    #expect(bytes == Array(0 ... 255))
  }

  @Test(
    "the life of a token is the shortest that is stated, and five minutes if none is",
    arguments: [
      (#"{"access_token":"tok","token_type":"Bearer","expires_in":60}"#, 60),
      (#"{"access_token":"tok","token_type":"bEARER","expires_in":1}"#, 1),
      (#"{"access_token":"tok","token_type":"Bearer","expires_in":315360000}"#, 315_360_000),
      (#"{"access_token":"tok","token_type":"Bearer","expires_in":1.9}"#, 1),
      (#"{"access_token":"tok","token_type":"Bearer"}"#, 300),
      (#"{"access_token":"a.b.c","token_type":"Bearer"}"#, 300),
      (#"{"access_token":"JWT(1800000100)","token_type":"Bearer"}"#, 100),
      (#"{"access_token":"JWT(1800000100)","token_type":"Bearer","expires_in":60}"#, 60),
      (#"{"access_token":"JWT(1800000040)","token_type":"Bearer","expires_in":60}"#, 40),
      (#"{"access_token":"JWT(1700000000)","token_type":"Bearer","expires_in":60}"#, -100_000_000),
    ] as [(String, Int64)]
  )
  func life(_ json: String, _ seconds: Int64) async throws {
    var json = json
    if let start = json.firstRange(of: "JWT("), let end = json.firstRange(of: ")") {
      let token = jwt("{\"exp\":\(json[start.upperBound ..< end.lowerBound])}")
      json.replaceSubrange(start.lowerBound ..< end.upperBound, with: token)
    }
    #expect(try await Endpoint().life(json).success == seconds)
  }

  @Test("a JWT does not live longer than it was made to, whatever our clock says")
  func issuedAt() async throws {
    // Our clock is an hour late: the token was issued in our future.
    let token = jwt(#"{"iat":1800003600,"exp":1800003900}"#)
    let json = "{\"access_token\":\"\(token)\",\"token_type\":\"Bearer\"}"
    #expect(try await Endpoint().life(json).success == 300)
    let never = jwt(#"{"iat":1800003900,"exp":1800003600}"#)
    let broken = "{\"access_token\":\"\(never)\",\"token_type\":\"Bearer\"}"
    #expect(try await Endpoint().life(broken).success == 0)
  }

  @Test(
    "answers that are no token response are refused",
    arguments: [
      "", "null", "[]", "tok", #""tok""#, #"{"access_token":"tok","token_type":"Bearer"}x"#,
      #"{"token_type":"Bearer","expires_in":60}"#,
      #"{"access_token":null,"token_type":"Bearer"}"#,
      #"{"access_token":7,"token_type":"Bearer"}"#,
      #"{"access_token":["tok"],"token_type":"Bearer"}"#,
      #"{"access_token":"","token_type":"Bearer"}"#,
      #"{"access_token":"a b","token_type":"Bearer"}"#,
      #"{"access_token":"a\r\nx: 1","token_type":"Bearer"}"#,
      #"{"access_token":"tok\u0000","token_type":"Bearer"}"#,
      #"{"access_token":"tok"}"#,
      #"{"access_token":"tok","token_type":"DPoP"}"#,
      #"{"access_token":"tok","token_type":"mac"}"#,
      #"{"access_token":"tok","token_type":"N_A"}"#,
      #"{"access_token":"tok","token_type":"Bearer "}"#,
      #"{"access_token":"tok","token_type":["Bearer"]}"#,
      #"{"access_token":"tok","token_type":"Bearer","expires_in":"60"}"#,
      #"{"access_token":"tok","token_type":"Bearer","expires_in":0}"#,
      #"{"access_token":"tok","token_type":"Bearer","expires_in":0.9}"#,
      #"{"access_token":"tok","token_type":"Bearer","expires_in":-60}"#,
      #"{"access_token":"tok","token_type":"Bearer","expires_in":6e1}"#,
      #"{"access_token":"tok","token_type":"Bearer","expires_in":null}"#,
      #"{"access_token":"tok","token_type":"Bearer","expires_in":315360001}"#,
      #"{"access_token":"tok","token_type":"Bearer","expires_in":99999999999999999999}"#,
      #"{"access_token":"tok","access_token":"tok2","token_type":"Bearer"}"#,
      #"{"access_token":"tok","token_type":"Bearer",}"#,
    ]
  )
  func refused(_ json: String) async throws {
    let error = try #require(try await Endpoint().life(json).failure)
    #expect(error.kind == .unusable)
    #expect(!error.description.contains("tok2") && !error.description.contains("x: 1"))
  }

  @Test("answers of another type or status are refused")
  func envelope() async throws {
    for type in [nil, "text/html", "application/jsonx", "text/json"] {
      #expect(try await Endpoint().life(Self.good, type: type).failure?.kind == .unusable)
    }
    for type in ["application/json; charset=utf-8", "Application/JSON"] {
      #expect(try await Endpoint().life(Self.good, type: type).success == 60)
    }
    for status in [201, 204, 206, 301, 302, 307, 400, 401, 403, 404, 418] {
      let error = try await Endpoint().life(Self.good, status: status).failure
      #expect(error?.kind == .unusable, "\(status)")
    }
    for status in [408, 425, 429, 500, 502, 503, 504, 599] {
      let error = try await Endpoint().life(Self.good, status: status).failure
      #expect(error?.kind == .unavailable, "\(status)")
    }
    let long = String(repeating: "a", count: 8_193)
    let json = "{\"access_token\":\"\(long)\",\"token_type\":\"Bearer\"}"
    #expect(try await Endpoint().life(json).failure?.kind == .unusable)
    let longest = "{\"access_token\":\"\(long.dropLast())\",\"token_type\":\"Bearer\"}"
    #expect(try await Endpoint().life(longest).success == 300)
  }

  @Test(
    "refusals are told apart by a closed list, and nothing else of them is repeated",
    arguments: [
      "invalid_client", "invalid_grant", "unauthorized_client", "invalid_scope",
      "unsupported_grant_type", "invalid_target", "invalid_request",
    ]
  )
  func codes(_ code: String) async throws {
    let json = "{\"error\":\"\(code)\",\"error_description\":\"s3cret-words\"}"
    for status in [400, 401] {
      let error = try #require(try await Endpoint().life(json, status: status).failure)
      #expect(error.kind == .unusable)
      #expect(error.problem == "the token endpoint refuses: \(code)")
      #expect(!error.description.contains("s3cret"))
    }
  }

  @Test("other codes are not repeated")
  func otherCodes() async throws {
    for json in [
      #"{"error":"s3cret-code"}"#, #"{"error":["invalid_client"]}"#, #"{"error":"Invalid_client"}"#,
      "s3cret", "",
    ] {
      let error = try #require(try await Endpoint().life(json, status: 400).failure)
      #expect(error.problem == "the token endpoint refuses with status 400")
      #expect(!error.description.contains("s3cret"))
    }
  }

  @Test("a server that cannot be reached is down, and one that answers garbage is unusable")
  func failures() async throws {
    for failure in HTTPFailure.allCases {
      let endpoint = Endpoint()
      endpoint.http.answer(.failure(failure))
      let error = await #expect(throws: TokenSourceError.self) {
        try await endpoint.credentials().fetch()
      }
      let isGarbage = failure == .tooLarge || failure == .malformed
      #expect(error?.kind == (isGarbage ? .unusable : .unavailable), "\(failure)")
    }
  }

  @Test("without its secret a client asks nobody")
  func secrets() async throws {
    for (kind, expected) in [
      (.unavailable, .unavailable), (.refused, .unusable), (.unusable, .unusable),
      (.alreadyUnwrapped, .unusable),
    ] as [(SecretError.Kind, TokenSourceError.Kind)] {
      let endpoint = Endpoint()
      let secret = HeldSecret(failing: SecretError(kind, problem: "no secret", hint: "mend it"))
      let error = await #expect(throws: TokenSourceError.self) {
        try await endpoint.credentials(secret: secret).fetch()
      }
      #expect(error?.kind == expected)
      #expect(error?.problem == "no secret")
      #expect(endpoint.http.requests.isEmpty)
    }
    let endpoint = Endpoint()
    let error = await #expect(throws: TokenSourceError.self) {
      try await endpoint.credentials(secret: HeldSecret("")).fetch()
    }
    #expect(error?.kind == .unusable)
    #expect(endpoint.http.requests.isEmpty)
  }

  @Test("without a clock nobody is asked")
  func clock() async throws {
    let endpoint = Endpoint()
    endpoint.clock.setFailed()
    let error = await #expect(throws: TokenSourceError.self) {
      try await endpoint.credentials().fetch()
    }
    #expect(error?.kind == .unavailable)
    #expect(endpoint.http.requests.isEmpty)
  }

  @Test(
    "names of environment variables are refused with what to use instead",
    arguments: ["env:SECRET", "ENV:SECRET", "$SECRET", "${SECRET}", "%SECRET%"]
  )
  func environment(_ text: String) async throws {
    let errors = [
      #expect(throws: ConfigurationError.self) { try FileSecretSource(path: text) },
      #expect(throws: ConfigurationError.self) {
        try OAuthClient(id: text, secret: HeldSecret("s3cret"))
      },
      #expect(throws: ConfigurationError.self) {
        try JWTSVIDFileFetcher(path: text, audience: "orders")
      },
    ]
    for error in errors {
      #expect(error?.description.contains("environment variable") == true)
      #expect(error?.description.contains("OpenBao") == true)
    }
    _ = try FileSecretSource(path: "/run/env:SECRET")
    _ = try OAuthClient(id: "client%", secret: HeldSecret("s3cret"))
  }

  @Test("scopes and audiences that are none are refused")
  func purposes() throws {
    for scope in ["", "a b", "a\"", "a\\b", "a\n", "ä"] {
      #expect(throws: ConfigurationError.self) { try TokenPurpose(scopes: [Scope(scope)]) }
    }
    #expect(throws: ConfigurationError.self) { try TokenPurpose(audiences: [""]) }
    #expect(throws: ConfigurationError.self) { try OAuthClient(id: "", secret: HeldSecret("x")) }
    _ = try TokenPurpose(scopes: ["a!~[]"], audiences: ["https://a b"])
  }

  @Test("nothing that leads to a secret shows it")
  func redacted() async throws {
    let endpoint = Endpoint()
    let fetcher = try endpoint.credentials()
    let exchange = TokenExchangeFetcher(
      of: .secret(from: HeldSecret("s3cret")),
      at: try endpoint.endpoint()
    )
    endpoint.http.answer(json: #"{"access_token":"s3cret-2","token_type":"Bearer"}"#)
    let issued = try await fetcher.fetch()
    let client = try OAuthClient(id: "orders", secret: HeldSecret("s3cret"))
    let secret = SecretTokenFetcher(HeldSecret("s3cret"))
    let cached = CachedTokenSource(secret)
    let values: [Any] = [
      fetcher, issued, client, try endpoint.endpoint(), endpoint.http.requests, exchange, secret,
      cached, SingleUseTokenSource(secret),
      TokenExchangeFetcher.Subject.secret(from: HeldSecret("s3cret")),
    ]
    for value in values {
      var text = "\(value) \(String(reflecting: value))"
      dump(value, to: &text)
      #expect(!text.contains("s3cret"))
    }
  }
}
