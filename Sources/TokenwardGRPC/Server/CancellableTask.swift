// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// A place for the handle of a task that may have to be cancelled before the handle is known.
final class CancellableTask: Sendable {
  private enum State {
    case unknown
    case running(@Sendable () -> Void)
    case cancelled
  }

  private let state = Mutex(State.unknown)

  /// - Parameter cancel: cancels the task; called at most once, outside any lock.
  func set(cancel: @escaping @Sendable () -> Void) {
    let isCancelled = self.state.withLock { state in
      if case .cancelled = state { return true }
      state = .running(cancel)
      return false
    }
    if isCancelled { cancel() }
  }

  func cancel() {
    let cancel: (@Sendable () -> Void)? = self.state.withLock { state in
      defer { state = .cancelled }
      if case .running(let cancel) = state { return cancel }
      return nil
    }
    cancel?()
  }
}
