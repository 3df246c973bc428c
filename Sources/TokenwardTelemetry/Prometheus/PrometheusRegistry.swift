// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import CoreMetrics
internal import Synchronization

/// A backend of swift-metrics that renders the Prometheus text exposition format (version 0.0.4).
///
/// ```swift
/// let registry = PrometheusRegistry()
/// MetricsSystem.bootstrap(registry)
/// …
/// let page = registry.render()
/// ```
///
/// Whoever keeps a `Counter` or `Timer` keeps its series: recording is an atomic addition, without a
/// lock and without a look-up. Making one takes a lock; do it once, not for each request.
///
/// The number of lines is bounded. Beyond the bound new series are dropped and counted in
/// `tokenward_metrics_dropped_total`; the ones that exist go on (CWE-770).
public final class PrometheusRegistry: MetricsFactory {
  /// The content type of ``render()``.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"
  /// Default of `maximumSeries`: room for the decisions of four doors and 256 issuers, which are
  /// 17,528, and the rest.
  public static let defaultMaximumSeries = 20_000

  private struct Family {
    let kind: SeriesKind
    var members: [[UInt8]: any Series] = [:]
  }

  private struct State {
    var families: [[UInt8]: Family] = [:]
    var lineCount = 0
    var helps: [[UInt8]: String] = [:]
    var collectors: [@Sendable () -> Void] = []
  }

  private let maximumSeries: Int
  private let state: Mutex<State>
  private let dropped = CounterSeries()

  /// - Parameter maximumSeries: most samples of one page. A histogram counts once for each bucket.
  public init(maximumSeries: Int = PrometheusRegistry.defaultMaximumSeries) {
    self.maximumSeries = maximumSeries
    var state = State()
    for (name, help) in MetricName.helps { state.helps[Array(name.utf8)] = help }
    let name = Array(MetricName.metricsDropped.utf8)
    state.families[name] = Family(kind: .counter, members: [[]: self.dropped])
    state.lineCount = 1
    self.state = Mutex(state)
  }

  /// Sets the `HELP` text of a metric.
  /// - Parameters:
  ///   - name: the metric's name as it is rendered.
  ///   - help: one sentence.
  public func describe(_ name: String, _ help: String) {
    self.state.withLock { $0.helps[ExpositionText.name(name, allowsColon: true)] = help }
  }

  /// Calls a function before each page, to bring metrics up to date that are kept elsewhere.
  /// It must not block.
  public func onRender(_ collect: @escaping @Sendable () -> Void) {
    self.state.withLock { $0.collectors.append(collect) }
  }

  /// The page: families ordered by name, series ordered by labels.
  public func render() -> [UInt8] {
    for collect in self.state.withLock({ $0.collectors }) { collect() }
    let (families, helps) = self.state.withLock { ($0.families, $0.helps) }
    var text = ExpositionText()
    for (name, family) in families.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) })
    where !family.members.isEmpty {
      text.appendHeader(
        name: name,
        kind: family.kind,
        help: helps[name] ?? "A metric without a description."
      )
      let members = family.members.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      for (labels, series) in members { series.render(name: name, labels: labels, to: &text) }
    }
    return text.bytes
  }

  /// The counter of a name and labels; its name ends in `_total`.
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    self.series(label, "_total", dimensions, .counter, CounterSeries.init) ?? DroppedSeries()
  }

  /// The counter of a name and labels; its name ends in `_total`.
  public func makeFloatingPointCounter(
    label: String,
    dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    self.series(label, "_total", dimensions, .counter, FloatingPointCounterSeries.init)
      ?? DroppedSeries()
  }

  /// The gauge of a name and labels.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    self.series(label, "", dimensions, .gauge, GaugeSeries.init) ?? DroppedSeries()
  }

  /// A histogram by powers of ten, or a gauge where values are not to be aggregated.
  public func makeRecorder(
    label: String,
    dimensions: [(String, String)],
    aggregate: Bool
  ) -> any RecorderHandler {
    if aggregate {
      self.series(label, "", dimensions, .histogram, ValueHistogram.init) ?? DroppedSeries()
    } else {
      self.series(label, "", dimensions, .gauge, GaugeSeries.init) ?? DroppedSeries()
    }
  }

  /// Timers are rendered in seconds, the base unit of Prometheus.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    self.series(label, "_seconds", dimensions, .histogram, DurationHistogram.init)
      ?? DroppedSeries()
  }

  /// Takes the series out of the page; whoever still holds it records into nothing.
  public func destroyCounter(_ handler: any CounterHandler) { self.remove(handler) }

  /// Takes the series out of the page; whoever still holds it records into nothing.
  public func destroyMeter(_ handler: any MeterHandler) { self.remove(handler) }

  /// Takes the series out of the page; whoever still holds it records into nothing.
  public func destroyRecorder(_ handler: any RecorderHandler) { self.remove(handler) }

  /// Takes the series out of the page; whoever still holds it records into nothing.
  public func destroyTimer(_ handler: any TimerHandler) { self.remove(handler) }

  /// Takes the series out of the page; whoever still holds it records into nothing.
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
    self.remove(handler)
  }
}

extension PrometheusRegistry {
  /// The series of a name and labels, made if there is none. Nil, and counted, if there is no room,
  /// the labels are ambiguous, or the name belongs to metrics of another kind.
  private func series<Made: Series>(
    _ label: String,
    _ suffix: String,
    _ dimensions: [(String, String)],
    _ kind: SeriesKind,
    _ make: () -> Made
  ) -> Made? {
    let name = Self.name(label, suffix: suffix)
    let labels = ExpositionText.labels(dimensions)
    let series = self.state.withLock { state -> Made? in
      guard let labels, !name.isEmpty else { return nil }
      // `le` is the label by which buckets are told apart.
      if kind == .histogram, dimensions.contains(where: { $0.0.utf8.elementsEqual("le".utf8) }) {
        return nil
      }
      if let family = state.families[name] {
        guard family.kind == kind else { return nil }
        if let known = family.members[labels] { return known as? Made }
      }
      let made = make()
      guard state.lineCount + made.lineCount <= self.maximumSeries else { return nil }
      state.lineCount += made.lineCount
      state.families[name, default: Family(kind: kind)].members[labels] = made
      return made
    }
    if series == nil { self.dropped.increment(by: 1) }
    return series
  }

  private func remove(_ handler: AnyObject) {
    guard let removed = handler as? any Series else { return }
    self.state.withLock { state in
      for (name, family) in state.families {
        guard let member = family.members.first(where: { $0.value === removed }) else { continue }
        state.families[name]?.members[member.key] = nil
        state.lineCount -= removed.lineCount
        return
      }
    }
  }

  /// The rendered name: counters end in `_total`, durations in `_seconds`.
  private static func name(_ label: String, suffix: String) -> [UInt8] {
    let name = ExpositionText.name(label, allowsColon: true)
    guard !name.isEmpty, !name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) else {
      return name
    }
    return name + Array(suffix.utf8)
  }
}
