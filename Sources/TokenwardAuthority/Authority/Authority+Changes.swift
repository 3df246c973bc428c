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
      do throws(AuthorityError) {
        for _ in 0 ..< Self.mostAttempts {
          let change = try await decide()
          if let announcement = change.announcement, announced == nil {
            try await self.write(announcement)
            announced = announcement
          }
          guard change.isNeeded else { return change.answer }
          if try await self.isDone(change, key) { return change.answer }
        }
        throw .unavailable(.store)
      } catch {
        if let announced { await self.noteFailure(of: announced, error) }
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
    do throws(StoreError) {
      _ = try await self.store.commit(change.transaction)
    } catch {
      switch error {
      case .conflict:
        return false
      case .corrupted:
        self.memory.withLock { $0.storeFailures &+= 1 }
        throw .unavailable(.store)
      case .unavailable:
        self.memory.withLock { $0.storeFailures &+= 1 }
        guard try await self.hasHappened(change, subject) else { throw .unavailable(.store) }
      }
    }
    self.show(change.record, for: subject)
    return true
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
      self.memory.withLock { _ = $0.doubts.insert(subject) }
      switch change.inDoubt {
      case .asBefore: break
      case .show(let record): self.show(record, for: subject)
      case .hide: self.show(nil, for: subject)
      }
      throw .unavailable(.store)
    }
  }

  /// Reads a record again of which is not known what the store has. To be called in its turn.
  func settle(_ key: StoreKey) async throws(AuthorityError) {
    guard self.memory.withLock({ $0.doubts.contains(key) }) else { return }
    let reading = try await self.read([key])
    self.show(reading[key]?.record, for: key)
    self.memory.withLock { _ = $0.doubts.remove(key) }
  }

  /// Settles whatever can be settled.
  func settleDoubts() async {
    for key in self.memory.withLock(\.doubts) {
      try? await self.turns.take(key) { () async throws(AuthorityError) in
        try await self.settle(key)
      }
    }
  }

  /// Reads records, all of the same commit.
  func read(_ keys: [StoreKey]) async throws(AuthorityError) -> Reading {
    var seen: Set<StoreKey> = []
    let keys = keys.filter { seen.insert($0).inserted }
    do throws(StoreError) {
      let records = try await self.store.read(keys)
      guard records.count == keys.count else { throw .corrupted("no answer to a question") }
      return Reading(keys, records)
    } catch {
      self.memory.withLock { $0.storeFailures &+= 1 }
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
