// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// How far a decision could be taken without waiting.
public enum DecisionProgress: Sendable {
  /// There is a decision.
  case decided(Decision)
  /// Somebody else has to be asked first. Until ``RequestGuard/finish(_:)`` has answered, the call is
  /// not allowed.
  case pending(PendingDecision)
}

/// A decision that waits for somebody else.
public struct PendingDecision: Sendable {
  let request: AccessRequest
  let lookup: TokenLookup
  let beganAt: Moment?

  /// The call's own timeout; nil if it has none.
  package var timeout: CallTimeout? {
    guard case .value(let value) = self.request.timeout else { return nil }
    return CallTimeout(value)
  }

  /// How long the decision has been waited for; nil if a clock could not be read.
  package func waited(until now: Moment?) -> Duration? {
    guard let beganAt, let now else { return nil }
    return max(now.monotonic - beganAt.monotonic, .zero)
  }

  /// Whether the call's own deadline has passed. A clock that cannot be read is judged elsewhere.
  func isTooLate(at now: Moment?) -> Bool {
    guard let timeout, let waited = self.waited(until: now) else { return false }
    return waited >= timeout.duration
  }
}
