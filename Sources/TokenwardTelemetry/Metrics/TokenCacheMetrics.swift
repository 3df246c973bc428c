// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import CoreMetrics
internal import Synchronization
public import TokenwardCore

/// Brings a verifier's cache statistics into metrics.
///
/// The verifier counts by itself, so that the path of a request does not pay for it twice.
/// ``collect()`` adds what has happened since the last call; run it before each scrape:
///
/// ```swift
/// let cacheMetrics = TokenCacheMetrics { verifier.cacheStatistics }
/// registry.onRender { cacheMetrics.collect() }
/// ```
public final class TokenCacheMetrics: Sendable {
  private let statistics: @Sendable () -> TokenCacheStatistics
  private let hits: Counter
  private let misses: Counter
  private let refusals: Counter
  private let known = Mutex(Known())

  private struct Known {
    var hits: UInt64 = 0
    var misses: UInt64 = 0
    var refusals: UInt64 = 0
  }

  /// - Parameters:
  ///   - factory: the metrics backend; the one of `MetricsSystem` unless given.
  ///   - statistics: reads the verifier's counts.
  public init(
    factory: (any MetricsFactory)? = nil,
    statistics: @escaping @Sendable () -> TokenCacheStatistics
  ) {
    let factory = factory ?? MetricsSystem.factory
    func counter(_ result: String) -> Counter {
      Counter(label: MetricName.tokenCache, dimensions: [("result", result)], factory: factory)
    }
    self.statistics = statistics
    self.hits = counter("hit")
    self.misses = counter("miss")
    self.refusals = counter("refused")
  }

  /// Adds what has happened since the last call. Any thread may call it.
  public func collect() {
    self.known.withLock { known in
      let now = self.statistics()
      Self.advance(&known.hits, to: now.hits, self.hits)
      Self.advance(&known.misses, to: now.misses, self.misses)
      Self.advance(&known.refusals, to: now.refusals, self.refusals)
    }
  }

  private static func advance(_ known: inout UInt64, to now: UInt64, _ counter: Counter) {
    guard now > known else { return }
    counter.increment(by: Int64(clamping: now - known))
    known = now
  }
}
