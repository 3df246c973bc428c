// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Logging
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTelemetry
import TokenwardTestKit

@testable import TokenwardService

@Suite("An authority of a process")
struct AuthorityServiceTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private static let yaml = """
    authority:
      issuer: https://tokens.test
      directory: authority
      grpc: {listen: 127.0.0.1:0, plaintext_because: "a test"}
    issuers:
      - authority: {audiences: [tokenward], api_tokens: true}
    policy: [{method: a.B/C, allow: authenticated}]
    """

  private func open(
    _ configuration: Configuration,
    registry: PrometheusRegistry = PrometheusRegistry()
  ) async throws -> AuthorityService {
    try await AuthorityService.open(configuration, registry: registry, logger: Self.logger)
  }

  private func request(_ token: String) -> AccessRequest {
    var request = AccessRequest(path: "/a.B/C", door: .grpc)
    request.add(header: "authorization", value: "Bearer \(token)")
    return request
  }

  @Test("is trusted by guards of its process once it is open, and makes one first token")
  func opening() async throws {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration(Self.yaml)
    let requestGuard = try configuration.makeGuard()
    let well = "twk_0123456789abcdef_\(String(repeating: "0", count: 49))"
    #expect(requestGuard.decide(self.request(well)).denial?.reason == .dependencyUnavailable)
    let registry = PrometheusRegistry()
    let service = try await self.open(configuration, registry: registry)
    let path = try #require(service.newTokenFile)
    #expect(path == "\(folder.path)/authority/admin.token")
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let token = try folder.read("authority/admin.token").trimmingCharacters(in: .newlines)

    let grant = try #require(requestGuard.decide(self.request(token)).grant)
    #expect(grant.principal?.subject == "main/admin")
    #expect(requestGuard.decide(self.request(well)).denial?.reason == .checksumInvalid)
    let access = try await service.authority.exchange(BearerToken(token), for: .init())
    let jwt = String(decoding: access.token.bytes, as: UTF8.self)
    #expect(requestGuard.decide(self.request(jwt)).grant != nil)
    try await service.authority.revoke(presented: access.token, peer: nil)
    #expect(requestGuard.decide(self.request(jwt)).denial?.reason == .tokenRevoked)

    #expect(service.partStatus().isReady)
    let page = String(decoding: registry.render(), as: UTF8.self)
    for line in [
      "tokenward_authority_operations_total{action=\"authority.bootstrap\",outcome=\"allowed\"} 1\n",
      "tokenward_authority_operations_total{action=\"token.exchange\",outcome=\"allowed\"} 1\n",
      "tokenward_authority_clock{state=\"good\"} 1\n",
      "tokenward_signing_key_age_seconds{algorithm=\"ES256\",state=\"active\"} ",
    ] {
      #expect(page.contains(line), "\(line)")
    }
    #expect(!page.contains(token) && !page.contains(jwt))
    await service.close()
  }

  @Test("without api_tokens only access tokens are accepted")
  func accessTokensOnly() async throws {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration(
      Self.yaml.replacing(", api_tokens: true", with: "")
    )
    let requestGuard = try configuration.makeGuard()
    let service = try await self.open(configuration)
    let token = try folder.read("authority/admin.token").trimmingCharacters(in: .newlines)
    #expect(requestGuard.decide(self.request(token)).denial?.reason == .tokenMalformed)
    let access = try await service.authority.exchange(BearerToken(token), for: .init())
    let jwt = String(decoding: access.token.bytes, as: UTF8.self)
    #expect(requestGuard.decide(self.request(jwt)).grant != nil)
    await service.close()
  }

  @Test("a folder that others can enter is refused, and so is a link")
  func folder() async throws {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration(Self.yaml)
    let path = "\(folder.path)/authority"
    try FileManager.default.createDirectory(
      atPath: path,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o755]
    )
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    await #expect(throws: AuthorityStartError.self) { try await self.open(configuration) }
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/tmp")
    await #expect(throws: AuthorityStartError.self) { try await self.open(configuration) }
    try FileManager.default.removeItem(atPath: path)
    let service = try await self.open(configuration)
    await service.close()
  }

  @Test("a lost pepper is never replaced by a new one")
  func lostSecrets() async throws {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration(Self.yaml)
    do {
      let service = try await self.open(configuration)
      await service.close()
    }
    try FileManager.default.removeItem(atPath: "\(folder.path)/authority/secrets")
    await #expect(throws: AuthorityStartError.self) {
      try await self.open(try folder.configuration(Self.yaml))
    }
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/authority/secrets"))
  }

  @Test("an audit that fails is not ready, and after a while it is asked again")
  func audit() async throws {
    struct Trail: AuditTrail {
      let isBroken: Bool
      func record(_ event: AuditEvent) async throws(AuditTrailError) {
        if self.isBroken { throw AuditTrailError("full") }
      }
    }
    let clock = ManualClock()
    let event = AuditEvent(.createToken, .allowed, at: clock.moment.unix)
    let registry = PrometheusRegistry()
    let good = ObservedAuditTrail(Trail(isBroken: false), factory: registry, time: clock)
    try await good.record(event)
    #expect(good.isWritable)
    let broken = ObservedAuditTrail(Trail(isBroken: true), factory: registry, time: clock)
    #expect(broken.isWritable)
    await #expect(throws: AuditTrailError.self) { try await broken.record(event) }
    #expect(!broken.isWritable)
    clock.advance(by: 31)
    #expect(broken.isWritable)
    let page = String(decoding: registry.render(), as: UTF8.self)
    #expect(page.contains("tokenward_authority_audit_failures_total 1\n"))
    #expect(
      page.contains(
        "tokenward_authority_operations_total{action=\"token.create\",outcome=\"allowed\"} 1\n"
      )
    )
  }
}
