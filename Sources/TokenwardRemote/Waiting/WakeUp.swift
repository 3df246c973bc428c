// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Lets time pass. A protocol, so that tests do not have to wait for it.
package protocol Sleeping: Sendable {
  /// Returns after the duration; throws `CancellationError` if the task is cancelled before.
  func sleep(for duration: Duration) async throws
}

/// Real time, which goes on while the machine sleeps.
package struct RealSleep: Sleeping {
  package init() {}

  package func sleep(for duration: Duration) async throws {
    try await Task.sleep(for: duration, tolerance: .zero, clock: .continuous)
  }
}

/// One task waits here, until it is woken or its time has come. A wake-up that comes before it waits
/// is not lost.
package final class WakeUp: Sendable {
  private struct State {
    var isSignalled = false
    var waiting: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  package init() {}

  /// Wakes the task, or keeps the next wait from waiting.
  package func signal() {
    let waiting = self.state.withLock { state in
      guard let waiting = state.waiting else {
        state.isSignalled = true
        return nil as CheckedContinuation<Void, Never>?
      }
      state.waiting = nil
      return waiting
    }
    waiting?.resume()
  }

  /// Returns after the duration, when it is woken, or when the task is cancelled.
  package func wait(for duration: Duration, sleeping: any Sleeping) async {
    let timer = Task { [weak self] in
      do {
        try await sleeping.sleep(for: duration)
      } catch {
        return  // Woken before.
      }
      self?.signal()
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isSignalled = self.state.withLock { state in
          if state.isSignalled {
            state.isSignalled = false
            return true
          }
          state.waiting = continuation
          return false
        }
        if isSignalled { continuation.resume() }
      }
    } onCancel: {
      self.signal()
    }
    timer.cancel()
  }
}
