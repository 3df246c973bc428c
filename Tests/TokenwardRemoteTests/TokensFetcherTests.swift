// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardRemote
import TokenwardTestKit

@Suite("The exchange of tokens", .timeLimit(.minutes(1)))
struct TokensExchangeTests {
  private static let access = "urn:ietf:params:oauth:token-type:access_token"
  private static let jwtType = "urn:ietf:params:oauth:token-type:jwt"

  private func answer(_ type: String?) -> String {
    let issued = type.map { ",\"issued_token_type\":\"\($0)\"" } ?? ""
    return "{\"access_token\":\"new\",\"token_type\":\"Bearer\",\"expires_in\":60\(issued)}"
  }

  @Test("sends the subject's token with its type, and what the new one is for")
  func request() async throws {
    let endpoint = Endpoint()
    endpoint.http.answer(json: self.answer(Self.jwtType))
    let fetcher = TokenExchangeFetcher(
      of: .token(from: StaticTokenSource("old+token"), type: .jwt),
      at: try endpoint.endpoint(),
      as: try OAuthClient(id: "orders", secret: HeldSecret("s3cret")),
      for: try TokenPurpose(scopes: ["read"], audiences: ["stock"]),
      requesting: .jwt
    )
    let issued = try await fetcher.fetch()
    #expect(issued.token.text == "new")
    #expect(issued.expiresAt == ManualClock.defaultStart.adding(seconds: 60))
    let uri = "urn%3Aietf%3Aparams%3Aoauth%3A"
    #expect(
      endpoint.form == [
        "grant_type=\(uri)grant-type%3Atoken-exchange", "subject_token=old%2Btoken",
        "subject_token_type=\(uri)token-type%3Ajwt", "requested_token_type=\(uri)token-type%3Ajwt",
        "scope=read", "audience=stock",
      ]
    )
    #expect(endpoint.header("authorization") == ["Basic b3JkZXJzOnMzY3JldA=="])
  }

  @Test("takes its subject from a secret, and needs no client of its own")
  func secret() async throws {
    let endpoint = Endpoint()
    endpoint.http.answer(json: self.answer(Self.access))
    let fetcher = TokenExchangeFetcher(
      of: .secret(from: HeldSecret("twk_old")),
      at: try endpoint.endpoint()
    )
    _ = try await fetcher.fetch()
    #expect(endpoint.form.contains("subject_token=twk_old"))
    #expect(endpoint.header("authorization").isEmpty)
  }

  @Test(
    "accepts the type that was asked for, or a token that can be presented",
    arguments: [
      (nil, access, true), (nil, jwtType, true), (access, access, true), (jwtType, jwtType, true),
      (nil, nil, false), (access, nil, false), (access, jwtType, false), (jwtType, access, false),
      (nil, "urn:ietf:params:oauth:token-type:refresh_token", false),
      (nil, "urn:ietf:params:oauth:token-type:Access_token", false), (nil, "", false),
    ] as [(String?, String?, Bool)]
  )
  func types(_ requested: String?, _ issued: String?, _ isAccepted: Bool) async throws {
    let endpoint = Endpoint()
    endpoint.http.answer(json: self.answer(issued))
    let fetcher = TokenExchangeFetcher(
      of: .secret(from: HeldSecret("old")),
      at: try endpoint.endpoint(),
      requesting: requested.map { TokenTypeURI($0) }
    )
    do {
      _ = try await fetcher.fetch()
      #expect(isAccepted)
    } catch {
      #expect((error as? TokenSourceError)?.kind == .unusable)
      #expect(!isAccepted)
    }
  }

  /// Has one token, and another one in its place.
  private struct Replaced: TokenSource {
    let other: String?
    func token() async throws -> BearerToken { BearerToken("old") }
    func replacement(for refused: BearerToken) async throws -> BearerToken? {
      self.other.map { BearerToken($0) }
    }
  }

  @Test(
    "a refused subject is replaced once, if its source has another one",
    arguments: [("newer", true), ("old", false), (nil, false)] as [(String?, Bool)]
  )
  func replacedSubject(other: String?, isReplaced: Bool) async throws {
    let endpoint = Endpoint()
    let type = [(name: "content-type", value: "application/json")]
    let refusal = Array("{\"error\":\"invalid_grant\"}".utf8)
    endpoint.http.answer(.success(HTTPAnswer(status: 400, headers: type, body: refusal)))
    endpoint.http.answer(json: self.answer(Self.access))
    let fetcher = TokenExchangeFetcher(
      of: .token(from: Replaced(other: other)),
      at: try endpoint.endpoint()
    )
    let issued = try? await fetcher.fetch()
    #expect((issued != nil) == isReplaced)
    #expect(endpoint.http.requests.count == (isReplaced ? 2 : 1))
    if isReplaced { #expect(endpoint.form.contains("subject_token=newer")) }
  }

  @Test("asks nobody without a subject")
  func noSubject() async throws {
    let down = StaticTokenSource("old")
    down.fail(with: TokenSourceError(problem: "down", hint: ""))
    let refused = SecretError(.refused, problem: "not yours", hint: "")
    for (subject, kind) in [
      (.token(from: down), .unavailable), (.token(from: StaticTokenSource("a b")), .unusable),
      (.secret(from: HeldSecret(failing: refused)), .unusable),
      (.secret(from: HeldSecret("")), .unusable),
    ] as [(TokenExchangeFetcher.Subject, TokenSourceError.Kind)] {
      let endpoint = Endpoint()
      let fetcher = TokenExchangeFetcher(of: subject, at: try endpoint.endpoint())
      let error = await #expect(throws: TokenSourceError.self) { try await fetcher.fetch() }
      #expect(error?.kind == kind)
      #expect(endpoint.http.requests.isEmpty)
    }
  }
}

