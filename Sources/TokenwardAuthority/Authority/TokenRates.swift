// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// How often something may be done with one API token: so many times a second, and so many at once
/// after a pause.
///
/// It is for what writes to the disk each time: with one token of few rights the audit could be filled
/// otherwise. Few entries are kept, and each costs a look-up: a token that has paused for long enough
/// is as good as one that was never seen.
final class TokenRates: Sendable {
  private static let shardCount = 16
  /// Most tokens of one shard and of one half of its memory. Where more of them come within one
  /// pause, some may do more than their share; each has been proved, so they are no guesses.
  private static let mostPerHalf = 8_192

  private struct Entries {
    /// When each would have paused enough, by the monotonic clock.
    var young: [TokenID: Duration] = [:]
    var old: [TokenID: Duration] = [:]
    var turnedAt: Duration?
  }

  // A class each: a lock that cannot be copied cannot stand in an array.
  private final class Shard: Sendable {
    let entries = Mutex(Entries())
  }

  private let shards: [Shard]
  private let interval: Duration
  /// How long the pause after a burst is.
  private let pause: Duration

  /// - Parameters:
  ///   - perSecond: how often in the long run; 1 to 1,000,000, others count as the nearest of these.
  ///   - burst: how often at once after a pause; as `perSecond`.
  init(perSecond: Int64, burst: Int64) {
    let range: ClosedRange<Int64> = 1 ... 1_000_000
    func bounded(_ number: Int64) -> Int64 { min(max(number, range.lowerBound), range.upperBound) }
    self.shards = (0 ..< Self.shardCount).map { _ in Shard() }
    self.interval = .nanoseconds(1_000_000_000 / bounded(perSecond))
    self.pause = self.interval * bounded(burst)
  }

  /// Whether it may be done once more; if so, that counts.
  func allows(_ token: TokenID, at now: Duration) -> Bool {
    // Ids are random text.
    let shard = self.shards[Int(token.text.utf8.last ?? 0) % Self.shardCount]
    return shard.entries.withLock { entries in
      let known = entries.young[token] ?? entries.old[token] ?? now
      let start = max(known, now)
      guard start - now <= self.pause - self.interval else { return false }
      let turnedAt = entries.turnedAt ?? now
      if entries.turnedAt == nil { entries.turnedAt = now }
      // Whoever is only in the old half then has not been seen for a whole pause.
      if now - turnedAt >= self.pause || entries.young.count >= Self.mostPerHalf {
        entries.old = entries.young
        entries.young = [:]
        entries.turnedAt = now
      }
      entries.young[token] = start + self.interval
      return true
    }
  }
}
