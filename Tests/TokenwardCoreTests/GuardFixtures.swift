// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import TokenwardCore
import TokenwardTestKit

/// A guard around one issuer, with everything that a test may want to move.
struct GuardFixture {
  /// One key for all tests that need no key of their own.
  static let issuer = Result { try TestIssuer() }

  static let method = "orders.v1.Orders/Get"
  static let openMethod = "orders.v1.Status/Check"

  let issuer: TestIssuer
  let clock: ManualClock
  let revocations = RevocationSet()
  let observer = RecordingObserver()
  let verifier: JWTVerifier
  let requestGuard: RequestGuard

  init(
    issuer: TestIssuer? = nil,
    clock: ManualClock = ManualClock(),
    keys: (any KeySource)? = nil,
    clockSkew: ClockSkew = .none,
    maximumLifetimeSeconds: Int64 = TrustedIssuer.defaultLifetimeSeconds,
    isSingleUse: Bool = false,
    singleUse: any SingleUseMemory = InMemorySingleUse(),
    cache: JWTVerifier.Cache? = JWTVerifier.Cache(),
    requirement: Requirement = .authenticated
  ) throws {
    let issuer = try issuer ?? Self.issuer.get()
    self.issuer = issuer
    self.clock = clock
    self.verifier = try JWTVerifier(
      issuers: [
        issuer.trusted(
          keys: keys,
          clockSkew: clockSkew,
          maximumLifetimeSeconds: maximumLifetimeSeconds,
          isSingleUse: isSingleUse
        )
      ],
      cache: cache
    )
    self.requestGuard = RequestGuard(
      policy: try MethodPolicy {
        Allow(Self.method, requirement)
        Allow(Self.openMethod, .anonymous)
      },
      verifier: self.verifier,
      revocation: self.revocations,
      singleUse: singleUse,
      time: clock,
      observers: [self.observer]
    )
  }

  var now: UnixTime { self.clock.moment.unix }

  /// Decides about one call with this token.
  func decide(
    _ token: String?,
    path: String = "/\(GuardFixture.method)",
    certificate: CertificateThumbprint? = nil
  ) -> Decision {
    var request = AccessRequest(path: path, door: .grpc, peerCertificate: certificate)
    if let token { request.add(header: "authorization", value: "Bearer \(token)") }
    return self.requestGuard.decide(request)
  }

  /// The reason for which the token is denied, nil if it is not.
  func refusal(_ token: String?) -> DenialReason? { self.decide(token).denial?.reason }

  /// A token with these claims set, as JSON text; a nil value takes the claim out.
  func token(_ claims: [(String, String?)]) throws -> String {
    var members: [(String, String)] = [
      ("iss", "\"\(self.issuer.name.text)\""), ("aud", "\"\(self.issuer.audience.text)\""),
      ("sub", "\"alice\""), ("exp", "\(self.now.seconds + 300)"),
    ]
    for (name, value) in claims {
      members.removeAll { $0.0 == name }
      if let value { members.append((name, value)) }
    }
    let text = members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",")
    return try self.issuer.sign(header: self.issuer.header(), payload: "{\(text)}")
  }
}