@Suite("Tokens that somebody else renews", .timeLimit(.minutes(1)))
struct TokensSecretTests {
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("tokens-\(UUID().uuidString)", isDirectory: true)

  /// Writes a file that only its owner can read, and reads a token from it.
  private func withFile<Result>(
    _ content: [UInt8],
    mode: Int = 0o600,
    _ body: (String) async throws -> Result
  ) async throws -> Result {
    try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: self.folder) }
    let path = self.folder.appendingPathComponent("secret").path
    #expect(FileManager.default.createFile(atPath: path, contents: Data(content)))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    return try await body(path)
  }

  private func secret(
    _ content: String,
    mode: Int = 0o600
  ) async throws -> Result<String, SecretError> {
    try await self.withFile(Array(content.utf8), mode: mode) { path in
      let source = try FileSecretSource(path: path)
      do throws(SecretError) {
        let secret = try await source.secret()
        let bytes = secret.withExposedBytes { span in
          var bytes: [UInt8] = []
          for index in span.indices { bytes.append(span[index]) }
          return bytes
        }
        return .success(String(decoding: bytes, as: UTF8.self))
      } catch {
        return .failure(error)
      }
    }
  }

  @Test("a file's secret is its content without one line end")
  func file() async throws {
    for (content, secret) in [
      ("s3cret", "s3cret"), ("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"),
      ("s3cret\n\n", "s3cret\n"), (" s3cret ", " s3cret "), ("s3cret\r", "s3cret\r"),
    ] { #expect(try await self.secret(content).success == secret) }
    #expect(try await self.secret("").failure?.kind == .unusable)
    #expect(try await self.secret("\n").failure?.kind == .unusable)
    let longest = String(repeating: "a", count: FileSecretSource.maximumLength)
    #expect(try await self.secret(longest + "\r\n").success == longest)
    #expect(try await self.secret(longest + "a").failure?.kind == .unusable)
    #expect(try await self.secret(longest + "aaa").failure != nil)
  }

  @Test("a file that others can read is refused", arguments: [0o640, 0o604, 0o620, 0o601, 0o610])
  func mode(_ mode: Int) async throws {
    let error = try #require(try await self.secret("s3cret", mode: mode).failure)
    #expect(error.kind == .refused)
    #expect(!error.description.contains("s3cret"))
    #expect(try await self.secret("s3cret", mode: 0o400).success == "s3cret")
  }

  @Test("a file that is not there may come, and a replaced one takes hold")
  func replaced() async throws {
    let missing = try FileSecretSource(path: "/does/not/exist")
    do {
      _ = try await missing.secret()
      Issue.record("there is no such file")
    } catch {
      #expect(error.kind == .unavailable)
    }
    #expect(throws: ConfigurationError.self) { try FileSecretSource(path: "") }
    try await self.withFile(Array("one".utf8)) { path in
      let source = try FileSecretSource(path: path)
      #expect(try await SecretTokenFetcher(source).fetch().token.text == "one")
      try Data("two".utf8).write(to: URL(fileURLWithPath: path))
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      #expect(try await SecretTokenFetcher(source).fetch().token.text == "two")
    }
  }

  @Test("a secret that is a JWT says itself when it ends, and any other one does not")
  func expiry() async throws {
    let clock = ManualClock()
    for (token, seconds) in [
      (jwt(#"{"exp":1800000100}"#), 100), (jwt(#"{"exp":1800000100.9}"#), 100),
      (jwt(#"{"exp":1800000100,"iat":1800000090}"#), 10), ("twk_opaque", nil), ("a.b.c", nil),
      (jwt(#"{"sub":"x"}"#), nil), (jwt(#"{"exp":"1800000100"}"#), nil), (jwt("[]"), nil),
      (jwt(#"{"exp":1800000100,"exp":1900000000}"#), nil),
      ("\(jwt(#"{"exp":1800000100}"#)).x", nil),
    ] as [(String, Int64?)] {
      let issued = try await SecretTokenFetcher(HeldSecret(token), time: clock).fetch()
      #expect(issued.token.text == token)
      let expected = seconds.map { ManualClock.defaultStart.adding(seconds: $0) }
      #expect(issued.expiresAt == expected, "\(token)")
    }
    clock.setFailed()
    await #expect(throws: TokenSourceError.self) {
      try await SecretTokenFetcher(HeldSecret("twk_opaque"), time: clock).fetch()
    }
  }

  @Test("a secret that is no token is refused")
  func noToken() async throws {
    for secret in ["", "a b", "tok\n", "s3cret\u{0}", String(repeating: "a", count: 8_193)] {
      let error = await #expect(throws: TokenSourceError.self) {
        try await SecretTokenFetcher(HeldSecret(secret)).fetch()
      }
      #expect(error?.kind == .unusable)
      #expect(error?.description.contains("s3cret") == false)
    }
  }

  private func svid(
    _ claims: String,
    mode: Int = 0o600
  ) async throws -> Result<Int64?, TokenSourceError> {
    try await self.withFile(Array("\(jwt(claims))\n".utf8), mode: mode) { path in
      do {
        let fetcher = try JWTSVIDFileFetcher(path: path, audience: "orders", time: ManualClock())
        let expiry = try await fetcher.fetch().expiresAt
        return .success(expiry.map { $0.seconds - ManualClock.defaultStart.seconds })
      } catch {
        return .failure(try #require(error as? TokenSourceError))
      }
    }
  }

  @Test("an SVID for the audience is taken")
  func svid() async throws {
    let subject = #""sub":"spiffe://example.org/web""#
    for audience in [#""orders""#, #"["orders"]"#, #"["stock","orders"]"#] {
      let claims = "{\(subject),\"aud\":\(audience),\"exp\":1800000100}"
      #expect(try await self.svid(claims).success == 100)
    }
  }

  @Test(
    "any other one is refused",
    arguments: [
      #"{"sub":"spiffe://example.org/web","aud":"stock","exp":1800000100}"#,
      #"{"sub":"spiffe://example.org/web","aud":"Orders","exp":1800000100}"#,
      #"{"sub":"spiffe://example.org/web","aud":[],"exp":1800000100}"#,
      #"{"sub":"spiffe://example.org/web","aud":[["orders"]],"exp":1800000100}"#,
      #"{"sub":"spiffe://example.org/web","aud":{"orders":1},"exp":1800000100}"#,
      #"{"sub":"spiffe://example.org/web","exp":1800000100}"#,
      #"{"sub":"spiffe://example.org/web","aud":"orders"}"#,
      #"{"sub":"spiffe://example.org/web","aud":"orders","exp":"1800000100"}"#,
      #"{"sub":"https://example.org/web","aud":"orders","exp":1800000100}"#,
      #"{"sub":"spiffe://","aud":"orders","exp":1800000100}"#,
      #"{"aud":"orders","exp":1800000100}"#, "[]",
    ]
  )
  func refusedSVID(_ claims: String) async throws {
    #expect(try await self.svid(claims).failure?.kind == .unusable)
  }

  @Test("an SVID file that others can read is refused, and one that is missing may come")
  func svidFile() async throws {
    let claims = #"{"sub":"spiffe://example.org/web","aud":"orders","exp":1800000100}"#
    #expect(try await self.svid(claims, mode: 0o644).failure?.kind == .unusable)
    #expect(try await self.svid(claims).success == 100)
    let missing = try JWTSVIDFileFetcher(path: "/does/not/exist", audience: "orders")
    let error = await #expect(throws: TokenSourceError.self) { try await missing.fetch() }
    #expect(error?.kind == .unavailable)
    #expect(throws: ConfigurationError.self) {
      try JWTSVIDFileFetcher(path: "/run/svid", audience: "")
    }
  }

  @Test("a source of tokens for one use fetches one for every call")
  func singleUse() async throws {
    let fetcher = ScriptedFetcher(
      .token("one", until: 60),
      .token("two", until: 60),
      .token("three", until: 60),
      .token("three", until: 60),
      .token("late", until: 0),
      .token("a b", until: nil),
      .failure(CancellationError())
    )
    let source = SingleUseTokenSource(fetcher, time: ManualClock())
    #expect(try await source.token().text == "one")
    #expect(try await source.token().text == "two")
    #expect(try await source.replacement(for: BearerToken("two"))?.text == "three")
    #expect(try await source.replacement(for: BearerToken("three")) == nil)
    for kind in [.unusable, .unusable, .unavailable] as [TokenSourceError.Kind] {
      let error = await #expect(throws: TokenSourceError.self) { try await source.token() }
      #expect(error?.kind == kind)
    }
  }
}
