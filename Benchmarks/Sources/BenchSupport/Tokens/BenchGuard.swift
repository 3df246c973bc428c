// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import Foundation
package import TokenwardCore
internal import TokenwardTelemetry

/// A guard as a service would set it up, with everything on that a decision may involve, and a
/// token that it lets through.
package struct BenchGuard: Sendable {
  package let requestGuard: RequestGuard
  package let verifier: JWTVerifier
  package let token: BenchToken

  /// - Parameters:
  ///   - methods: each may be called with the token.
  ///   - revocation: what is withdrawn; not the token.
  package init(methods: [String], revocation: RevocationSet = Self.revocation()) throws {
    let key = P256.Signing.PrivateKey()
    let jwk = BenchToken.jwk(of: key.publicKey)
    let issuer = try TrustedIssuer(
      BenchToken.issuer,
      audiences: .oneOf([BenchToken.audience]),
      algorithms: [.es256],
      keys: StaticKeys(KeySet(jwks: Array(#"{"keys":[\#(jwk)]}"#.utf8), trust: .publicKeys))
    )
    self.token = try BenchToken(algorithm: .es256) { try key.signature(for: $0).rawRepresentation }
    self.verifier = try JWTVerifier(issuers: [issuer])
    self.requestGuard = RequestGuard(
      policy: try MethodPolicy(methods.map { Allow($0, .scopes(["orders.read"])) }),
      verifier: self.verifier,
      revocation: revocation,
      observers: [
        MetricsObserver(issuers: [BenchToken.issuer], doors: [.grpc], factory: PrometheusRegistry())
      ]
    )
  }

  /// A thousand tokens and a hundred subjects that were withdrawn, ours not among them.
  package static func revocation() -> RevocationSet {
    let revocation = RevocationSet()
    let now = UnixTime(seconds: Int64(Date().timeIntervalSince1970))
    for index in 0 ..< 1_000 {
      revocation.revoke(
        TokenID("revoked-\(index)"),
        of: BenchToken.issuer,
        until: now.adding(seconds: 86_400),
        at: now
      )
    }
    for index in 0 ..< 100 {
      revocation.revokeAll(
        of: Subject("revoked-\(index)"),
        of: BenchToken.issuer,
        issuedBefore: now
      )
    }
    return revocation
  }
}
