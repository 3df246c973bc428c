// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// A change that has been decided on: what to commit, and what to say then.
struct Change<Answer> {
  /// What to commit, with everything that the decision was based on.
  var transaction = StoreTransaction()
  /// The one record that the change is about, as it will be; nil to remove it. It tells whether a
  /// commit has happened.
  var record: StoreRecord?
  /// Whether there is anything to commit.
  var isNeeded = true
  /// What to verify against while it is not known whether it has happened.
  var inDoubt = InDoubt.asBefore
  /// Written down before the commit; nil for what takes away.
  var announcement: AuditEvent?
  var answer: Answer

  /// Nothing to commit.
  static func none(_ answer: Answer, announcement: AuditEvent? = nil) -> Change {
    var change = Change(answer: answer)
    change.isNeeded = false
    change.announcement = announcement
    return change
  }

  init(answer: Answer) { self.answer = answer }

  /// The record as it will be, if the change only takes away.
  var taken: StoreRecord? {
    guard self.isNeeded, self.announcement == nil, case .show(let record) = self.inDoubt else {
      return nil
    }
    return record
  }
}

/// What to verify against while it is not known whether a change has happened.
enum InDoubt {
  /// The state before allows nothing that the state after does not.
  case asBefore
  /// This is what both states allow.
  case show(StoreRecord)
  /// Neither: the record counts for nothing.
  case hide
}

extension TokenAuthority {
  /// How often a change is decided on again after others were faster.
  private static var mostAttempts: Int { 8 }

  /// Decides on one change of one record, writes it, and shows it.
  ///
  /// What takes away is shown before the commit is tried. If the commit fails for good, it holds in
  /// this process all the same and is tried again by ``run()``; the answer is that the store is
  /// unavailable. A change that is refused leaves nothing.
  /// - Parameters:
  ///   - key: the record that the change is about, or the receipt under which it is asked for.
  ///   - decide: reads what it needs and decides; called again if something of that has changed.
  func change<Answer>(
    _ key: StoreKey,
    _ decide: () async throws(AuthorityError) -> Change<Answer>
  ) async throws(AuthorityError) -> Answer {
    try await self.turns.take(key) { () async throws(AuthorityError) -> Answer in
      try await self.settle(key)
      var announced: AuditEvent?
      var taken: StoreRecord?
      do throws(AuthorityError) {
        for _ in 0 ..< Self.mostAttempts {
          let change = try await decide()
          if let announcement = change.announcement, announced == nil {
            try await self.write(announcement)
            announced = announcement
          }
          guard change.isNeeded else {
            if taken != nil { await self.showAgain(key) }
            // What is the case already holds here only.
            guard !self.pending.contains(key) else { throw .unavailable(.store) }
            return change.answer
          }
          if let withdrawal = change.taken {
            taken = withdrawal
            self.show(withdrawal, for: withdrawal.key)
          }
          if try await self.isDone(change, key) { return change.answer }
        }
        throw .unavailable(.store)
      } catch {
        if let announced { await self.noteFailure(of: announced, error) }
        if let taken {
          // It was allowed, and what it takes may be what a second look at it is refused for.
          self.pending.add(taken)
          throw .unavailable(.store)
        }
        throw error
      }
    }
  }

  /// - Returns: false if something expected is no longer so.
  private func isDone<Answer>(
    _ change: Change<Answer>,
    _ key: StoreKey
  ) async throws(AuthorityError) -> Bool {
    let subject = change.record?.key ?? key
    let transaction: StoreTransaction
    do throws(StoreError) {
      transaction = try await self.withPending(change.transaction)
      _ = try await self.store.commit(transaction)
    } catch {
      if error == .conflict { return false }
      self.note(error)
      if case .undurable = error {
        // It can be read and is lost with the next crash: reading it again proves nothing.
        self.doubt(change, subject)
        throw .unavailable(.store)
      }
      guard try await self.hasHappened(change, subject) else { throw .unavailable(.store) }
      self.finish(change, subject)
      return true
    }
    for record in transaction.written { self.pending.remove(coveredBy: record) }
    self.finish(change, subject)
    return true
  }

