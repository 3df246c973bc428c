// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// What was taken back and could not be committed. It holds in this process: whatever the store says
/// of the record is shown without what was taken, until a commit says the same.
///
/// Each is the record as it was to be. Of that only what takes something away counts: a revocation,
/// a later generation or cut-off, and that an owner is disabled.
final class PendingWithdrawals: Sendable {
  /// Most that are kept. Beyond it a withdrawal is shown and refused as all of them, but it is not
  /// tried again, and it ends when its record is read again.
  static let most = 100_000
  /// Most of these that are access tokens: who has one API token may have many, and they end by
  /// themselves.
  private static let mostAccessTokens = 50_000
  /// Most tokens that a record of the audit is owed for.
  private static let mostUnrecorded = 10_000

  private struct State {
    var records: [StoreKey: StoreRecord] = [:]
    /// When each was tried last, as a number in a row: so that one that never works keeps no other.
    var tries: [StoreKey: UInt64] = [:]
    var lastTry: UInt64 = 0
    var accessTokens = 0
    var unrecorded: Set<TokenID> = []
  }

  private let state = Mutex(State())

  var count: Int { self.state.withLock(\.records.count) }

  func contains(_ key: StoreKey) -> Bool { self.state.withLock { $0.records[key] != nil } }

  subscript(_ key: StoreKey) -> StoreRecord? { self.state.withLock { $0.records[key] } }

  /// Those of some records.
  func among(_ keys: [StoreKey]) -> [StoreKey: StoreRecord] {
    self.state.withLock { state in
      guard !state.records.isEmpty else { return [:] }
      var found: [StoreKey: StoreRecord] = [:]
      for key in keys { found[key] = state.records[key] }
      return found
    }
  }

  func add(_ record: StoreRecord) {
    let key = record.key
    let isAccessToken = if case .withdrawn = key { true } else { false }
    self.state.withLock { state in
      if let known = state.records[key] {
        state.records[key] = record.withdrawing(known)
        return
      }
      guard state.records.count < Self.most,
        !isAccessToken || state.accessTokens < Self.mostAccessTokens
      else { return }
      if isAccessToken { state.accessTokens += 1 }
      state.records[key] = record
      state.tries[key] = 0
    }
  }

  /// Its record was written with everything that it took.
  func remove(_ key: StoreKey) {
    self.state.withLock { state in Self.remove(key, &state) }
  }

  /// A record was written: nothing is pending of it, unless more was taken meanwhile.
  func remove(coveredBy record: StoreRecord) {
    self.state.withLock { state in
      guard let known = state.records[record.key], record.withdrawing(known) == record else {
        return
      }
      Self.remove(record.key, &state)
    }
  }

  private static func remove(_ key: StoreKey, _ state: inout State) {
    guard state.records.removeValue(forKey: key) != nil else { return }
    state.tries[key] = nil
    if case .withdrawn = key { state.accessTokens -= 1 }
  }

  /// Those to be tried next: the ones that were not for the longest time.
  func next(_ most: Int) -> [StoreKey] {
    self.state.withLock { state in
      guard !state.tries.isEmpty else { return [] }
      return state.tries.sorted { $0.value < $1.value }.prefix(most).map(\.key)
    }
  }

  func noteTry(_ key: StoreKey) {
    self.state.withLock { state in
      guard state.tries[key] != nil else { return }
      state.lastTry &+= 1
      state.tries[key] = state.lastTry
    }
  }

  /// Whether a token was taken back without a record of it in the audit.
  func isUnrecorded(_ token: TokenID) -> Bool {
    self.state.withLock { $0.unrecorded.contains(token) }
  }

  func setUnrecorded(_ token: TokenID, _ isUnrecorded: Bool) {
    self.state.withLock { state in
      if !isUnrecorded {
        state.unrecorded.remove(token)
      } else if state.unrecorded.count < Self.mostUnrecorded {
        state.unrecorded.insert(token)
      }
    }
  }
}

extension StoreRecord {
  /// This record without what another one of the same key takes away.
  func withdrawing(_ other: StoreRecord) -> StoreRecord {
    switch (self, other) {
    case (.token(var token), .token(let taken)):
      if token.revocation == nil { token.revocation = taken.revocation }
      return .token(token)
    case (.owner(var owner), .owner(let taken)):
      let before = owner
      owner.generation = max(owner.generation, taken.generation)
      owner.isDisabled = owner.isDisabled || taken.isDisabled
      owner.issuedBefore = Self.later(owner.issuedBefore, taken.issuedBefore)
      if owner != before {
        owner.reason = taken.reason
        owner.changedAt = taken.changedAt
      }
      return .owner(owner)
    case (.tenant(var tenant), .tenant(let taken)):
      let cutoff = Self.later(tenant.issuedBefore, taken.issuedBefore)
      if cutoff != tenant.issuedBefore {
        tenant.issuedBefore = cutoff
        tenant.reason = taken.reason
        tenant.changedAt = taken.changedAt
      }
      return .tenant(tenant)
    default:
      return self
    }
  }

