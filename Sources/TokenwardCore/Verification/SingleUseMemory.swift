// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Remembers which single-use tokens were used (RFC 7519 §4.1.7).
///
/// Replicas that serve the same issuer must share one memory, or a token works once in each.
public protocol SingleUseMemory: Sendable {
  /// Takes note of a use.
  /// - Returns: whether this was the first; nil if that cannot be known, which denies the call
  ///   (``DenialReason/dependencyUnavailable``).
  func claim(_ id: TokenID, of issuer: Issuer, until expiry: UnixTime, at now: Moment) -> Bool?
}

/// A single-use memory within one process.
public final class InMemorySingleUse: SingleUseMemory {
  private struct Key: Hashable {
    var issuer: Issuer
    var id: TokenID
  }

  /// When a token expires, by both clocks. It is forgotten when both say so: a wall clock that is
  /// ahead for a while must not let a token in twice (catalogue S10).
  private struct End {
    var unix: UnixTime
    var monotonic: Duration
  }

  private struct State {
    var used: [Key: End] = [:]
    var nextSweep = Duration.zero
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
    at now: Moment
  ) -> Bool? {
    self.state.withLock { state in
      let key = Key(issuer: issuer, id: id)
      guard state.used[key] == nil else { return false }
      if state.used.count >= self.capacity, now.monotonic >= state.nextSweep {
        state.used = state.used.filter {
          $0.value.unix > now.unix || $0.value.monotonic > now.monotonic
        }
        // A full memory is swept once a second at most, or each call would cost its whole size.
        state.nextSweep = now.monotonic + .seconds(1)
      }
      guard state.used.count < self.capacity else { return nil }
      let remaining = now.unix.duration(to: expiry)
      state.used[key] = End(unix: expiry, monotonic: now.monotonic + remaining)
      return true
    }
  }
}
