// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import Testing
import TokenwardCore
import TokenwardTestKit

@testable import TokenwardTelemetry

@Suite("The metrics observer")
struct MetricsObserverTests {
  private let fixture = Fixture()

  @Test("counts an allowed call under its door and issuer")
  func allowed() throws {
    let registry = PrometheusRegistry()
    let observer = MetricsObserver(issuers: [Fixture.issuer], factory: registry)
    let requestGuard = try self.fixture.requestGuard([observer])
    _ = requestGuard.decide(Fixture.request())
    _ = requestGuard.decide(Fixture.request("/grpc.health.v1.Health/Check", token: nil))
    #expect(
      registry.samples.contains(Self.line("grpc", "allowed", "none", "https://issuer.test", 1))
    )
    #expect(registry.samples.contains(Self.line("grpc", "allowed", "none", "none", 1)))
    #expect(registry.samples.contains("tokenward_decision_seconds_count 2"))
    #expect(registry.samples.contains("tokenward_build_info{version=\"0.1.0\"} 1"))
  }

  @Test("counts a denial under its reason at every door", arguments: Door.allCases)
  func denied(door: Door) throws {
    let registry = PrometheusRegistry()
    let observer = MetricsObserver(issuers: [Fixture.issuer], doors: [.grpc], factory: registry)
    for reason in DenialReason.allCases {
      let verifier = FailingTokenVerifier(reason, issuer: Fixture.issuer)
      let requestGuard = try self.fixture.requestGuard([observer], verifier: verifier)
      let decision = requestGuard.decide(Fixture.request(door: door))
      #expect(decision.denial?.reason == reason)
      let named = door == .grpc && reason.mayNameIssuer
      let issuer = named ? Fixture.issuer.text : "none"
      let line = Self.line(door.rawValue, "denied", reason.rawValue, issuer, 1)
      #expect(registry.samples.contains(line))
    }
    let counted = registry.samples.filter {
      $0.hasPrefix("tokenward_decisions_total") && $0.hasSuffix(" 1")
    }
    #expect(counted.count == DenialReason.allCases.count)
  }

  @Test("has a series of value zero for every reason before the first call")
  func initialZeros() {
    let registry = PrometheusRegistry()
    let observer = MetricsObserver(issuers: [Fixture.issuer], factory: registry)
    withExtendedLifetime(observer) {
      for reason in DenialReason.allCases {
        #expect(registry.samples.contains(Self.line("grpc", "denied", reason.rawValue, "none", 0)))
      }
    }
  }

  @Test("adds no series for a hundred thousand issuers, subjects, methods and peers")
  func cardinality() throws {
    let registry = PrometheusRegistry()
    let observer = MetricsObserver(issuers: [Fixture.issuer], factory: registry)
    let before = registry.samples.count
    for index in 0 ..< 100_000 {
      let assertion = Principal.Assertion(
        issuer: Issuer("https://\(index).test"),
        subject: Subject("\(index)"),
        expiresAt: self.fixture.clock.moment.unix
      )
      let denial = Denial(.methodUnlisted, principal: Principal(assertingVerified: assertion))
      observer.observe(
        DecisionRecord(
          moment: self.fixture.clock.moment,
          door: .grpc,
          method: RPCMethod(fullName: "a.B/M\(index)"),
          isListed: false,
          peer: "ipv4:10.0.0.1:\(index)",
          decision: .deny(denial),
          duration: .zero
        )
      )
    }
    #expect(registry.samples.count == before)
    #expect(
      registry.samples.contains(Self.line("grpc", "denied", "methodUnlisted", "none", 100_000))
    )
    #expect(registry.samples.contains("tokenward_metrics_dropped_total 0"))
  }

  @Test("tells issuers apart by bytes, few and many of them", arguments: [2, 4, 5, 40])
  func issuers(count: Int) throws {
    let registry = PrometheusRegistry()
    let names = ["K", "\u{212A}"] + (2 ..< count).map { "issuer-\($0)" }
    let observer = MetricsObserver(
      issuers: names.map { Issuer($0) },
      doors: [.grpc],
      factory: registry
    )
    for (index, name) in names.enumerated() {
      let requestGuard = try self.fixture.requestGuard([observer]) { $0.issuer = Issuer(name) }
      for _ in 0 ... index { _ = requestGuard.decide(Fixture.request()) }
    }
    // As bytes: as text, the two look-alikes are one.
    let samples = registry.samples.map { Array($0.utf8) }
    for (index, name) in names.enumerated() {
      let line = Self.line("grpc", "allowed", "none", name, index + 1)
      #expect(samples.contains(Array(line.utf8)))
    }
  }

  @Test("has room for as many issuers as a verifier may have")
  func manyIssuers() {
    let registry = PrometheusRegistry()
    let issuers = (0 ..< JWTVerifier.maximumIssuers).map { Issuer("https://\($0).test") }
    let observer = MetricsObserver(issuers: issuers, factory: registry)
    withExtendedLifetime(observer) {
      #expect(registry.samples.contains("tokenward_metrics_dropped_total 0"))
      #expect(registry.samples.contains("tokenward_decision_seconds_count 0"))
    }
  }

  @Test("gives every door and reason a position of its own")
  func ordinals() {
    #expect(Door.allCases.map(\.ordinal) == Array(0 ..< Door.allCases.count))
    #expect(DenialReason.allCases.map(\.ordinal) == Array(0 ..< DenialReason.allCases.count))
  }

  @Test(
    "puts durations into buckets",
    arguments: [
      (Duration.nanoseconds(999), "1e-06"), (.nanoseconds(1_001), "2.5e-06"),
      (.microseconds(70), "0.0001"), (.seconds(-1), "1e-06"), (.seconds(Int64.max), "+Inf"),
    ]
  )
  func durations(duration: Duration, bucket: String) {
    let registry = PrometheusRegistry()
    let observer = MetricsObserver(issuers: [], factory: registry)
    observer.observe(
      DecisionRecord(
        moment: nil,
        door: .grpc,
        method: nil,
        isListed: false,
        peer: nil,
        decision: .deny(Denial(.clockUnavailable)),
        duration: duration
      )
    )
    let first = registry.samples.first {
      $0.hasPrefix("tokenward_decision_seconds_bucket") && $0.hasSuffix(" 1")
    }
    #expect(first == "tokenward_decision_seconds_bucket{le=\"\(bucket)\"} 1")
  }

  @Test("loses no decision of eight tasks")
  func concurrency() async throws {
    let registry = PrometheusRegistry()
    let observer = MetricsObserver(issuers: [Fixture.issuer], factory: registry)
    let requestGuard = try self.fixture.requestGuard([observer])
    await withTaskGroup(of: Void.self) { group in
      for _ in 0 ..< 8 {
        group.addTask {
          for _ in 0 ..< 5_000 { _ = requestGuard.decide(Fixture.request()) }
        }
      }
    }
    let line = Self.line("grpc", "allowed", "none", Fixture.issuer.text, 40_000)
    #expect(registry.samples.contains(line))
    #expect(registry.samples.contains("tokenward_decision_seconds_count 40000"))
  }

  private static func line(
    _ door: String,
    _ outcome: String,
    _ reason: String,
    _ issuer: String,
    _ count: Int
  ) -> String {
    "tokenward_decisions_total{door=\"\(door)\",issuer=\"\(issuer)\",outcome=\"\(outcome)\","
      + "reason=\"\(reason)\"} \(count)"
  }
}

