// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import CoreMetrics
public import TokenwardCore

/// Counts the calls that a front door has let in: how many are open, and why they ended.
public final class StreamMetrics: StreamObserver {
  private let open: Meter
  private let ended: [(end: StreamEnd, counter: Counter)]

  /// - Parameter factory: the metrics backend; the one of `MetricsSystem` unless given.
  public init(factory: (any MetricsFactory)? = nil) {
    let factory = factory ?? MetricsSystem.factory
    self.open = Meter(label: MetricName.streamsOpen, factory: factory)
    self.ended = StreamEnd.allCases.map { end in
      let counter = Counter(
        label: MetricName.streamsEnded,
        dimensions: [("reason", end.rawValue)],
        factory: factory
      )
      return (end, counter)
    }
  }

  /// Counts a call that begins.
  public func streamOpened() { self.open.increment() }

  /// Counts a call that ends.
  public func streamEnded(_ end: StreamEnd) {
    self.open.decrement()
    for element in self.ended where element.end == end { element.counter.increment() }
  }
}
