// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// One task that waits for one value. Whoever comes first ends the waiting: the one who has the value,
/// or the cancellation of the one who waits. What comes later is ignored, so nothing is resumed twice
/// and nothing is left waiting.
package final class OneShot<Value: Sendable>: Sendable {
  package typealias Outcome = Result<Value, any Error>

  private enum State {
    case new
    case waiting(CheckedContinuation<Value, any Error>)
    case ended(Outcome)
  }

  private let state = Mutex(State.new)

  package init() {}

  /// Ends the waiting, before or after it began. Only the first outcome counts.
  package func end(with outcome: Outcome) {
    let continuation: CheckedContinuation<Value, any Error>? = self.state.withLock { state in
      switch state {
      case .new:
        state = .ended(outcome)
        return nil
      case .waiting(let continuation):
        state = .ended(outcome)
        return continuation
      case .ended:
        return nil
      }
    }
    continuation?.resume(with: outcome)
  }

  /// Waits for the outcome. For one task: a second one that waits at the same time gets a
  /// `CancellationError`.
  /// - Throws: the outcome, or `CancellationError` if the task is cancelled first.
  package var value: Value {
    get async throws {
      try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          let outcome: Outcome? = self.state.withLock { state in
            switch state {
            case .new:
              state = .waiting(continuation)
              return nil
            case .waiting:
              return .failure(CancellationError())
            case .ended(let outcome):
              return outcome
            }
          }
          if let outcome { continuation.resume(with: outcome) }
        }
      } onCancel: {
        self.end(with: .failure(CancellationError()))
      }
    }
  }
}
