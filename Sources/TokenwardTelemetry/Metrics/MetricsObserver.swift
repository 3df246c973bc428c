// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import CoreMetrics
public import TokenwardCore

/// Counts decisions by door, outcome, reason and issuer, and measures how long they took.
///
/// Every label comes from a closed list or from the configuration, and every combination is made
/// here, once. A stranger who sends a hundred thousand issuers, subjects or methods adds no series
/// (CWE-770), and observing a decision takes neither a lock nor memory.
public final class MetricsObserver: DecisionObserver {
  private let doors: [DoorCounters]
  private let seconds: Timer
  private let buildInfo: Gauge

  /// - Parameters:
  ///   - issuers: the configured issuers; every other one is counted as `none`.
  ///   - doors: the front doors of this process. Decisions of other doors are counted too, without
  ///     telling issuers apart.
  ///   - factory: the metrics backend; the one of `MetricsSystem` unless given.
  public init(
    issuers: [Issuer],
    doors: [Door] = Door.allCases,
    factory: (any MetricsFactory)? = nil
  ) {
    let factory = factory ?? MetricsSystem.factory
    // First what there is one of: a backend with a bound on series drops what comes last.
    self.seconds = Timer(label: MetricName.decisionSeconds, factory: factory)
    self.buildInfo = Gauge(
      label: MetricName.buildInfo,
      dimensions: [("version", TokenwardVersion.current)],
      factory: factory
    )
    self.buildInfo.record(1)
    self.doors = Door.allCases.map { door in
      DoorCounters(door, issuers: doors.contains(door) ? issuers : [], factory: factory)
    }
  }

  /// Counts one decision and its duration. Neither blocks nor allocates.
  public func observe(_ record: DecisionRecord) {
    self.doors[record.door.ordinal].counter(of: record.decision)?.increment()
    self.seconds.recordNanoseconds(record.duration.clampedNanoseconds)
  }
}

/// The version of this package.
public enum TokenwardVersion {
  /// `major.minor.patch`.
  public static let current = "0.1.0"
}

/// The counters of one door.
// A class, so that observing a decision copies none of it.
private final class DoorCounters: Sendable {
  private let issuers: IssuerIndex
  private let allowed: [Counter]
  private let denied: [[Counter]]

  init(_ door: Door, issuers: [Issuer], factory: any MetricsFactory) {
    let index = IssuerIndex(issuers)
    func counter(_ outcome: String, _ reason: String, _ issuer: String) -> Counter {
      Counter(
        label: MetricName.decisions,
        dimensions: [
          ("door", door.rawValue), ("outcome", outcome), ("reason", reason), ("issuer", issuer),
        ],
        factory: factory
      )
    }
    self.issuers = index
    self.allowed = index.labels.map { counter("allowed", MetricName.none, $0) }
    self.denied = DenialReason.allCases.map { reason in
      // Before a signature is good nobody knows the issuer, so only `none` can occur.
      let labels = reason.mayNameIssuer ? index.labels : [MetricName.none]
      return labels.map { counter("denied", reason.rawValue, $0) }
    }
  }

  func counter(of decision: Decision) -> Counter? {
    switch decision {
    case .allow(let grant):
      return self.allowed[self.issuers.ordinal(of: grant.principal?.issuer)]
    case .deny(let denial):
      let counters = self.denied[denial.reason.ordinal]
      let ordinal = self.issuers.ordinal(of: denial.issuer)
      return ordinal < counters.count ? counters[ordinal] : counters.first
    }
  }
}

/// The configured issuers by position; position 0 is `none`.
private struct IssuerIndex: Sendable {
  let labels: [String]
  private let few: [Issuer]
  private let many: [Issuer: Int]

  init(_ issuers: [Issuer]) {
    var seen: Set<Issuer> = []
    let issuers = issuers.filter { seen.insert($0).inserted }
    self.labels = [MetricName.none] + issuers.map(\.text)
    // A handful of comparisons costs less than one hash.
    let isFew = issuers.count <= 4
    self.few = isFew ? issuers : []
    self.many =
      isFew
      ? [:] : Dictionary(uniqueKeysWithValues: zip(issuers, 1...))
  }

  func ordinal(of issuer: Issuer?) -> Int {
    guard let issuer else { return 0 }
    for index in self.few.indices where self.few[index] == issuer { return index + 1 }
    return self.many.isEmpty ? 0 : self.many[issuer] ?? 0
  }
}
