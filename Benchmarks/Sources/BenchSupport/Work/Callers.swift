// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Callers that do the same at the same time, one call after the other each.
package enum Callers {
  /// - Parameters:
  ///   - callers: how many there are.
  ///   - seconds: how long they go on.
  ///   - call: one call, with the numbers of the caller and of its calls before.
  /// - Returns: how many calls were made.
  package static func run(
    _ callers: Int,
    seconds: Int,
    _ call: @escaping @Sendable (_ caller: Int, _ count: Int) async throws -> Void
  ) async throws -> Int {
    let end = ContinuousClock.now + .seconds(seconds)
    return try await withThrowingTaskGroup(of: Int.self) { group in
      for caller in 0 ..< callers {
        group.addTask {
          var count = 0
          while ContinuousClock.now < end {
            try await call(caller, count)
            count += 1
          }
          return count
        }
      }
      return try await group.reduce(0, +)
    }
  }
}
