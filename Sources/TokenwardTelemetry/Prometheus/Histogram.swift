// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
internal import Synchronization

/// Durations in fixed buckets, from a microsecond (a cached decision) to ten seconds.
///
/// Two atomic additions for each record; the count is the sum of the buckets, so `_count` and the
/// `+Inf` bucket cannot differ.
final class DurationHistogram: Series, TimerHandler {
  /// Upper bounds in nanoseconds; what is longer falls into `+Inf`.
  static let bounds: InlineArray<18, Int64> = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 50_000_000, 100_000_000, 500_000_000,
    1_000_000_000, 10_000_000_000,
  ]

  private let buckets = InlineArray<19, Atomic<UInt64>> { _ in Atomic(0) }
  private let sum = Atomic<UInt64>(0)

  var lineCount: Int { Self.bounds.count + 3 }

  func recordNanoseconds(_ duration: Int64) {
    let duration = max(0, duration)
    var index = 0
    while index < Self.bounds.count, duration > Self.bounds[index] { index += 1 }
    self.buckets[index].wrappingAdd(1, ordering: .relaxed)
    self.sum.wrappingAdd(UInt64(duration), ordering: .relaxed)
  }

  func render(name: [UInt8], labels: [UInt8], to text: inout ExpositionText) {
    let sum = Double(self.sum.load(ordering: .relaxed)) / 1e9
    text.appendHistogram(
      name: name,
      labels: labels,
      bounds: Self.bounds.indices.map { Double(Self.bounds[$0]) / 1e9 },
      counts: self.buckets.indices.map { self.buckets[$0].load(ordering: .relaxed) },
      sum: sum
    )
  }
}

/// Values of an unknown unit in buckets by powers of ten.
final class ValueHistogram: Series, RecorderHandler {
  static let bounds: InlineArray<13, Double> = [
    0.001, 0.01, 0.1, 1, 10, 100, 1_000, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
  ]

  private let buckets = InlineArray<14, Atomic<UInt64>> { _ in Atomic(0) }
  private let sum = AtomicDouble()

  var lineCount: Int { Self.bounds.count + 3 }

  func record(_ value: Int64) { self.record(Double(value)) }

  func record(_ value: Double) {
    guard !value.isNaN else { return }
    var index = 0
    while index < Self.bounds.count, value > Self.bounds[index] { index += 1 }
    self.buckets[index].wrappingAdd(1, ordering: .relaxed)
    self.sum.add(value)
  }

  func render(name: [UInt8], labels: [UInt8], to text: inout ExpositionText) {
    text.appendHistogram(
      name: name,
      labels: labels,
      bounds: Self.bounds.indices.map { Self.bounds[$0] },
      counts: self.buckets.indices.map { self.buckets[$0].load(ordering: .relaxed) },
      sum: self.sum.current
    )
  }
}
