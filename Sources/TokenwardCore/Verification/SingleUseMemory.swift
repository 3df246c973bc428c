// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Remembers which single-use tokens were used (RFC 7519 §4.1.7).
///
/// Replicas that serve the same issuer must share one memory, or a token works once in each.
public protocol SingleUseMemory: Sendable {
  /// Takes note of a use.
  /// - Returns: whether this was the first; nil if that cannot be known, which denies the call.
  func claim(_ id: TokenID, of issuer: Issuer, until expiry: UnixTime, at now: UnixTime) -> Bool?
}

/// A single-use memory within one process.
public final class InMemorySingleUse: SingleUseMemory {
  private struct Key: Hashable {
    var issuer: Issuer
    var id: TokenID
  }

  private struct State {
    var used: [Key: UnixTime] = [:]
    var nextSweep = UnixTime(seconds: .min)
  }

  private let state = Mutex(State())
  private let capacity: Int

  /// - Parameter capacity: most unexpired tokens remembered. Beyond it no single-use token is
  ///   accepted until some have expired: forgetting one would let it in twice.
  public init(capacity: Int = 100_000) { self.capacity = max(1, capacity) }

  /// Takes note of a use; nil while the memory is full of unexpired tokens.
  public func claim(
    _ id: TokenID,
    of issuer: Issuer,
    until expiry: UnixTime,
    at now: UnixTime
  ) -> Bool? {
    self.state.withLock { state in
      let key = Key(issuer: issuer, id: id)
      guard state.used[key] == nil else { return false }
      if state.used.count >= self.capacity, now >= state.nextSweep {
        state.used = state.used.filter { $0.value > now }
        // A full memory is swept once a second at most, or each call would cost its whole size.
        state.nextSweep = now.adding(seconds: 1)
      }
      guard state.used.count < self.capacity else { return nil }
      state.used[key] = expiry
      return true
    }
  }
}
