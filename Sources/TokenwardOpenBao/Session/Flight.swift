// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// One login that any number of tasks wait for. Whoever is cancelled stops waiting; the login goes on
/// for the others, and for the next.
final class Flight: Sendable {
  typealias Outcome = Result<HeldLease, Trouble>

  private struct State {
    var outcome: Outcome?
    var waiting: [UInt64: CheckedContinuation<Outcome, Never>] = [:]
    var count: UInt64 = 0
  }

  private let state = Mutex(State())

  func finish(_ outcome: Outcome) {
    let waiting = self.state.withLock { state in
      state.outcome = outcome
      defer { state.waiting = [:] }
      return state.waiting
    }
    for continuation in waiting.values { continuation.resume(returning: outcome) }
  }

  func outcome() async -> Outcome {
    let cancelled = Outcome.failure(Trouble(.cancelled, Authenticator.subject))
    let id = self.state.withLock { state in
      state.count &+= 1
      return state.count
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let ready = self.state.withLock { state -> Outcome? in
          if let outcome = state.outcome { return outcome }
          // The handler below may have run already, and does so once only.
          if Task.isCancelled { return cancelled }
          state.waiting[id] = continuation
          return nil
        }
        if let ready { continuation.resume(returning: ready) }
      }
    } onCancel: {
      self.state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: cancelled)
    }
  }
}
