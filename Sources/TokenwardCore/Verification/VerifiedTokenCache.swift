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

  /// A bounded map: when full, the oldest insertion makes room. A flood of distinct bad tokens
  /// therefore only ever displaces entries of its own kind (catalogue D19).
  private struct Ring {
    let capacity: Int
    var slots: [Slot] = []
    var index: [TokenFingerprint: Int] = [:]
    var next = 0

    init(capacity: Int) { self.capacity = capacity }

    func find(_ fingerprint: TokenFingerprint) -> Slot? {
      self.index[fingerprint].map { self.slots[$0] }
    }

    mutating func insert(_ slot: Slot) {
      if let known = self.index[slot.fingerprint] {
        self.slots[known] = slot
      } else if self.slots.count < self.capacity {
        self.index[slot.fingerprint] = self.slots.count
        self.slots.append(slot)
      } else {
        self.index[self.slots[self.next].fingerprint] = nil
        self.index[slot.fingerprint] = self.next
        self.slots[self.next] = slot
        self.next = (self.next + 1) % self.capacity
      }
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
    let slot = self.shard(of: fingerprint).state.withLock { state in
      state.verified.find(fingerprint) ?? state.refused.find(fingerprint)
    }
    guard let slot, now.monotonic >= slot.insertedAt,
      now.monotonic - slot.insertedAt < self.age
    else { return nil }
    return slot.entry
  }

  package func insert(_ entry: Entry, for fingerprint: TokenFingerprint, at now: Moment) {
    let slot = Slot(fingerprint: fingerprint, insertedAt: now.monotonic, entry: entry)
    self.shard(of: fingerprint).state.withLock { state in
      switch entry.outcome {
      case .verified: state.verified.insert(slot)
      case .signatureInvalid: state.refused.insert(slot)
      }
    }
  }

  /// Entries held at present, for tests of the bound.
  package var count: Int {
    self.shards.reduce(0) { sum, shard in
      sum + shard.state.withLock { $0.verified.slots.count + $0.refused.slots.count }
    }
  }

  private func shard(of fingerprint: TokenFingerprint) -> Shard {
    self.shards[fingerprint.shardBits % Self.shardCount]
  }
}
