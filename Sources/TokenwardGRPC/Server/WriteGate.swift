// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Lets the parts of a handler through until it is closed, and knows which are still on their way.
///
/// No status of ours is written before those have arrived: a part behind the status breaks the
/// protocol. A part costs two atomic additions.
struct WriteGate: ~Copyable, Sendable {
  /// The lowest bit says that the gate is closed; the rest is twice the number of parts within.
  private let state = Atomic<Int>(0)
  private let waiter = Mutex<CheckedContinuation<Void, Never>?>(nil)

  var isClosed: Bool { self.state.load(ordering: .acquiring) & 1 == 1 }

  /// Lets a part in, which has to ``leave()``.
  /// - Returns: false if the gate is closed; then nothing is to be written and nothing leaves.
  func enter() -> Bool {
    if self.state.wrappingAdd(2, ordering: .acquiringAndReleasing).oldValue & 1 == 0 { return true }
    self.leave()
    return false
  }

  func leave() {
    guard self.state.wrappingSubtract(2, ordering: .acquiringAndReleasing).newValue == 1 else {
      return
    }
    self.resume()
  }

  /// - Returns: whether parts are on their way.
  func close() -> Bool {
    self.state.bitwiseOr(1, ordering: .acquiringAndReleasing).oldValue > 1
  }

  /// Waits until no part is on its way, or the task is cancelled. After ``close()``.
  func whenDrained() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mustWait = self.waiter.withLock { waiter in
          guard self.state.load(ordering: .acquiring) > 1, !Task.isCancelled else { return false }
          waiter = continuation
          return true
        }
        if !mustWait { continuation.resume() }
      }
    } onCancel: {
      self.resume()
    }
  }

  private func resume() {
    let waiter = self.waiter.withLock { waiter in
      defer { waiter = nil }
      return waiter
    }
    waiter?.resume()
  }
}
