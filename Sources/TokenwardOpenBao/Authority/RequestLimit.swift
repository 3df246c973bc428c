// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Lets so many requests be under way at once and so many wait for their turn; the rest is refused, so
/// that a vault that answers slowly does not fill the memory.
package final class RequestLimit: Sendable {
  private struct State {
    var running = 0
    var waiting: [(id: UInt64, waiter: CheckedContinuation<Bool, Never>)] = []
    var count: UInt64 = 0
  }

  private let mostRunning: Int
  private let mostWaiting: Int
  private let state = Mutex(State())

  package init(running: Int, waiting: Int) {
    self.mostRunning = max(1, running)
    self.mostWaiting = max(0, waiting)
  }

  /// How many wait for their turn.
  package var waitingCount: Int { self.state.withLock { $0.waiting.count } }

  /// - Returns: false if it is not this one's turn: too many wait, or the task was cancelled. Otherwise
  ///   ``leave()`` has to be called afterwards.
  package func enter() async -> Bool {
    let id = self.state.withLock { state in
      state.count &+= 1
      return state.count
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        let answer = self.state.withLock { state -> Bool? in
          if Task.isCancelled { return false }
          if state.running < self.mostRunning {
            state.running += 1
            return true
          }
          guard state.waiting.count < self.mostWaiting else { return false }
          state.waiting.append((id, waiter))
          return nil
        }
        if let answer { waiter.resume(returning: answer) }
      }
    } onCancel: {
      let waiter = self.state.withLock { state in
        state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).waiter }
      }
      waiter?.resume(returning: false)
    }
  }

  package func leave() {
    let next = self.state.withLock { state -> CheckedContinuation<Bool, Never>? in
      // The turn is passed on.
      if !state.waiting.isEmpty { return state.waiting.removeFirst().waiter }
      state.running -= 1
      return nil
    }
    next?.resume(returning: true)
  }
}
