// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Measures subjects in turn, round after round, so that whatever else happens on the machine
/// happens to all of them.
package struct Rounds: Sendable {
  /// How many count.
  package let count: Int
  /// How often each subject has its turn within one round. Its value is the mean of them.
  package let turns: Int

  package init(_ count: Int, turns: Int = 1) {
    self.count = count
    self.turns = turns
  }

  /// - Parameter subjects: each measures itself once, and is told the number of the round.
  /// - Returns: for each subject its values in the order of the rounds.
  package func measure(_ subjects: [(Int) async throws -> Double]) async throws -> [[Double]] {
    // The first time fills caches and does not count.
    for subject in subjects { _ = try await subject(0) }
    var values = subjects.map { _ in [Double]() }
    for round in 0 ..< self.count {
      var sums = subjects.map { _ in 0.0 }
      for turn in 0 ..< self.turns {
        for step in subjects.indices {
          // Another one begins each time: none always runs after the same neighbour's leftovers.
          let index = (round + turn + step) % subjects.count
          sums[index] += try await subjects[index](round)
        }
      }
      for index in subjects.indices { values[index].append(sums[index] / Double(self.turns)) }
    }
    return values
  }
}
