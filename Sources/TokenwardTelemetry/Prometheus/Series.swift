// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CoreMetrics
internal import Synchronization

/// What a family of series is in the exposition format.
enum SeriesKind: String {
  case counter
  case gauge
  case histogram
}

/// One labelled time series. Written from any thread without a lock, read when it is rendered.
protocol Series: AnyObject, Sendable {
  /// How many lines it takes in the exposition.
  var lineCount: Int { get }

  /// Appends its lines.
  /// - Parameters:
  ///   - name: the name of its family.
  ///   - labels: `a="x",b="y"`, already escaped; empty without labels.
  ///   - text: the exposition so far.
  func render(name: [UInt8], labels: [UInt8], to text: inout ExpositionText)
}

/// A whole number that only grows. It wraps after 2⁶⁴ instead of trapping; Prometheus reads that as
/// a restart.
final class CounterSeries: Series, CounterHandler {
  private let value = Atomic<UInt64>(0)

  var lineCount: Int { 1 }

  func increment(by amount: Int64) {
    // A counter never goes back: a negative amount is a mistake of the caller.
    guard amount > 0 else { return }
    self.value.wrappingAdd(UInt64(amount), ordering: .relaxed)
  }

  func reset() { self.value.store(0, ordering: .relaxed) }

  func render(name: [UInt8], labels: [UInt8], to text: inout ExpositionText) {
    text.append(name: name, labels: labels, value: self.value.load(ordering: .relaxed))
  }
}

/// A fraction that only grows.
final class FloatingPointCounterSeries: Series, FloatingPointCounterHandler {
  private let value = AtomicDouble()

  var lineCount: Int { 1 }

  func increment(by amount: Double) {
    guard amount > 0, amount.isFinite else { return }
    self.value.add(amount)
  }

  func reset() { self.value.set(0) }

  func render(name: [UInt8], labels: [UInt8], to text: inout ExpositionText) {
    text.append(name: name, labels: labels, value: self.value.current)
  }
}

/// A value that goes up and down.
final class GaugeSeries: Series, MeterHandler, RecorderHandler {
  private let value = AtomicDouble()

  var lineCount: Int { 1 }

  func set(_ value: Int64) { self.value.set(Double(value)) }
  func set(_ value: Double) { self.value.set(value) }
  func record(_ value: Int64) { self.value.set(Double(value)) }
  func record(_ value: Double) { self.value.set(value) }
  func increment(by amount: Double) { self.value.add(amount) }
  func decrement(by amount: Double) { self.value.add(-amount) }

  func render(name: [UInt8], labels: [UInt8], to text: inout ExpositionText) {
    text.append(name: name, labels: labels, value: self.value.current)
  }
}

/// What a caller gets when the registry is full or its metric has no usable name: it counts nothing
/// and costs nothing.
final class DroppedSeries: CounterHandler, FloatingPointCounterHandler, MeterHandler,
  RecorderHandler, TimerHandler
{
  func increment(by amount: Int64) {}
  func increment(by amount: Double) {}
  func decrement(by amount: Double) {}
  func reset() {}
  func set(_ value: Int64) {}
  func set(_ value: Double) {}
  func record(_ value: Int64) {}
  func record(_ value: Double) {}
  func recordNanoseconds(_ duration: Int64) {}
}

/// A `Double` behind an atomic word.
struct AtomicDouble: ~Copyable, Sendable {
  private let bits = Atomic<UInt64>(0)

  var current: Double { Double(bitPattern: self.bits.load(ordering: .relaxed)) }

  borrowing func set(_ value: Double) { self.bits.store(value.bitPattern, ordering: .relaxed) }

  borrowing func add(_ amount: Double) {
    var known = self.bits.load(ordering: .relaxed)
    while true {
      let sum = (Double(bitPattern: known) + amount).bitPattern
      let result = self.bits.weakCompareExchange(
        expected: known,
        desired: sum,
        ordering: .relaxed
      )
      if result.exchanged { return }
      known = result.original
    }
  }
}
