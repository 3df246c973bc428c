// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// Keeps a process out of rotation until it can verify the tokens of every issuer, or until it has
/// waited long enough: one issuer that is down must not keep all others' callers out for ever
/// (catalogue J01). Tokens of an issuer without keys are denied as unavailable, gate or no gate.
///
/// Once open it stays open: an outage that all replicas see must not take all of them out of rotation.
public final class KeyGate: Sendable {
  private let keys: [RemoteKeySet]
  private let grace: Duration
  private let state = Mutex(State())

  private struct State {
    var beganAt: Duration?
    var isOpen = false
  }

  /// - Parameters:
  ///   - keys: the key sets to wait for.
  ///   - grace: how long to wait, counted from the first question.
  public init(_ keys: [RemoteKeySet], grace: Duration = .seconds(30)) {
    self.keys = keys
    self.grace = grace
  }

  /// Whether the process may take calls.
  /// - Parameter now: the moment of the question; nil while the clock fails, which is no.
  public func isOpen(at now: Moment?) -> Bool {
    guard let now else { return false }
    let areAllUsable = self.keys.allSatisfy { $0.current(at: now) != nil }
    return self.state.withLock { state in
      let beganAt = state.beganAt ?? now.monotonic
      state.beganAt = beganAt
      if areAllUsable || now.monotonic - beganAt >= self.grace { state.isOpen = true }
      return state.isOpen
    }
  }

  /// How the keys of each issuer are kept up to date.
  public func statuses(at now: Moment) -> [KeySetStatus] { self.keys.map { $0.status(at: now) } }
}
