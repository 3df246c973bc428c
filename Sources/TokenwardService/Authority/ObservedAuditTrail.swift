// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
internal import Synchronization
internal import TokenwardAuthority
internal import TokenwardCore

/// Counts what is written to an audit trail, and remembers whether the last record could be.
final class ObservedAuditTrail: AuditTrail {
  private let trail: any AuditTrail
  private let failures: Counter
  private let counters: [AuditEvent.Action: [AuditEvent.Outcome: Counter]]
  private let time: any TimeSource
  private let failedAt = Mutex<Duration?>(nil)

  /// For how long after a failure it counts as failing: whoever is not asked any more because it does
  /// could never show that it works again.
  private static let memory: Duration = .seconds(30)

  init(_ trail: any AuditTrail, factory: any MetricsFactory, time: any TimeSource) {
    self.trail = trail
    self.time = time
    self.failures = Counter(label: AuthorityMetricName.auditFailures, factory: factory)
    var counters: [AuditEvent.Action: [AuditEvent.Outcome: Counter]] = [:]
    for action in AuditEvent.Action.allCases {
      for outcome in AuditEvent.Outcome.allCases {
        counters[action, default: [:]][outcome] = Counter(
          label: AuthorityMetricName.operations,
          dimensions: [("action", action.rawValue), ("outcome", outcome.rawValue)],
          factory: factory
        )
      }
    }
    self.counters = counters
  }

  func record(_ event: AuditEvent) async throws(AuditTrailError) {
    do throws(AuditTrailError) {
      try await self.trail.record(event)
    } catch {
      self.failures.increment()
      let now = self.time.now()?.monotonic ?? .zero
      self.failedAt.withLock { $0 = now }
      throw error
    }
    self.failedAt.withLock { $0 = nil }
    self.counters[event.action]?[event.outcome]?.increment()
  }

  /// Whether the last record could be written, as far as that is known.
  var isWritable: Bool {
    guard let failedAt = self.failedAt.withLock({ $0 }) else { return true }
    guard let now = self.time.now()?.monotonic else { return false }
    return now - failedAt > Self.memory
  }
}
