// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

extension SigningKeys {
  /// How often a change is tried against other processes that change keys as well.
  private static let attempts = 5

  /// Continues with the keys that the store has, or makes the first ones, which sign at once: nobody
  /// has fetched any. The first key of an algorithm that is offered anew is published first.
  /// - Parameter loaded: every signing key of the store; other records are ignored.
  /// - Returns: what happened to keys.
  /// - Throws: `unavailable`: `clock`, `store` (a record is not what was written, or nothing can be
  ///   written), `secrets` (a key cannot be made). A key that cannot be opened is no reason: signing
  ///   tries again.
  @discardableResult
  public func start(loaded: [StoredRecord]) async throws(AuthorityError) -> [SigningKeyChange] {
    guard let now = self.time.now() else { throw .unavailable(.clock) }
    await self.turns.take()
    defer { self.turns.giveBack() }
    var keys: [HeldSigningKey] = []
    for stored in loaded {
      guard case .signingKey(let record) = stored.record else { continue }
      let since = now.monotonic - HeldSigningKey.age(of: record, at: now.unix)
      keys.append(try self.held(record, version: stored.version, since: since))
    }
    self.state.withLock { [keys] in $0.replace(keys) }
    return try await self.change(at: now) { keys in
      self.plan(for: keys, at: now)
    }
  }

  /// Does what is due by the schedule: lets a next key sign, makes another, removes retired ones. To
  /// be called about once a minute; another process that changed keys is noticed then.
  /// - Parameter now: the present moment.
  /// - Returns: what happened to keys.
  /// - Throws: `unavailable`: `store` or `secrets`. Keys sign as before then.
  @discardableResult
  public func advance(at now: Moment) async throws(AuthorityError) -> [SigningKeyChange] {
    await self.turns.take()
    defer { self.turns.giveBack() }
    try await self.lookAround(at: now)
    return try await self.change(at: now) { keys in self.plan(for: keys, at: now) }
  }

  /// Lets the next key of an algorithm sign from now on, and makes another next one.
  /// - Parameters:
  ///   - algorithm: which; all unless given.
  ///   - isForced: also if the next key is not published for long enough, so that verifiers that have
  ///     not fetched it refuse its tokens for a while. For a key that may be known to others.
  ///   - now: the present moment.
  /// - Returns: the keys that changed: those that sign now, those that no longer do, the new ones.
  /// - Throws: `invalid` for an algorithm that is not offered, `failedPrecondition` for a next key that
  ///   is not published for long enough and for too many keys, `unavailable`.
  @discardableResult
  public func rotate(
    algorithm: Algorithm?,
    isForced: Bool,
    at now: Moment
  ) async throws(AuthorityError) -> [SigningKeyRecord] {
    if let algorithm, !self.algorithms.contains(algorithm) {
      throw .invalid(field: "algorithm", problem: "is not offered")
    }
    await self.turns.take()
    defer { self.turns.giveBack() }
    try await self.lookAround(at: now)
    let rotating = algorithm.map { [$0] } ?? Set(self.algorithms)
    let changes = try await self.change(at: now) { keys throws(AuthorityError) in
      for algorithm in self.algorithms where rotating.contains(algorithm) && !isForced {
        let isPublished = keys.contains {
          $0.record.algorithm == algorithm && $0.record.state == .next
            && $0.hasBeen(for: self.schedule.publishAheadSeconds, at: now)
        }
        guard isPublished else {
          throw .failedPrecondition(
            "the next \(algorithm.rawValue) key is not published for "
              + "\(self.schedule.publishAheadSeconds) s yet: verifiers may not have it"
          )
        }
      }
      let plan = self.plan(for: keys, rotating: rotating, at: now)
      guard plan.count(after: keys) <= Self.mostKeys else {
        throw .failedPrecondition(
          "\(Self.mostKeys) keys are published; wait until retired ones end"
        )
      }
      return plan
    }
    return changes.map(\.key)
  }

  /// Finds out what became of a transaction whose outcome is not known.
  func settle() async throws(AuthorityError) {
    await self.turns.take()
    defer { self.turns.giveBack() }
    guard self.state.withLock({ $0.snapshot.isUnsettled }) else { return }
    guard let now = self.time.now() else { throw .unavailable(.clock) }
    try await self.reload(at: now)
  }
}

// MARK: - One change

extension SigningKeys {
  private func plan(
    for keys: [HeldSigningKey],
    rotating: Set<Algorithm> = [],
    at now: Moment
  ) -> SigningKeyPlan {
    SigningKeyPlan(
      for: keys,
      algorithms: self.algorithms,
      schedule: self.schedule,
      rotating: rotating,
      at: now
    )
  }

