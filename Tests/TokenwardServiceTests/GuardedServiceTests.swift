// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Logging
import ServiceLifecycle
import Testing
import TokenwardCore
import TokenwardService
import TokenwardTelemetry
import TokenwardTestKit

@Suite("A guarded service")
struct GuardedServiceTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private static let yaml = """
    issuers:
      - {issuer: https://issuer.test, audiences: [orders], algorithms: [ES256],
         jwks: {file: issuer.jwks}}
    policy:
      - {method: a.B/C, allow: authenticated}
    audit: {file: audit.jsonl}
    """

  @Test("decides, counts and records, and closes its record when its servers are done")
  func lifecycle() async throws {
    let folder = try ConfigurationFolder()
    let clock = ManualClock()
    let registry = PrometheusRegistry()
    let service = try GuardedService(
      try folder.configuration(Self.yaml, time: clock),
      time: clock,
      registry: registry,
      logger: Self.logger
    )
    let token = try folder.issuer.token(tokenID: "t-9", at: clock.moment.unix)
    var request = AccessRequest(path: "/a.B/C", door: .grpc)
    request.add(header: "authorization", value: "Bearer \(token)")
    let server = OneDecision(requestGuard: service.requestGuard, request: request)
    // A server that returns although nobody asked it to is a failure of the whole group.
    let error = await #expect(throws: ServiceGroupError.self) { try await service.run([server]) }
    #expect(error == .serviceFinishedUnexpectedly())

    #expect(try folder.read("audit.jsonl").contains("\"token_id\":\"t-9\""))
    #expect(service.audit?.droppedRecords == 0)
    let page = String(decoding: registry.render(), as: UTF8.self)
    #expect(
      page.contains(
        "tokenward_decisions_total{door=\"grpc\",issuer=\"https://issuer.test\","
          + "outcome=\"allowed\",reason=\"none\"} 1\n"
      )
    )
    #expect(page.contains("tokenward_token_cache_total{result=\"miss\"} 1\n"))
    // Closed: a decision after the end is still taken, and its lost record counted.
    #expect(service.requestGuard.decide(request).grant != nil)
    #expect(service.audit?.droppedRecords == 1)
  }

  @Test(
    "does not start without issuers, rules or a usable audit file",
    arguments: [
      "policy: [{method: a.B/C, allow: anonymous}]",
      "issuers: [{issuer: a, audiences: [b], algorithms: [ES256], jwks: {file: issuer.jwks}}]",
      yaml.replacing("audit.jsonl", with: "no/such/folder"),
    ]
  )
  func incomplete(yaml: String) throws {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration(yaml)
    #expect(throws: ConfigurationError.self) {
      try GuardedService(configuration, registry: PrometheusRegistry(), logger: Self.logger)
    }
  }

  /// Takes one decision and returns.
  private struct OneDecision: Service {
    let requestGuard: RequestGuard
    let request: AccessRequest

    func run() async throws {
      guard self.requestGuard.decide(self.request).grant != nil else { throw CancellationError() }
    }
  }
}
