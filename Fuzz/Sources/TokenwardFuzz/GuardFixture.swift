// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// The guard that is fuzzed: three issuers that share a secret and differ in every limit.
enum GuardFixture {
  static let now: Int64 = 1_800_000_000
  static let certificate = CertificateThumbprint(der: [1, 2, 3])
  static let header = utf8("{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}")

  struct IssuerRules {
    let name: String
    let skew: Int64
    let lifetime: Int64
    var isSingleUse = false
  }

  static let issuers = [
    IssuerRules(name: "https://plain.test", skew: 0, lifetime: 3_600),
    IssuerRules(name: "https://skewed.test", skew: 60, lifetime: 600),
    IssuerRules(name: "https://once.test", skew: 0, lifetime: 86_400, isSingleUse: true),
  ]
  static let audiences = ["orders", "billing"]

  static let policy = must("the policy") { () throws(ConfigurationError) in
    try MethodPolicy {
      Allow("t.Orders/Get", .scopes(["read", "orders"]))
      Allow("t.Orders/List", .anyScope(["read", "list"]))
      Allow("t.Orders/Delete", .roles(["admin"]))
      Allow("t.Orders/Sign", .authenticated.forEndUsers)
      Allow("t.Any/*", .authenticated)
      Allow("t.Open/Ping", .anonymous)
    }
  }

  static let cachedVerifier = verifier(JWTVerifier.Cache(verifiedTokens: 64, refusedTokens: 64))
  static let plainVerifier = verifier(nil)

  static let revocations: RevocationSet = {
    let set = RevocationSet()
    let moment = UnixTime(seconds: now)
    set.revoke("stolen", of: "https://plain.test", until: .init(seconds: .max), at: moment)
    set.revokeAll(of: "leaver", of: "https://plain.test", issuedBefore: .init(seconds: now - 100))
    return set
  }()

  static func requestGuard(_ verifier: JWTVerifier, _ observer: Observer) -> RequestGuard {
    RequestGuard(
      policy: self.policy,
      verifier: verifier,
      revocation: self.revocations,
      singleUse: InMemorySingleUse(capacity: 4),
      time: StoppedClock(),
      observers: [observer]
    )
  }

  private static func verifier(_ cache: JWTVerifier.Cache?) -> JWTVerifier {
    must("the verifier") { () throws(ConfigurationError) in
      var trusted: [TrustedIssuer] = []
      for issuer in self.issuers {
        trusted.append(
          try TrustedIssuer(
            Issuer(issuer.name),
            audiences: .oneOf(self.audiences.map { Audience($0) }),
            algorithms: [.hs256],
            keys: StaticKeys(Fixture.onlySecret),
            clockSkew: ClockSkew(seconds: Int(issuer.skew)),
            maximumLifetimeSeconds: issuer.lifetime,
            isSingleUse: issuer.isSingleUse
          )
        )
      }
      return try JWTVerifier(issuers: trusted, cache: cache)
    }
  }
}

private struct StoppedClock: TimeSource {
  func now() -> Moment? {
    Moment(unix: UnixTime(seconds: GuardFixture.now), monotonic: .seconds(1_000))
  }
}

/// Counts what it is told.
final class Observer: DecisionObserver {
  private let outcomes = Mutex<[DenialReason?]>([])

  func observe(_ record: DecisionRecord) {
    self.outcomes.withLock { $0.append(record.decision.denial?.reason) }
  }

  var seen: [DenialReason?] { self.outcomes.withLock { $0 } }
}
