// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

/// Knows a few tokens by heart.
struct TokenTable: TokenVerifier {
  var tokens: [String: Principal.Assertion] = [:]

  func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    guard let assertion = self.tokens[String(decoding: token.bytes, as: UTF8.self)] else {
      throw VerificationFailure(.signatureInvalid)
    }
    return Principal(assertingVerified: assertion)
  }

  /// `good` may read, `poor` may nothing, `bound` is bound to a certificate, `short` ends soon.
  static func standard(
    short: UnixTime = ManualClock.defaultStart.adding(seconds: 1),
    certificate: CertificateThumbprint = CertificateThumbprint(der: [1, 2, 3])
  ) -> TokenTable {
    func assertion(_ subject: Subject, scopes: [Scope] = ["read"]) -> Principal.Assertion {
      var assertion = Principal.Assertion(
        issuer: "https://issuer.example",
        subject: subject,
        expiresAt: ManualClock.defaultStart.adding(seconds: 3_600)
      )
      assertion.scopes = scopes
      return assertion
    }
    var bound = assertion("bound")
    bound.certificate = certificate
    var brief = assertion("short")
    brief.expiresAt = short
    return TokenTable(tokens: [
      "good": assertion("alice"),
      "other": assertion("bob"),
      "poor": assertion("carol", scopes: []),
      "bound": bound,
      "short": brief,
    ])
  }
}

/// A guarded server on a scripted transport, for the time of a test.
func withScriptedServer<Result: Sendable>(
  _ handlers: [String: TestService.Handler] = ["test.Service/Echo": TestService.echo],
  policy rules: [Allow] = [Allow("test.Service/*", .scopes(["read"]))],
  verifier: any TokenVerifier = TokenTable.standard(),
  interceptors: [any ServerInterceptor] = [],
  clock: ManualClock = ManualClock(),
  observer: RecordingObserver = RecordingObserver(),
  streams: (any StreamObserver)? = nil,
  peerCertificate: @escaping @Sendable (ServerContext) -> CertificateThumbprint? = { _ in nil },
  _ body: (ScriptedServer) async throws -> Result
) async throws -> Result {
  let transport = ScriptedTransport()
  let guarded = try GuardedServerTransport(
    wrapping: transport,
    guardedBy: RequestGuard(
      policy: try MethodPolicy(rules),
      verifier: verifier,
      time: clock,
      observers: [observer]
    ),
    security: .plaintext(because: "the transport is a test double in this process"),
    streams: streams,
    closingGrace: .seconds(1),
    peerCertificate: peerCertificate
  )
  let service = TestService(handlers)
  return try await withGRPCServer(
    transport: guarded,
    services: [service],
    interceptors: interceptors
  ) { _ in
    try await body(
      ScriptedServer(
        transport: transport,
        guarded: guarded,
        service: service,
        clock: clock,
        observer: observer
      )
    )
  }
}

struct ScriptedServer {
  let transport: ScriptedTransport
  let guarded: GuardedServerTransport<ScriptedTransport>
  let service: TestService
  let clock: ManualClock
  let observer: RecordingObserver
}

extension [(String, String)] {
  static func bearer(_ token: String) -> Self { [("authorization", "Bearer \(token)")] }
}
