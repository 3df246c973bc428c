// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Remembers for a few seconds which tokens had a good signature, and which had a bad one.
///
/// An entry is found by the SHA-256 of the whole token, belongs to one generation of one issuer's
/// keys, and dies after ``maximumAge`` of monotonic time. Dates, policy, bindings and revocation are
/// judged on every request, cached or not. Only successes and bad signatures are kept: a bad
/// signature is what costs an attacker nothing and a verifier 70 µs.
///
/// Shards with short critical sections, no cryptography inside: one lock around a signature would
/// cap the process at 15,000 calls per second however many cores it has.
package final class VerifiedTokenCache: Sendable {
  /// Longest age of an entry: 5 seconds.
  package static let maximumAge: Duration = .seconds(5)
  private static let shardCount = 32

  package enum Outcome: Sendable {
    case verified(Principal)
    case signatureInvalid
  }

  package struct Entry: Sendable {
    /// Which of the verifier's issuers the token is of.
    package var issuer: Int
    /// The generation of that issuer's keys under which the outcome was found.
    package var keyGeneration: UInt64
    package var outcome: Outcome

    package init(issuer: Int, keyGeneration: UInt64, outcome: Outcome) {
      self.issuer = issuer
      self.keyGeneration = keyGeneration
      self.outcome = outcome
    }
  }

  private struct Slot {
    var fingerprint: TokenFingerprint
    var insertedAt: Duration
    var entry: Entry
  }

  /// A bounded map in order of insertion: when full, the oldest makes room, and each insertion lets
  /// go of two that are too old to count, so that memory follows the rate of new tokens. A flood of
  /// distinct bad tokens only ever displaces entries of its own kind (catalogue D19).
  private struct Ring {
    let capacity: Int
    var slots: [Slot?] = []
    var index: [TokenFingerprint: Int] = [:]
    var oldest = 0

    init(capacity: Int) { self.capacity = capacity }

    func find(_ fingerprint: TokenFingerprint) -> Slot? {
      self.index[fingerprint].flatMap { self.slots[$0] }
    }

    mutating func insert(_ slot: Slot, forgettingBefore limit: Duration) {
      for _ in 0 ..< 2 {
        guard !self.index.isEmpty, let old = self.slots[self.oldest], old.insertedAt < limit else {
          break
        }
        self.removeOldest()
      }
      if let known = self.index[slot.fingerprint] {
        self.slots[known] = slot
        return
      }
      if self.index.count == self.capacity { self.removeOldest() }
      let position = (self.oldest + self.index.count) % self.capacity
      if position == self.slots.count {
        self.slots.append(slot)
      } else {
        self.slots[position] = slot
      }
      self.index[slot.fingerprint] = position
    }

    private mutating func removeOldest() {
      if let slot = self.slots[self.oldest] { self.index[slot.fingerprint] = nil }
      self.slots[self.oldest] = nil
      self.oldest = (self.oldest + 1) % self.capacity
    }
  }

  private final class Shard: Sendable {
    let state: Mutex<(verified: Ring, refused: Ring)>
    init(verified: Int, refused: Int) {
      self.state = Mutex((Ring(capacity: verified), Ring(capacity: refused)))
    }
  }

  private let shards: [Shard]
  private let age: Duration

  /// - Parameters:
  ///   - verified: most good tokens remembered.
  ///   - refused: most bad tokens remembered.
  ///   - age: how long an entry counts; at most ``maximumAge``.
  package init(verified: Int, refused: Int, age: Duration) {
    self.age = min(age, Self.maximumAge)
    self.shards = (0 ..< Self.shardCount).map { _ in
      Shard(
        verified: max(1, verified / Self.shardCount),
        refused: max(1, refused / Self.shardCount)
      )
    }
  }

  /// The entry of a token, if it is young enough. The caller compares the key generation.
  package func find(_ fingerprint: TokenFingerprint, at now: Moment) -> Entry? {
    self.shard(of: fingerprint).state.withLock { state in
      // One that is too old must not hide a younger one of the other kind: after a change of keys a
      // token that was good may be bad.
      self.young(state.verified.find(fingerprint), at: now)
        ?? self.young(state.refused.find(fingerprint), at: now)
    }
  }

  private func young(_ slot: Slot?, at now: Moment) -> Entry? {
    guard let slot, now.monotonic >= slot.insertedAt,
      now.monotonic - slot.insertedAt < self.age
    else { return nil }
    return slot.entry
  }

  package func insert(_ entry: Entry, for fingerprint: TokenFingerprint, at now: Moment) {
    let slot = Slot(fingerprint: fingerprint, insertedAt: now.monotonic, entry: entry)
    let limit = now.monotonic - self.age
    self.shard(of: fingerprint).state.withLock { state in
      switch entry.outcome {
      case .verified: state.verified.insert(slot, forgettingBefore: limit)
      case .signatureInvalid: state.refused.insert(slot, forgettingBefore: limit)
      }
    }
  }

  /// Entries held at present, for tests of the bound.
  package var count: Int {
    self.shards.reduce(0) { sum, shard in
      sum + shard.state.withLock { $0.verified.index.count + $0.refused.index.count }
    }
  }

  private func shard(of fingerprint: TokenFingerprint) -> Shard {
    self.shards[fingerprint.shardBits % Self.shardCount]
  }
}
