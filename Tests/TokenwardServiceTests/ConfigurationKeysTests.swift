// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardCore
import TokenwardRemote
import TokenwardService
import TokenwardTestKit

@Suite("Where keys come from")
struct ConfigurationKeysTests {
  private func issuer(_ lines: String, time: any TimeSource = SystemTime()) throws -> TrustedIssuer
  {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration("issuers:\n\(lines)", time: time)
    return try #require(configuration.issuers.first)
  }

  @Test(
    "a profile says everything but the name and the audience",
    arguments: IssuerProfile.all.filter { $0 != .spiffe }
  )
  func profiles(profile: IssuerProfile) throws {
    let issuer = try self.issuer(
      """
        - issuer: https://issuer.example
          profile: \(profile.name)
          audiences: [orders]
      """
    )
    #expect(issuer.algorithms == profile.algorithms)
    #expect(issuer.type == profile.type)
    #expect(issuer.maximumLifetimeSeconds == profile.maximumLifetimeSeconds)
    #expect(issuer.subjectPrefix == nil)
    let keys = try #require(issuer.keys as? RemoteKeySet)
    #expect(keys.issuer == "https://issuer.example")
    #expect(keys.current(at: try #require(SystemTime().now())) == nil)
  }

  @Test("an issuer of JWT-SVIDs speaks for its trust domain only")
  func spiffe() throws {
    let issuer = try self.issuer(
      """
        - issuer: https://oidc.example.org
          profile: spiffe
          trust_domain: example.org
          audiences: [orders]
      """
    )
    #expect(issuer.subjectPrefix == "spiffe://example.org/")
  }

  @Test("what is said beside a profile counts instead of it")
  func overridden() throws {
    let issuer = try self.issuer(
      """
        - issuer: https://kubernetes.default.svc
          profile: kubernetes
          audiences: [orders]
          algorithms: [ES256]
          typ: JWT
          max_lifetime: 10m
          subject_prefix: "system:serviceaccount:shop:"
          jwks: {uri: "https://10.0.0.1/openid/v1/jwks", token_file: token, cooldown: 1m}
      """
    )
    #expect(issuer.algorithms == [.es256])
    #expect(issuer.type == .jwt)
    #expect(issuer.maximumLifetimeSeconds == 600)
    #expect(issuer.subjectPrefix == "system:serviceaccount:shop:")
  }

  @Test("each way to say where keys are is accepted")
  func places() throws {
    for place in [
      "{discover: true}", "{discover: openid}", "{discover: oauth, hosts: [keys.example]}",
      "{uri: https://issuer.example/jwks}", "{file: issuer.jwks}",
      "{uri: http://127.0.0.1:8080/jwks, plaintext_because: a sidecar}",
      "{discover: true, max_stale: 1m, refresh: 90s, cooldown: 1s, revoked_kids: [a, b]}",
    ] {
      let folder = try ConfigurationFolder()
      let configuration = try folder.configuration(
        """
        issuers:
          - {issuer: https://issuer.example, audiences: [a], algorithms: [ES256], jwks: \(place)}
        """
      )
      #expect(configuration.keySets.count == 1, "\(place)")
    }
  }

  @Test("a file is read at the start, and its withdrawn keys are not used")
  func file() throws {
    let moment = try #require(SystemTime().now())
    let base = "  - {issuer: https://issuer.test, audiences: [a], algorithms: [ES256], jwks: "
    let issuer = try self.issuer("\(base){file: issuer.jwks, revoked_kids: [other]}}")
    #expect(issuer.keys.current(at: moment)?.keyIDs.map(\.text) == ["test-1"])
    // Without its last key the set is refused, at the start as later.
    #expect(throws: ConfigurationError.self) {
      try self.issuer("\(base){file: issuer.jwks, revoked_kids: [test-1]}}")
    }
  }

  @Test("authorities that cannot be read stop the start")
  func authorities() throws {
    let folder = try ConfigurationFolder()
    for file in ["none.pem", "server.pem", "writable.jwks"] {
      let problems = folder.problems(
        """
        issuers:
          - issuer: https://issuer.example
            audiences: [a]
            algorithms: [ES256]
            jwks: {discover: true, ca: \(file)}
        """
      )
      #expect(problems.count == 1, "\(file)")
      #expect(problems.first?.hasPrefix("issuers[0].jwks.ca (line 5): ") == true, "\(problems)")
    }
  }

  @Test("a watched file is followed while the service runs")
  func watched() async throws {
    let folder = try ConfigurationFolder()
    let configuration = try folder.configuration(
      """
      issuers:
        - {issuer: https://issuer.test, audiences: [a], algorithms: [ES256], jwks: {file: issuer.jwks}}
      """
    )
    let keys = try #require(configuration.keySets.first)
    let next = try TestIssuer(keyID: "test-2")
    try folder.write("issuer.jwks", next.jwks)
    try await keys.fetchOnce()
    let moment = try #require(SystemTime().now())
    #expect(keys.current(at: moment)?.keyIDs.map(\.text) == ["test-2"])
    try folder.write("issuer.jwks", Array("{".utf8))
    await #expect(throws: KeyFetchProblem.keysMalformed) { try await keys.fetchOnce() }
    #expect(keys.current(at: moment)?.keyIDs.map(\.text) == ["test-2"])
  }
}