  /// Makes a plan and does it; again from the start if another process was quicker.
  private func change(
    at now: Moment,
    _ plan: ([HeldSigningKey]) throws(AuthorityError) -> SigningKeyPlan
  ) async throws(AuthorityError) -> [SigningKeyChange] {
    var changes: [SigningKeyChange] = []
    for _ in 0 ..< Self.attempts {
      let keys = self.state.withLock { $0.keys }
      // What was asked for is done once; what another process did meanwhile is put in order.
      let plan = changes.isEmpty ? try plan(keys) : self.plan(for: keys, at: now)
      guard !plan.isEmpty else { return changes }
      guard plan.count(after: keys) <= Self.mostKeys else {
        self.report("\(Self.mostKeys) signing keys are published; none is made before some end")
        return changes
      }
      let step = try await self.prepare(plan, on: keys, at: now)
      do throws(StoreError) {
        let version = try await self.store.commit(step.transaction)
        let since = self.time.monotonic() ?? now.monotonic
        self.state.withLock {
          $0.replace(step.keys(at: version, since: since), signers: step.signers)
        }
        changes += step.changes
      } catch {
        try await self.recover(from: error, at: now)
        continue
      }
      guard plan.isUnanchored else { return changes }
      try await self.reload(at: now)
    }
    self.report("signing keys are changed by other processes all the time")
    throw .unavailable(.store)
  }

  /// - Throws: unless it was a conflict, after which the keys are read again.
  private func recover(
    from error: StoreError,
    at now: Moment
  ) async throws(AuthorityError) {
    switch error {
    case .conflict:
      try await self.reload(at: now)
    case .unavailable(let problem), .undurable(let problem):
      // It may have happened: until that is known, nothing is signed.
      self.state.withLock { $0.unsettle() }
      self.report("signing keys cannot be changed: \(problem)")
      throw .unavailable(.store)
    case .corrupted(let problem):
      self.report("signing keys cannot be changed: \(problem)")
      throw .unavailable(.store)
    }
  }

  /// Makes and opens keys before anything is written, so that a vault that does not answer changes
  /// nothing.
  private func prepare(
    _ plan: SigningKeyPlan,
    on keys: [HeldSigningKey],
    at now: Moment
  ) async throws(AuthorityError) -> SigningKeyStep {
    var step = SigningKeyStep(plan, on: keys, at: now.unix)
    do throws(SigningError) {
      for wish in plan.made {
        let record = try await self.keyring.makeKey(wish.algorithm, at: now.unix)
        guard step.make(record, wish, at: now) else {
          throw SigningError("the keyring made a key that cannot be published")
        }
      }
      for key in step.signing { step.signers[key.record.id] = try await self.open(key) }
    } catch {
      self.report(error.problem)
      throw .unavailable(.secrets)
    }
    return step
  }
}

// MARK: - Reading

extension SigningKeys {
  /// Notices what other processes did to the keys that this one knows.
  private func lookAround(at now: Moment) async throws(AuthorityError) {
    let (isStarted, isUnsettled, keys) = self.state.withLock {
      ($0.isStarted, $0.snapshot.isUnsettled, $0.keys)
    }
    guard isStarted else { throw .unavailable(.store) }
    if !isUnsettled {
      let versions: [StoreVersion?]
      do {
        versions = try await self.store.read(keys.map { .signingKey($0.record.id) }).map(
          \.?.version
        )
      } catch {
        self.report("signing keys cannot be read: \(error)")
        throw .unavailable(.store)
      }
      if versions == keys.map(\.version) { return }
    }
    try await self.reload(at: now)
  }

  /// Reads every key again. What is new to this process, or in another state than it knew, counts from
  /// now on.
  private func reload(at now: Moment) async throws(AuthorityError) {
    let collected: [(SigningKeyRecord, StoreVersion)]
    do {
      collected = try await self.collect()
    } catch {
      self.report("signing keys cannot be read: \(error)")
      throw .unavailable(.store)
    }
    let known = self.state.withLock { $0.keys }
    var keys: [HeldSigningKey] = []
    for (record, version) in collected {
      let old = known.first { $0.record.id == record.id && $0.record.state == record.state }
      keys.append(try self.held(record, version: version, since: old?.since ?? now.monotonic))
    }
    self.state.withLock { [keys] in $0.replace(keys) }
  }

  private func collect() async throws(StoreError) -> [(SigningKeyRecord, StoreVersion)] {
    let found = SigningKeyCollector()
    _ = try await self.store.forEach { found.note($0) }
    return found.keys
  }

  private func held(
    _ record: SigningKeyRecord,
    version: StoreVersion,
    since: Duration
  ) throws(AuthorityError) -> HeldSigningKey {
    guard let key = HeldSigningKey(record, version: version, since: since) else {
      self.report("the record of the signing key \(record.id) is not what was written")
      throw .unavailable(.store)
    }
    return key
  }
}

/// Takes the signing keys out of a whole store.
private final class SigningKeyCollector: Sendable {
  private let found = Mutex<[(SigningKeyRecord, StoreVersion)]>([])

  var keys: [(SigningKeyRecord, StoreVersion)] { self.found.withLock { $0 } }

  func note(_ stored: StoredRecord) {
    guard case .signingKey(let record) = stored.record else { return }
    self.found.withLock { $0.append((record, stored.version)) }
  }
}
