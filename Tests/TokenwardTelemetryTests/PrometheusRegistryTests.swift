// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import CoreMetrics
import Testing
import TokenwardTelemetry

@Suite("The Prometheus registry")
struct PrometheusRegistryTests {
  @Test("renders every kind of metric in the text exposition format")
  func golden() {
    let registry = PrometheusRegistry()
    registry.describe("orders_total", "Orders, with a \\ and a\nline feed.")
    Counter(label: "orders_total", dimensions: [("state", "open")], factory: registry)
      .increment(by: 3)
    Counter(label: "orders_total", dimensions: [("state", "done")], factory: registry).increment()
    FloatingPointCounter(label: "watt_hours", factory: registry).increment(by: 0.25)
    let meter = Meter(label: "queue_length", factory: registry)
    meter.increment(by: 5)
    meter.decrement(by: 2)
    Gauge(label: "temperature_celsius", factory: registry).record(-1.5)
    let timer = Timer(label: "wait", dimensions: [("kind", "x")], factory: registry)
    timer.recordNanoseconds(1_000)
    timer.recordNanoseconds(1_001)
    timer.recordNanoseconds(20_000_000_000)
    Recorder(label: "sizes", factory: registry).record(12)

    #expect(
      Self.page(registry) == """
        # HELP orders_total Orders, with a \\\\ and a\\nline feed.
        # TYPE orders_total counter
        orders_total{state="done"} 1
        orders_total{state="open"} 3
        # HELP queue_length A metric without a description.
        # TYPE queue_length gauge
        queue_length 3
        # HELP sizes A metric without a description.
        # TYPE sizes histogram
        sizes_bucket{le="0.001"} 0
        sizes_bucket{le="0.01"} 0
        sizes_bucket{le="0.1"} 0
        sizes_bucket{le="1"} 0
        sizes_bucket{le="10"} 0
        sizes_bucket{le="100"} 1
        sizes_bucket{le="1000"} 1
        sizes_bucket{le="10000"} 1
        sizes_bucket{le="100000"} 1
        sizes_bucket{le="1000000"} 1
        sizes_bucket{le="10000000"} 1
        sizes_bucket{le="100000000"} 1
        sizes_bucket{le="1000000000"} 1
        sizes_bucket{le="+Inf"} 1
        sizes_sum 12
        sizes_count 1
        # HELP temperature_celsius A metric without a description.
        # TYPE temperature_celsius gauge
        temperature_celsius -1.5
        # HELP tokenward_metrics_dropped_total Metrics that were not registered for want of room or \
        of a usable name.
        # TYPE tokenward_metrics_dropped_total counter
        tokenward_metrics_dropped_total 0
        # HELP wait_seconds A metric without a description.
        # TYPE wait_seconds histogram
        wait_seconds_bucket{kind="x",le="1e-06"} 1
        wait_seconds_bucket{kind="x",le="2.5e-06"} 2
        wait_seconds_bucket{kind="x",le="5e-06"} 2
        wait_seconds_bucket{kind="x",le="1e-05"} 2
        wait_seconds_bucket{kind="x",le="2.5e-05"} 2
        wait_seconds_bucket{kind="x",le="5e-05"} 2
        wait_seconds_bucket{kind="x",le="0.0001"} 2
        wait_seconds_bucket{kind="x",le="0.00025"} 2
        wait_seconds_bucket{kind="x",le="0.0005"} 2
        wait_seconds_bucket{kind="x",le="0.001"} 2
        wait_seconds_bucket{kind="x",le="0.0025"} 2
        wait_seconds_bucket{kind="x",le="0.005"} 2
        wait_seconds_bucket{kind="x",le="0.01"} 2
        wait_seconds_bucket{kind="x",le="0.05"} 2
        wait_seconds_bucket{kind="x",le="0.1"} 2
        wait_seconds_bucket{kind="x",le="0.5"} 2
        wait_seconds_bucket{kind="x",le="1"} 2
        wait_seconds_bucket{kind="x",le="10"} 2
        wait_seconds_bucket{kind="x",le="+Inf"} 3
        wait_seconds_sum{kind="x"} 20.000002001
        wait_seconds_count{kind="x"} 3
        # HELP watt_hours_total A metric without a description.
        # TYPE watt_hours_total counter
        watt_hours_total 0.25

        """
    )
  }

  @Test("escapes label values, so that none of them starts a sample of its own")
  func escaping() {
    let registry = PrometheusRegistry()
    let hostile = "a\"} 1\nforged_total{x=\"\\"
    Counter(label: "c", dimensions: [("v", hostile)], factory: registry).increment()
    let page = Self.page(registry)
    #expect(page.contains(#"c_total{v="a\"} 1\nforged_total{x=\"\\"} 1"# + "\n"))
    #expect(!page.split(separator: "\n").contains { $0.hasPrefix("forged_total") })
  }

  @Test("cuts label values at 256 bytes without breaking a character")
  func longLabels() {
    let registry = PrometheusRegistry()
    let value = String(repeating: "é", count: 200)
    Counter(label: "c", dimensions: [("v", value)], factory: registry).increment()
    #expect(Self.page(registry).contains("c_total{v=\"\(String(repeating: "é", count: 128))\"} 1"))
  }

  @Test("gives the same series for the same labels in any order, and others for look-alikes")
  func identity() {
    let registry = PrometheusRegistry()
    func counter(_ dimensions: [(String, String)]) -> Counter {
      Counter(label: "c_total", dimensions: dimensions, factory: registry)
    }
    counter([("a", "1"), ("b", "2")]).increment()
    counter([("b", "2"), ("a", "1")]).increment()
    counter([("a", "K"), ("b", "2")]).increment()
    counter([("a", "\u{212A}"), ("b", "2")]).increment()
    let page = Self.page(registry)
    #expect(page.contains("c_total{a=\"1\",b=\"2\"} 2\n"))
    #expect(page.contains("c_total{a=\"K\",b=\"2\"} 1\n"))
    #expect(page.utf8.count(where: { $0 == UInt8(ascii: "{") }) == 3)
  }

  @Test(
    "makes usable names of unusable ones",
    arguments: [
      ("http.requests-total", "http_requests_total"), ("9lives_total", "_9lives_total"),
      ("a:b_total", "a:b_total"), ("\u{212A}_total", "____total"),
    ]
  )
  func names(label: String, name: String) {
    let registry = PrometheusRegistry()
    Counter(label: label, factory: registry).increment()
    #expect(Self.page(registry).contains("\n\(name) 1\n"))
  }

  @Test(
    "drops and counts what is ambiguous",
    arguments: [
      (label: "x", labels: [("a", "1"), ("a", "2")]),
      (label: "x", labels: [("a.b", "1"), ("a-b", "2")]),
      (label: "", labels: []),
      (label: "taken", labels: []),
    ]
  )
  func ambiguous(label: String, labels: [(String, String)]) {
    let registry = PrometheusRegistry()
    let before = Self.page(registry)
    #expect(before.contains("tokenward_metrics_dropped_total 0"))
    Meter(label: "taken_total", factory: registry).set(1)
    Counter(label: label, dimensions: labels, factory: registry).increment()
    let page = Self.page(registry)
    #expect(page.contains("tokenward_metrics_dropped_total 1"))
    #expect(!page.contains("\nx_total"))
    #expect(page.contains("\ntaken_total 1\n"))
  }

  @Test("refuses a histogram whose labels say `le`, and takes its twin")
  func bucketLabel() {
    let registry = PrometheusRegistry()
    Timer(label: "t", dimensions: [("le", "1")], factory: registry).recordNanoseconds(1)
    #expect(!Self.page(registry).contains("t_seconds"))
    Timer(label: "t", dimensions: [("lf", "1")], factory: registry).recordNanoseconds(1)
    #expect(Self.page(registry).contains("t_seconds_count{lf=\"1\"} 1\n"))
  }

  @Test("holds no more samples than its bound; the ones that exist go on counting")
  func bound() {
    let registry = PrometheusRegistry(maximumSeries: 100)
    let first = Counter(label: "c", dimensions: [("n", "first")], factory: registry)
    for index in 0 ..< 10_000 {
      Counter(label: "c", dimensions: [("n", "\(index)")], factory: registry).increment()
    }
    Timer(label: "t", factory: registry).recordNanoseconds(1)
    first.increment()
    let samples = Self.page(registry).split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(samples.count == 100)
    #expect(samples.contains("c_total{n=\"first\"} 1"))
    #expect(samples.contains("tokenward_metrics_dropped_total 9903"))
  }

  @Test("counts a histogram by its samples and gives the room back when it is destroyed")
  func histogramRoom() {
    let registry = PrometheusRegistry(maximumSeries: 30)
    let first = Timer(label: "a", factory: registry)
    Timer(label: "b", factory: registry).recordNanoseconds(1)
    #expect(!Self.page(registry).contains("b_seconds"))
    first.destroy()
    #expect(!Self.page(registry).contains("a_seconds"))
    Timer(label: "b", factory: registry).recordNanoseconds(1)
    #expect(Self.page(registry).contains("b_seconds_count 1\n"))
  }

  @Test("ignores amounts that would let a counter go back or become no number")
  func impossibleAmounts() {
    let registry = PrometheusRegistry()
    let counter = Counter(label: "c", factory: registry)
    counter.increment(by: 2)
    counter.increment(by: -1)
    let fraction = FloatingPointCounter(label: "f", factory: registry)
    fraction.increment(by: 0.5)
    for amount in [-1, Double.nan, .infinity] { fraction.increment(by: amount) }
    let timer = Timer(label: "t", factory: registry)
    timer.recordNanoseconds(-5)
    timer.recordNanoseconds(Int64.max)
    let page = Self.page(registry)
    #expect(page.contains("\nc_total 2\n"))
    #expect(page.contains("\nf_total 0.5\n"))
    #expect(page.contains("\nt_seconds_count 2\n"))
  }

  @Test("loses no increment of eight tasks, while pages are rendered")
  func concurrency() async {
    let registry = PrometheusRegistry()
    await withTaskGroup(of: Void.self) { group in
      for task in 0 ..< 8 {
        group.addTask {
          let counter = Counter(label: "c", factory: registry)
          let timer = Timer(label: "t", factory: registry)
          let fraction = FloatingPointCounter(label: "f", factory: registry)
          for index in 0 ..< 20_000 {
            counter.increment()
            timer.recordNanoseconds(Int64(index))
            fraction.increment(by: 0.5)
            if index % 5_000 == task { _ = registry.render() }
          }
        }
      }
    }
    let page = Self.page(registry)
    #expect(page.contains("\nc_total 160000\n"))
    #expect(page.contains("\nt_seconds_count 160000\n"))
    #expect(page.contains("\nf_total 80000\n"))
  }

  static func page(_ registry: PrometheusRegistry) -> String {
    String(decoding: registry.render(), as: UTF8.self)
  }
}
