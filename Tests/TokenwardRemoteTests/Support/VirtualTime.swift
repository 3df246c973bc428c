// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import TokenwardCore
import TokenwardRemote
import TokenwardTestKit

/// Clocks and sleep that only move when a test says so.
final class VirtualTime: TimeSource, Sleeping {
  let clock = ManualClock()

  private struct Sleeper {
    var due: Duration
    var continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var sleepers: [Int: Sleeper] = [:]
    var next = 0
  }

  private let state = Mutex(State())

  func now() -> Moment? { self.clock.now() }

  var moment: Moment { self.clock.moment }

  var sleeperCount: Int { self.state.withLock { $0.sleepers.count } }

  func sleep(for duration: Duration) async throws {
    let place = self.state.withLock { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = self.state.withLock { state in
          if Task.isCancelled { return true }
          let due = self.clock.moment.monotonic + duration
          state.sleepers[place] = Sleeper(due: due, continuation: continuation)
          return false
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      let sleeper = self.state.withLock { $0.sleepers.removeValue(forKey: place) }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Moves both clocks and wakes whoever has slept long enough.
  func advance(by seconds: Int64) {
    self.clock.advance(by: seconds)
    self.wake()
  }

  /// Wakes whoever has slept long enough by the clock of now.
  func wake() {
    let now = self.clock.moment.monotonic
    let due = self.state.withLock { state in
      let due = state.sleepers.filter { $0.value.due <= now }
      for place in due.keys { state.sleepers[place] = nil }
      return due.values.map(\.continuation)
    }
    for continuation in due { continuation.resume() }
  }
}

/// Lets other tasks run until something is true. False if it does not become true.
@discardableResult
func eventually(_ condition: () -> Bool) async -> Bool {
  let end = ContinuousClock.now + .seconds(60)
  while ContinuousClock.now < end {
    if condition() { return true }
    await Task.yield()
    try? await Task.sleep(for: .milliseconds(1))
  }
  return condition()
}
