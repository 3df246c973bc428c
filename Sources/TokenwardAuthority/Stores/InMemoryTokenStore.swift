// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// A store that keeps everything in memory and nothing beyond the process: the reference that other
/// stores are compared with, and the store of tests and demonstrations. What is acknowledged is gone
/// when the process ends, and so is every revocation.
public final class InMemoryTokenStore: TokenStore {
  private let state = Mutex(State())

  /// Most records that one call of ``forget(receiptsBefore:tokensBefore:)`` removes.
  public static let mostForgotten = 4_096

  /// An empty store.
  public init() {}

  /// Reads records, all of the same commit.
  public func read(_ keys: [StoreKey]) async throws(StoreError) -> [StoredRecord?] {
    self.state.withLock { state in keys.map { state.records[$0] } }
  }

  /// Lists tokens by id, in byte order.
  public func tokens(_ query: TokenQuery) async throws(StoreError) -> [StoredRecord] {
    self.state.withLock { $0.tokens(query) }
  }

  /// Does all of a transaction or nothing.
  public func commit(
    _ transaction: StoreTransaction
  ) async throws(StoreError) -> StoreVersion {
    try self.state.withLock { state throws(StoreError) in try state.commit(transaction) }
  }

  /// Hands every record over, all of the same commit.
  public func forEach(
    _ body: @escaping @Sendable (StoredRecord) -> Void
  ) async throws(StoreError) -> StoreVersion {
    // The copy is taken under the lock and handed over outside of it: the body may use the store.
    let (records, version) = self.state.withLock { ($0.records, $0.version) }
    for record in records.values { body(record) }
    return version
  }

  /// Takes note of uses, and of digests under the current pepper.
  public func note(_ uses: [TokenUse]) async throws(StoreError) {
    self.state.withLock { state in
      for use in uses { state.note(use) }
    }
  }

  /// Forgets what has expired.
  public func forget(
    receiptsBefore receipts: UnixTime,
    tokensBefore tokens: UnixTime
  ) async throws(StoreError) -> Bool {
    self.state.withLock { $0.forget(receiptsBefore: receipts, tokensBefore: tokens) }
  }
}

private struct State {
  var records: [StoreKey: StoredRecord] = [:]
  var version = StoreVersion(0)
  /// Token ids in byte order; nil after one came or went, until somebody asks for them.
  private var order: [TokenID]?

  mutating func commit(
    _ transaction: StoreTransaction
  ) throws(StoreError) -> StoreVersion {
    guard !transaction.contradictsItself else { throw .conflict }
    for (key, expected) in transaction.expected {
      guard self.records[key]?.version == expected else { throw .conflict }
    }
    guard !transaction.isEmpty else { return self.version }
    let version = try self.version.next()
    for record in transaction.written {
      let key = record.key
      let existing = self.records[key]
      if existing == nil, case .token = key { self.order = nil }
      self.records[key] = StoredRecord(
        record.keepingLastUse(of: existing?.record),
        version: version
      )
    }
    for key in transaction.removed { self.remove(key) }
    self.version = version
    return version
  }

  private mutating func remove(_ key: StoreKey) {
    guard self.records.removeValue(forKey: key) != nil else { return }
    if case .token = key { self.order = nil }
  }

  mutating func tokens(_ query: TokenQuery) -> [StoredRecord] {
    let ids = self.ordered()
    var found: [StoredRecord] = []
    var index = query.after.map { Self.position(after: $0, in: ids) } ?? 0
    while index < ids.count, found.count < query.effectiveLimit {
      if let stored = self.records[.token(ids[index])], case .token(let record) = stored.record,
        query.matches(record)
      {
        found.append(stored)
      }
      index += 1
    }
    return found
  }

  private mutating func ordered() -> [TokenID] {
    if let order { return order }
    let order = self.records.keys.compactMap { key in
      if case .token(let id) = key { id } else { nil }
    }.sorted()
    self.order = order
    return order
  }

  private static func position(after id: TokenID, in ids: [TokenID]) -> Int {
    var lower = 0
    var upper = ids.count
    while lower < upper {
      let middle = lower + (upper - lower) / 2
      if id < ids[middle] { upper = middle } else { lower = middle + 1 }
    }
    return lower
  }

  mutating func note(_ use: TokenUse) {
    guard var stored = self.records[.token(use.id)], case .token(var record) = stored.record,
      record.take(use)
    else { return }
    stored.record = .token(record)
    self.records[.token(use.id)] = stored
  }

  mutating func forget(receiptsBefore receipts: UnixTime, tokensBefore tokens: UnixTime) -> Bool {
    var expired: [StoreKey] = []
    for (key, stored) in self.records
    where stored.record.isForgettable(receiptsBefore: receipts, tokensBefore: tokens) {
      // One more than may go says that there is more.
      expired.append(key)
      if expired.count > InMemoryTokenStore.mostForgotten { break }
    }
    guard !expired.isEmpty, let version = try? self.version.next() else { return false }
    for key in expired.prefix(InMemoryTokenStore.mostForgotten) { self.remove(key) }
    self.version = version
    return expired.count > InMemoryTokenStore.mostForgotten
  }
}