  /// What there is of a record when this is taken from it; nil if there is nothing to take it from:
  /// a token that is not there any more. Owners, tenants and access tokens need no record before.
  func applied(to record: StoreRecord?) -> StoreRecord? {
    if let record { return record.withdrawing(self) }
    if case .token = self { return nil }
    return self
  }

  private static func later(_ one: UnixTime?, _ other: UnixTime?) -> UnixTime? {
    guard let one else { return other }
    guard let other else { return one }
    return max(one, other)
  }
}

extension TokenAuthority {
  /// Most withdrawals that are tried in one round, and most of these that may fail.
  private static var mostTries: Int { 1_000 }
  private static var mostFailures: Int { 3 }

  /// Commits what was taken back and is not in the store yet, as far as the store allows.
  func commitPendingWithdrawals() async {
    var failures = 0
    for key in self.pending.next(Self.mostTries) {
      let isDone = try? await self.turns.take(key) { () async throws(AuthorityError) -> Bool in
        await self.commitPending(key)
      }
      guard isDone != true else { continue }
      failures += 1
      if failures >= Self.mostFailures { return }
    }
  }

  /// Commits one. To be called in its turn.
  /// - Returns: whether nothing is pending of it any more.
  func commitPending(_ key: StoreKey) async -> Bool {
    guard let taken = self.pending[key] else { return true }
    self.pending.noteTry(key)
    do throws(StoreError) {
      let found = try await self.store.read([key])
      guard found.count == 1 else { throw .corrupted("no answer to a question") }
      let stored = found[0]
      let record = taken.applied(to: stored?.record)
      if let record, record != stored?.record {
        var transaction = StoreTransaction()
        transaction.write(record, replacing: stored?.version)
        _ = try await self.store.commit(transaction)
      }
      self.pending.remove(key)
      self.show(record, for: key)
    } catch {
      if error != .conflict { self.note(error) }
      return false
    }
    // What was written when it was asked for says that it failed.
    try? await self.write(self.lateEvent(taken))
    return true
  }

  private func lateEvent(_ taken: StoreRecord) -> AuditEvent {
    var event = self.event(.revokeToken, by: nil)
    switch taken {
    case .token(let record):
      event.actor = record.revocation?.by
      event.tenant = record.tenant
      event.owner = record.owner
      event.token = record.id
      event.reason = record.revocation?.reason
    case .owner(let record):
      event = self.event(record.isDisabled ? .disableOwner : .revokeOwner, by: nil)
      event.tenant = record.tenant
      event.owner = record.owner
      event.reason = record.reason
    case .tenant(let record):
      event = self.event(.revokeIssuedBefore, by: nil)
      event.tenant = record.tenant
      event.reason = record.reason
    case .withdrawn(let record):
      event.token = record.id
    case .role, .signingKey, .receipt:
      break
    }
    event.details["late"] = "true"
    return event
  }

  /// A transaction that depends on records of which something is pending writes that, too: what is
  /// made must not count on a withdrawal that a crash could forget.
  func withPending(
    _ transaction: StoreTransaction
  ) async throws(StoreError) -> StoreTransaction {
    let written = Set(transaction.written.map(\.key)).union(transaction.removed)
    let pending = self.pending.among(transaction.expected.keys.filter { !written.contains($0) })
    guard !pending.isEmpty else { return transaction }
    var transaction = transaction
    let keys = Array(pending.keys)
    let found = try await self.store.read(keys)
    guard found.count == keys.count else { throw .corrupted("no answer to a question") }
    for (key, stored) in zip(keys, found) {
      guard let taken = pending[key], stored?.version == transaction.expected[key] ?? nil else {
        throw .conflict
      }
      if let record = taken.applied(to: stored?.record), record != stored?.record {
        transaction.written.append(record)
      }
    }
    return transaction
  }

  /// Counts something that the store could not do.
  func note(_ error: StoreError) {
    self.memory.withLock { memory in
      memory.storeFailures &+= 1
      if case .undurable = error { memory.isStoreBroken = true }
    }
  }
}
