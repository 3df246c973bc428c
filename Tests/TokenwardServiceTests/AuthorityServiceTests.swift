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
    options: AuthorityService.Options = .init(),
    registry: PrometheusRegistry = PrometheusRegistry()
  ) async throws -> AuthorityService {
    try await AuthorityService.open(
      configuration,
      options: options,
      registry: registry,
      logger: Self.logger
    )
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

  /// Starts an authority on a copy of what another one has left: that one keeps its lock for as long as
  /// this process lives.
  /// - Returns: the folder, and the lines of the audit.
  private func start(
    on path: String?,
    without missing: [String] = [],
    options: AuthorityService.Options = .init(),
    keeping folder: borrowing ConfigurationFolder
  ) async throws -> [String] {
    if let path {
      try FileManager.default.copyItem(atPath: path, toPath: "\(folder.path)/authority")
      for name in missing {
        try FileManager.default.removeItem(atPath: "\(folder.path)/authority/\(name)")
      }
    }
    let service = try await self.open(try folder.configuration(Self.yaml), options: options)
    await service.close()
    return try folder.read("authority/audit.jsonl").split(separator: "\n").map(String.init)
  }

  @Test("an audit chain that was removed beside a store with records is not begun anew")
  func lostAudit() async throws {
    let folder = try ConfigurationFolder()
    let first = try await self.start(on: nil, keeping: folder)
    let path = "\(folder.path)/authority"
    let twin = try ConfigurationFolder()
    let second = try await self.start(on: path, keeping: twin)
    #expect(second.starts(with: first))

    let files = ["audit.jsonl", "audit.jsonl.head"]
    let refused = try ConfigurationFolder()
    var problem = ""
    do {
      _ = try await self.start(on: path, without: files, keeping: refused)
    } catch let error as AuthorityStartError {
      problem = error.problem
    }
    #expect(problem.contains("has begun and is gone"))

    var options = AuthorityService.Options()
    options.acceptsLostAudit = true
    let accepted = try ConfigurationFolder()
    let lines = try await self.start(
      on: path,
      without: files,
      options: options,
      keeping: accepted
    )
    #expect(lines.first?.contains("\"history\":\"lost\"") == true)
    // From then on it is a chain like any other.
    let last = try ConfigurationFolder()
    let next = try await self.start(on: "\(accepted.path)/authority", keeping: last)
    #expect(next.starts(with: lines))
  }

  @Test(
    "the audit chain has a key of the authority's secrets, and says when the pepper was replaced"
  )
  func auditKeys() async throws {
    let folder = try ConfigurationFolder()
    _ = try await self.start(on: nil, keeping: folder)
    let path = "\(folder.path)/authority/audit.jsonl"
    let keys = try await AuthorityAuditKeys.read(try folder.configuration(Self.yaml))
    #expect(try AuditChain.verify([path], keys: keys).isKeyed)
    let problem = #expect(throws: AuditProblem.self) { try AuditChain.verify([path]) }
    #expect(problem?.kind == .unchecked)

    var options = AuthorityService.Options()
    options.rotatesPepper = true
    let later = try ConfigurationFolder()
    let lines = try await self.start(
      on: "\(folder.path)/authority",
      options: options,
      keeping: later
    )
    #expect(lines.contains { $0.contains("\"action\":\"pepper.rotate\"") })
    let all = try await AuthorityAuditKeys.read(try later.configuration(Self.yaml))
    #expect(all.map { $0.id } == [2, 1])
    let laterPath = "\(later.path)/authority/audit.jsonl"
    #expect(try AuditChain.verify([laterPath], keys: all).end == .confirmed)

    // The secrets of another authority are no key of this chain, although its name is the same.
    let other = try ConfigurationFolder()
    _ = try await self.start(on: nil, keeping: other)
    let strangers = try await AuthorityAuditKeys.read(try other.configuration(Self.yaml))
    #expect(throws: AuditProblem.self) { try AuditChain.verify([path], keys: strangers) }
  }

  @Test("a start that takes an older database or a later clock is in the audit, others are not")
  func acceptances() async throws {
    let folder = try ConfigurationFolder()
    let first = try await self.start(on: nil, keeping: folder)
    var options = AuthorityService.Options()
    options.acceptsRestored = true
    options.acceptsRecordsFromFuture = true
    let later = try ConfigurationFolder()
    let lines = try await self.start(
      on: "\(folder.path)/authority",
      options: options,
      keeping: later
    )
    for action in ["store.accept_restored", "clock.accept_future"] {
      let record = "\"action\":\"\(action)\""
      #expect(!first.contains { $0.contains(record) })
      #expect(lines.count { $0.contains(record) } == 1)
    }
    let last = try ConfigurationFolder()
    let usual = try await self.start(on: "\(later.path)/authority", keeping: last)
    #expect(usual.count { $0.contains("accept_") } == 2)
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
