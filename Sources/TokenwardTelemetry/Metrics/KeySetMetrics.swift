// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import CoreMetrics
internal import Synchronization
public import TokenwardCore

/// Brings the state of fetched key sets into metrics: how often each issuer was asked and with what
/// result, when its keys were last confirmed, and whether they count at present.
///
/// Key sets count by themselves; ``collect()`` adds what has happened since the last call. Run it
/// before each scrape:
///
/// ```swift
/// let keyMetrics = KeySetMetrics { gate.statuses(at: now) }
/// registry.onRender { keyMetrics.collect() }
/// ```
public final class KeySetMetrics: Sendable {
  /// What the label `result` says of an attempt that succeeded.
  public static let success = "success"

  private struct Known {
    var attempts: [KeyFetchProblem?: UInt64] = [:]
    var counters: [KeyFetchProblem?: Counter] = [:]
  }

  private let factory: any MetricsFactory
  private let statuses: @Sendable () -> [KeySetStatus]
  private let known = Mutex<[Issuer: Known]>([:])

  /// - Parameters:
  ///   - factory: the metrics backend; the one of `MetricsSystem` unless given.
  ///   - statuses: reads the present state of every key set; always the same issuers.
  public init(
    factory: (any MetricsFactory)? = nil,
    statuses: @escaping @Sendable () -> [KeySetStatus]
  ) {
    self.factory = factory ?? MetricsSystem.factory
    self.statuses = statuses
    self.collect()
  }

  /// Adds what has happened since the last call.
  public func collect() {
    for status in self.statuses() {
      let labels = [("issuer", status.issuer.text)]
      self.gauge(MetricName.keysUsable, labels).record(status.isUsable ? 1 : 0)
      self.gauge(MetricName.keys, labels).record(status.keyCount)
      if let last = status.lastSuccess {
        self.gauge(MetricName.keysLastSuccess, labels).record(Double(last.seconds))
      }
      self.known.withLock { known in
        var own = known[status.issuer] ?? Known()
        for (problem, total) in status.attempts {
          let before = own.attempts[problem] ?? 0
          guard total > before else { continue }
          let counter =
            own.counters[problem]
            ?? Counter(
              label: MetricName.keyFetches,
              dimensions: labels + [("result", problem?.rawValue ?? Self.success)],
              factory: self.factory
            )
          counter.increment(by: Int64(clamping: total - before))
          own.counters[problem] = counter
          own.attempts[problem] = total
        }
        known[status.issuer] = own
      }
    }
  }

  private func gauge(_ name: String, _ labels: [(String, String)]) -> Gauge {
    Gauge(label: name, dimensions: labels, factory: self.factory)
  }
}
