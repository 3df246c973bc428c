// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// What an issuer said about tokens in the last seconds, found by the SHA-256 of the whole token.
/// Yes and no are kept apart, so that made-up tokens displace each other only.
final class IntrospectionMemory: Sendable {
  /// Most tokens remembered as good.
  static let mostGood = 65_536
  /// Most tokens remembered as refused.
  static let mostRefused = 8_192

  private struct Entry {
    var outcome: TokenLookup.Outcome
    var at: Duration
  }

  private struct Ring {
    let capacity: Int
    var entries: [TokenFingerprint: Entry] = [:]
    var order: [TokenFingerprint] = []
    var oldest = 0

    mutating func insert(_ entry: Entry, for fingerprint: TokenFingerprint) {
      if self.entries.updateValue(entry, forKey: fingerprint) != nil { return }
      if self.order.count < self.capacity {
        self.order.append(fingerprint)
      } else {
        self.entries[self.order[self.oldest]] = nil
        self.order[self.oldest] = fingerprint
        self.oldest = (self.oldest + 1) % self.capacity
      }
    }
  }

  private let age: Duration
  private let state: Mutex<(good: Ring, refused: Ring)>

  init(age: Duration) {
    self.age = age
    self.state = Mutex((Ring(capacity: Self.mostGood), Ring(capacity: Self.mostRefused)))
  }

  /// Nil if nothing is remembered, or it is too old.
  func find(_ fingerprint: TokenFingerprint, at now: Moment) -> TokenLookup.Outcome? {
    self.state.withLock { state in
      // Of two the younger counts: a token may have been withdrawn since it was good.
      let entries = [state.good.entries[fingerprint], state.refused.entries[fingerprint]]
      let youngest = entries.compactMap(\.self).max { $0.at < $1.at }
      guard let youngest, now.monotonic >= youngest.at, now.monotonic - youngest.at < self.age
      else {
        return nil
      }
      return youngest.outcome
    }
  }

  func insert(
    _ outcome: TokenLookup.Outcome,
    for fingerprint: TokenFingerprint,
    asked: Duration
  ) {
    // From the question on: what a slow issuer says is as old as that.
    let entry = Entry(outcome: outcome, at: asked)
    self.state.withLock { state in
      switch outcome {
      case .success: state.good.insert(entry, for: fingerprint)
      case .failure: state.refused.insert(entry, for: fingerprint)
      }
    }
  }

  /// Whether the token was good when it was last asked about, however long ago.
  func wasGood(_ fingerprint: TokenFingerprint) -> Bool {
    self.state.withLock { $0.good.entries[fingerprint] != nil }
  }

  /// How many tokens are remembered.
  var count: Int { self.state.withLock { $0.good.entries.count + $0.refused.entries.count } }
}
