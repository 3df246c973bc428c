// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// A token with what is known of its life.
///
/// The end is kept on both clocks, and the earlier one counts: a wall clock that is set back does not
/// prolong a token, and one that is set forward ends it.
struct CachedToken: Sendable {
  let token: BearerToken
  let fingerprint: TokenFingerprint
  private let life: Life?
  /// On the monotonic clock: no renewal in the background before this.
  private var quietUntil: Duration

  private struct Life {
    let expiresAt: UnixTime
    /// The same moment on the monotonic clock.
    let end: Duration
    let margin: Duration
    let window: Duration
  }

  /// Nil if the life of the token is over already.
  /// - Parameters:
  ///   - issued: the token.
  ///   - now: when it came.
  ///   - jitter: from 0 to 1; begins the renewal up to a quarter of its window earlier.
  init?(_ issued: IssuedToken, at now: Moment, jitter: Double, schedule: TokenSchedule) {
    self.token = issued.token
    self.fingerprint = issued.token.fingerprint
    guard let expiresAt = issued.expiresAt else {
      self.life = nil
      self.quietUntil = now.monotonic + schedule.rereading
      return
    }
    let lifetime = now.unix.duration(to: expiresAt)
    guard lifetime > .zero else { return nil }
    self.life = Life(
      expiresAt: expiresAt,
      end: now.monotonic + lifetime,
      margin: min(schedule.margin, lifetime / 10),
      window: min(schedule.window, lifetime / 5) * (1 + 0.25 * jitter)
    )
    self.quietUntil = now.monotonic
  }

  /// How long it may still be sent; nil if that is unknown.
  private func remaining(at now: Moment) -> Duration? {
    guard let life = self.life else { return nil }
    return min(now.unix.duration(to: life.expiresAt), life.end - now.monotonic) - life.margin
  }

  /// Whether it may still be sent.
  func isUsable(at now: Moment) -> Bool {
    guard let remaining = self.remaining(at: now) else { return true }
    return remaining > .zero
  }

  /// Whether it is time to renew it.
  func isDue(at now: Moment) -> Bool {
    guard now.monotonic >= self.quietUntil else { return false }
    guard let life = self.life, let remaining = self.remaining(at: now) else { return true }
    return remaining <= life.window
  }

  /// Takes note that the source gave the same token again: the file or the vault has not changed
  /// yet. Its life is not counted anew, or each reading would make its margin smaller.
  mutating func wasGivenAgain(at now: Moment, schedule: TokenSchedule) {
    let pause = self.remaining(at: now).map { max($0 / 4, .milliseconds(100)) }
    self.quietUntil = now.monotonic + (pause ?? schedule.rereading)
  }
}