  private func finish<Answer>(_ change: Change<Answer>, _ subject: StoreKey) {
    // It was decided on by what is pending, too, and may have given that back.
    self.pending.remove(subject)
    self.show(change.record, for: subject)
  }

  /// Takes note that nobody knows what the store has of a record. What takes away is known: it holds.
  private func doubt<Answer>(_ change: Change<Answer>, _ subject: StoreKey) {
    guard change.taken == nil else { return }
    self.memory.withLock { _ = $0.doubts.insert(subject) }
    switch change.inDoubt {
    case .asBefore: break
    case .show(let record): self.show(record, for: subject)
    case .hide: self.show(nil, for: subject)
    }
  }

  /// Shows what the store has, once what was to be is not.
  private func showAgain(_ key: StoreKey) async {
    if let reading = try? await self.read([key]) {
      self.show(reading.record(key), for: key)
    } else {
      self.memory.withLock { _ = $0.doubts.insert(key) }
    }
  }

  /// Whether a commit that failed has happened all the same. Where that cannot be read either, the
  /// snapshot shows what both outcomes allow until it can.
  private func hasHappened<Answer>(
    _ change: Change<Answer>,
    _ subject: StoreKey
  ) async throws(AuthorityError) -> Bool {
    do throws(StoreError) {
      let found = try await self.store.read([subject])
      guard found.count == 1 else { throw .corrupted("no answer to a question") }
      return StoreRecord.isSame(found[0]?.record, change.record)
    } catch {
      self.doubt(change, subject)
      throw .unavailable(.store)
    }
  }

  /// Reads a record again of which is not known what the store has. To be called in its turn.
  func settle(_ key: StoreKey) async throws(AuthorityError) {
    if self.pending.contains(key) { _ = await self.commitPending(key) }
    guard self.memory.withLock({ $0.doubts.contains(key) }) else { return }
    try self.requireSoundStore()
    let reading = try await self.read([key])
    self.show(reading.record(key), for: key)
    self.memory.withLock { _ = $0.doubts.remove(key) }
  }

  /// A store that has lost a write may have lost others: only a start finds out what it has.
  func requireSoundStore() throws(AuthorityError) {
    guard !self.memory.withLock(\.isStoreBroken) else { throw .unavailable(.store) }
  }

  /// Settles whatever can be settled.
  func settleDoubts() async {
    for key in self.memory.withLock(\.doubts) {
      try? await self.turns.take(key) { () async throws(AuthorityError) in
        try await self.settle(key)
      }
    }
  }

  /// Reads records, all of the same commit, and what is pending of them.
  func read(_ keys: [StoreKey]) async throws(AuthorityError) -> Reading {
    var seen: Set<StoreKey> = []
    let keys = keys.filter { seen.insert($0).inserted }
    do throws(StoreError) {
      let records = try await self.store.read(keys)
      guard records.count == keys.count else { throw .corrupted("no answer to a question") }
      return Reading(keys, records, pending: self.pending.among(keys))
    } catch {
      self.note(error)
      throw .unavailable(.store)
    }
  }
}

extension StoreRecord {
  /// Whether the second, which was to be written, is there as the first. Uses and digests under the
  /// current pepper may have been noted meanwhile; nothing else may differ.
  static func isSame(_ found: StoreRecord?, _ written: StoreRecord?) -> Bool {
    switch (found, written) {
    case (nil, nil):
      return true
    case (.token(var found)?, .token(let written)?):
      found.lastUsedAt = written.lastUsedAt
      if found.secret.pepper != written.secret.pepper { found.secret = written.secret }
      if found.previous?.secret.pepper != written.previous?.secret.pepper,
        found.previous?.until == written.previous?.until
      {
        found.previous = written.previous
      }
      return found == written
    default:
      return found == written
    }
  }
}
