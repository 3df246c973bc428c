// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore
internal import TokenwardGRPC

/// Knows a token only after somebody else was asked, and a test decides when the answer comes.
final class GatedVerifier: TokenVerifier {
  private struct State {
    var outcome: TokenLookup.Outcome?
    var isAnswered = false
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    var next = 0
  }

  private let state = Mutex(State())

  /// How many calls wait.
  var waitingCount: Int { self.state.withLock { $0.waiting.count } }

  /// Lets every call that waits, and all later ones, have this answer.
  func answer(_ outcome: TokenLookup.Outcome?) {
    let waiting = self.state.withLock { state in
      state.outcome = outcome
      state.isAnswered = true
      defer { state.waiting = [:] }
      return state.waiting.values
    }
    for continuation in waiting { continuation.resume() }
  }

  func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    throw VerificationFailure(.dependencyUnavailable, lookup: TokenLookup { await self.lookup() })
  }

  private func lookup() async -> TokenLookup.Outcome? {
    let place = self.state.withLock { state in
      state.next += 1
      return state.next
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isReady = self.state.withLock { state in
          if state.isAnswered || Task.isCancelled { return true }
          state.waiting[place] = continuation
          return false
        }
        if isReady { continuation.resume() }
      }
    } onCancel: {
      self.state.withLock { $0.waiting.removeValue(forKey: place) }?.resume()
    }
    return self.state.withLock { $0.outcome }
  }
}
