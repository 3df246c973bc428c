// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Lets time pass. A protocol so that tests need none.
package protocol Waiting: Sendable {
  /// Comes back after this time, or earlier if the task is cancelled.
  func wait(for duration: Duration) async
}

/// Waits by the clock of the operating system.
package struct SystemWaiting: Waiting {
  package init() {}

  package func wait(for duration: Duration) async { try? await Task.sleep(for: duration) }
}

/// How long to leave OpenBao alone after a failure: one second at first, twice as long each time, one
/// minute at most. Between half and all of it is waited, so that a fleet does not come back in step.
struct Backoff: Sendable {
  static let longest: Int64 = 60_000

  private var milliseconds: Int64 = 1_000

  /// - Parameter jitter: from 0 to 1, chosen at random.
  mutating func next(_ jitter: Double) -> Duration {
    let half = self.milliseconds / 2
    self.milliseconds = min(self.milliseconds * 2, Self.longest)
    // A comparison with what is no number is false.
    let share = jitter > 0 && jitter < 1 ? jitter : 0
    return .milliseconds(half + Int64(Double(half) * share))
  }
}
