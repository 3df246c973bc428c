// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import CoreMetrics

/// Counts guarded streams. Call ``opened()`` and, exactly once for each stream, ``ended(_:)``.
public final class StreamMetrics: Sendable {
  /// Why a stream ended. The raw value is a metric label.
  public enum End: String, Sendable, Hashable, CaseIterable {
    /// Both sides were done.
    case completed
    /// The client went away or cancelled.
    case cancelled
    /// The token expired while the stream was open.
    case tokenExpired
    /// The token was revoked while the stream was open.
    case tokenRevoked
    /// A change of policy took the right away.
    case policyChanged
    /// The handler or the connection failed.
    case failed
  }

  private let open: Meter
  private let ended: [(end: End, counter: Counter)]

  /// - Parameter factory: the metrics backend; the one of `MetricsSystem` unless given.
  public init(factory: (any MetricsFactory)? = nil) {
    let factory = factory ?? MetricsSystem.factory
    self.open = Meter(label: MetricName.streamsOpen, factory: factory)
    self.ended = End.allCases.map { end in
      let counter = Counter(
        label: MetricName.streamsEnded,
        dimensions: [("reason", end.rawValue)],
        factory: factory
      )
      return (end, counter)
    }
  }

  /// A stream has begun.
  public func opened() { self.open.increment() }

  /// A stream is over.
  public func ended(_ end: End) {
    self.open.decrement()
    for element in self.ended where element.end == end { element.counter.increment() }
  }
}