@Suite("Metrics that are kept elsewhere")
struct OtherMetricsTests {
  @Test("the cache's statistics are added up at each scrape")
  func tokenCache() throws {
    let registry = PrometheusRegistry()
    let issuer = try TestIssuer()
    let verifier = try JWTVerifier(issuers: [issuer.trusted()])
    let metrics = TokenCacheMetrics(factory: registry) { verifier.cacheStatistics }
    registry.onRender { metrics.collect() }
    #expect(registry.samples.contains("tokenward_token_cache_total{result=\"hit\"} 0"))

    let fixture = Fixture()
    let requestGuard = try fixture.requestGuard([], verifier: verifier)
    let token = try issuer.token(at: fixture.clock.moment.unix)
    for _ in 0 ..< 3 {
      #expect(requestGuard.decide(Fixture.request(token: token)).grant != nil)
    }
    var forged = Array(token.utf8)
    // Another letter of the alphabet, whichever stands there.
    let changed = forged.count - 10
    forged[changed] = forged[changed] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
    let bad = String(decoding: forged, as: UTF8.self)
    for _ in 0 ..< 2 {
      #expect(
        requestGuard.decide(Fixture.request(token: bad)).denial?.reason == .signatureInvalid
      )
    }
    for _ in 0 ..< 2 {
      #expect(registry.samples.contains("tokenward_token_cache_total{result=\"hit\"} 2"))
      #expect(registry.samples.contains("tokenward_token_cache_total{result=\"miss\"} 2"))
      #expect(registry.samples.contains("tokenward_token_cache_total{result=\"refused\"} 1"))
    }
  }

  @Test(
    "streams are counted while they are open and by how they end",
    arguments: [
      StreamEnd.completed, .cancelled, .tokenExpired, .tokenRevoked, .policyChanged,
      .failed,
    ]
  )
  func streams(end: StreamEnd) {
    let registry = PrometheusRegistry()
    let streams = StreamMetrics(factory: registry)
    streams.streamOpened()
    streams.streamOpened()
    #expect(registry.samples.contains("tokenward_streams_open 2"))
    streams.streamEnded(end)
    #expect(registry.samples.contains("tokenward_streams_open 1"))
    for other in StreamEnd.allCases {
      let count = other == end ? 1 : 0
      let line = "tokenward_streams_ended_total{reason=\"\(other.rawValue)\"} \(count)"
      #expect(registry.samples.contains(line))
    }
  }
}
