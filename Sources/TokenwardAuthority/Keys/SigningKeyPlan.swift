// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What has to happen to the keys now: decided from what is known, without doing anything.
struct SigningKeyPlan {
  /// Keys that begin to sign.
  var activated: [HeldSigningKey] = []
  /// Keys that cease to sign.
  var retired: [HeldSigningKey] = []
  /// Keys that are no longer published.
  var removed: [HeldSigningKey] = []
  /// Keys to make.
  var made: [Made] = []
  /// Keys that are written as they are, so that of two processes with the same plan one fails.
  var touched: [HeldSigningKey] = []

  struct Made {
    var algorithm: Algorithm
    /// Whether it signs at once.
    var isActive: Bool
  }

  var isEmpty: Bool {
    self.activated.isEmpty && self.retired.isEmpty && self.removed.isEmpty && self.made.isEmpty
  }

  /// Whether nothing would tell it from the same plan of another process: the outcome of both has to
  /// be looked at.
  var isUnanchored: Bool {
    !self.made.isEmpty && self.activated.isEmpty && self.retired.isEmpty && self.touched.isEmpty
  }

  /// How many keys are published once it is done.
  func count(after keys: [HeldSigningKey]) -> Int {
    keys.count + self.made.count - self.removed.count
  }

  static func isOlder(_ left: HeldSigningKey, _ right: HeldSigningKey) -> Bool {
    let first = left.record.activatedAt ?? left.record.createdAt
    let second = right.record.activatedAt ?? right.record.createdAt
    if first != second { return first < second }
    return left.record.id.utf8.lexicographicallyPrecedes(right.record.id.utf8)
  }
}

extension SigningKeyPlan {
  /// - Parameters:
  ///   - keys: every key.
  ///   - algorithms: what is signed with.
  ///   - schedule: how long keys are published, sign, and stay published.
  ///   - rotating: algorithms whose next key signs from now on, whatever the schedule says.
  ///   - now: the present moment.
  init(
    for keys: [HeldSigningKey],
    algorithms: [Algorithm],
    schedule: KeySchedule,
    rotating: Set<Algorithm> = [],
    at now: Moment
  ) {
    // While nothing signs at all, waiting would be an outage, and at the first start nobody has
    // fetched anything.
    let isSilent = !keys.contains {
      $0.record.state == .active && algorithms.contains($0.record.algorithm)
    }
    for algorithm in algorithms {
      let mine = keys.filter { $0.record.algorithm == algorithm }
      var active = mine.filter { $0.record.state == .active }.sorted(by: Self.isOlder)
      var next = mine.filter { $0.record.state == .next }.sorted(by: Self.isOlder)
      // Two processes began at the same time. All their tokens stay verifiable, and the one whose keys
      // stay notices by the version of its key.
      let isDouble = active.count > 1 || next.count > 1
      if active.count > 1 { self.retired += active.dropLast() }
      active = active.suffix(1)
      if next.count > 1 { self.removed += next.dropFirst() }
      next = Array(next.prefix(1))

      let isPublished = next.first?.hasBeen(for: schedule.publishAheadSeconds, at: now) ?? false
      let isDue =
        active.isEmpty
        ? isSilent || isPublished
        : isPublished && active[0].hasBeen(for: schedule.rotationSeconds, at: now)
      var hasNext = !next.isEmpty
      if isDue || rotating.contains(algorithm) {
        if let first = next.first {
          self.activated.append(first)
          self.retired += active
          hasNext = false
        } else if active.isEmpty || rotating.contains(algorithm) {
          self.made.append(Made(algorithm: algorithm, isActive: true))
          self.retired += active
        }
      }
      if !hasNext { self.made.append(Made(algorithm: algorithm, isActive: false)) }
      if !hasNext || isDouble {
        self.touched += active.filter { key in
          !self.retired.contains { $0.record.id == key.record.id }
        }
      }
    }
    for key in keys {
      let isOffered = algorithms.contains(key.record.algorithm)
      switch key.record.state {
      case .next where !isOffered: self.removed.append(key)
      case .active where !isOffered: self.retired.append(key)
      case .retired where Self.isOver(key, schedule, at: now): self.removed.append(key)
      default: continue
      }
    }
  }

  private static func isOver(
    _ key: HeldSigningKey,
    _ schedule: KeySchedule,
    at now: Moment
  ) -> Bool {
    let retiredAt = key.record.retiredAt ?? now.unix
    return key.hasBeen(for: schedule.retentionSeconds, at: now)
      && retiredAt.adding(seconds: schedule.retentionSeconds) <= now.unix
  }
}
