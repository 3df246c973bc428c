// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// How much later than asked for a task wakes up on this machine at the moment: what a deadline that
/// is measured in real time cannot be blamed for. Next to nothing unless others use the processors.
struct Lateness {
  private let ruler: Task<Duration, Never>

  /// - Parameter instant: when to wake up.
  init(at instant: ContinuousClock.Instant) {
    self.ruler = Task.detached {
      try? await Task.sleep(until: instant, tolerance: .zero, clock: .continuous)
      return ContinuousClock.now - instant
    }
  }

  var value: Duration { get async { await self.ruler.value } }
}
