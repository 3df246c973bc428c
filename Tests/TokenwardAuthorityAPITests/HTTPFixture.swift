// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Hummingbird
import HummingbirdTesting
import Logging
import TokenwardAuthority
import TokenwardAuthorityAPI
import TokenwardCore
import TokenwardTestKit

/// The HTTP face of a scripted authority. Its guard knows one caller with and one without the
/// permission to introspect.
struct HTTPFixture: Sendable {
  static let keySetAge: Int64 = 1_800
  let authority: ScriptedAuthority
  let log = LogMemory()
  var presented = PresentedTokens()
  var admission = ConnectionAdmission()

  init(issuer: Issuer = ScriptedAuthority.issuer) {
    self.authority = ScriptedAuthority(issuer: issuer)
  }

  func server(
    security: AuthorityHTTPServer.Security = .plaintext(because: "tests on loopback")
  ) throws -> AuthorityHTTPServer {
    let verifier = KnownTokens(tokens: [
      "good": try Samples.principal(issuer: self.authority.issuer),
      "poor": try Samples.principal(issuer: self.authority.issuer, scopes: []),
      "foreign": try Samples.principal(issuer: "https://other.example"),
      Samples.apiTokenText: try Samples.principal(issuer: self.authority.issuer),
    ])
    return try AuthorityHTTPServer(
      host: "127.0.0.1",
      port: 0,
      security: security,
      operations: self.authority,
      requestGuard: RequestGuard(
        policy: try MethodPolicy(AuthorityPolicy.rules),
        verifier: verifier,
        time: ManualClock(Samples.now)
      ),
      presented: self.presented,
      admission: self.admission,
      keySetAgeSeconds: Self.keySetAge,
      logger: Logger(label: "test") { _ in self.log }
    )
  }

  func with(
    _ setup: TestingSetup = .router,
    _ body: @Sendable (any TestClientProtocol) async throws -> Void
  ) async throws {
    try await self.server().application().test(setup, body)
    // Whatever a request was, nothing of it is in a log line.
    for secret in Self.secrets where self.log.text.contains(secret) {
      throw Leak()
    }
  }

  static let secrets = [Samples.apiTokenText, "SSSSSSSS", "hush-hush", "eyJhbGciOi"]
  struct Leak: Error {}
}

extension TestClientProtocol {
  /// Sends a form. Every error is looked through for what was sent.
  func post(
    _ path: String,
    _ form: String,
    _ headers: HTTPFields = [:]
  ) async throws -> TestResponse {
    var headers = headers
    if headers[.contentType] == nil {
      headers[.contentType] = "application/x-www-form-urlencoded"
    }
    let response = try await self.executeRequest(
      uri: path,
      method: .post,
      headers: headers,
      body: ByteBuffer(string: form)
    )
    if response.status.code >= 400 {
      let all = response.text + response.headers.map(\.description).joined()
      for secret in HTTPFixture.secrets where all.contains(secret) { throw HTTPFixture.Leak() }
    }
    return response
  }
}

extension TestResponse {
  var text: String { String(buffer: self.body) }
  /// The `error` member.
  var error: String? {
    guard let document = try? JSONDocument(Array(self.body.readableBytesView), limits: .token),
      let node = document.member("error", of: document.root)
    else { return nil }
    return document.string(node)
  }
}

/// Knows tokens by their text.
private struct KnownTokens: TokenVerifier {
  let tokens: [String: Principal]

  func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    guard let principal = self.tokens[String(decoding: token.bytes, as: UTF8.self)] else {
      throw VerificationFailure(.tokenUnknown)
    }
    return principal
  }
}
