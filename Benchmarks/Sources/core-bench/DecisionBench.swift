// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import TokenwardCore

/// The decision about a call whose token is in the cache, with policy, revocation and the metrics
/// observer, and what the size of the policy does to it.
struct DecisionBench {
  let rounds: Rounds

  private static let iterations = 20_000
  /// Guards of each size. Where tables lie in memory and which entries collide is decided when a
  /// guard is made, and moves one guard's time by a tenth against the next: one is no sample.
  private static let guards = 10

  func run(_ report: inout Report) async throws {
    try AllocationCounter.check()
    let revocation = BenchGuard.revocation()
    let few = try Self.subjects(ruleCount: 20, revocation)
    let many = try Self.subjects(ruleCount: 10_000, revocation)

    let values = try await self.rounds.measure([
      { try few[$0 % Self.guards].nanoseconds(per: Self.iterations) },
      { try many[$0 % Self.guards].nanoseconds(per: Self.iterations) },
    ])
    let counts = try few.map { subject in
      try allocations(per: 1_000) { try subject.decide() }
    }
    for subject in few + many { try subject.proveCached() }

    report.begin("Decision with a cached token, CPU time")
    report.show(Figure("decision, 20 rules", unit: "ns", Spread(values[0]), asked: 1_000))
    report.show(Figure("allocations, 20 rules", unit: "allocations", Spread(counts), asked: 2))
    report.show(Figure("decision, 10,000 rules", unit: "ns", Spread(values[1])))
    report.show(
      Figure(
        "decision, 10,000 rules / 20 rules",
        unit: "ratio",
        Spread(values[1], over: values[0]),
        asked: 1.1
      )
    )
  }

  private static func subjects(
    ruleCount: Int,
    _ revocation: RevocationSet
  ) throws -> [DecisionSubject] {
    try (0 ..< Self.guards).map { index in
      let subject = try DecisionSubject(
        ruleCount: ruleCount,
        called: index * ruleCount / Self.guards,
        revocation
      )
      try subject.prove()
      return subject
    }
  }
}
