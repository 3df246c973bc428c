// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardAuthority
public import TokenwardCore

/// A store in front of another one that asks again while that one is unavailable, up to a hundred
/// times. Only for a store of which a test knows that nothing has happened then.
public struct RetryingStore: TokenStore {
  private let store: any TokenStore

  /// - Parameter store: the store behind it.
  public init(_ store: any TokenStore) { self.store = store }

  private func persistently<Value>(
    _ body: () async throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    for _ in 0 ..< 100 {
      do throws(StoreError) { return try await body() } catch .unavailable { continue }
    }
    return try await body()
  }

  /// Reads, however often it takes.
  public func read(_ keys: [StoreKey]) async throws(StoreError) -> [StoredRecord?] {
    try await self.persistently { () throws(StoreError) in try await self.store.read(keys) }
  }

  /// Lists, however often it takes.
  public func tokens(_ query: TokenQuery) async throws(StoreError) -> [StoredRecord] {
    try await self.persistently { () throws(StoreError) in try await self.store.tokens(query) }
  }

  /// Commits, however often it takes.
  public func commit(_ transaction: StoreTransaction) async throws(StoreError) -> StoreVersion {
    try await self.persistently { () throws(StoreError) in
      try await self.store.commit(transaction)
    }
  }

  /// Hands over, however often it takes.
  public func forEach(
    _ body: @escaping @Sendable (StoredRecord) -> Void
  ) async throws(StoreError) -> StoreVersion {
    try await self.persistently { () throws(StoreError) in try await self.store.forEach(body) }
  }

  /// Takes note, however often it takes.
  public func note(_ uses: [TokenUse]) async throws(StoreError) {
    try await self.persistently { () throws(StoreError) in try await self.store.note(uses) }
  }

  /// Forgets, however often it takes.
  public func forget(
    receiptsBefore receipts: UnixTime,
    tokensBefore tokens: UnixTime
  ) async throws(StoreError) -> Bool {
    try await self.persistently { () throws(StoreError) in
      try await self.store.forget(receiptsBefore: receipts, tokensBefore: tokens)
    }
  }
}
