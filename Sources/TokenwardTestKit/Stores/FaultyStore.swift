// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardAuthority
public import TokenwardCore

/// A store in front of another one that fails when a test says so.
public final class FaultyStore: TokenStore {
  /// What goes wrong with one operation.
  public enum Fault: Sendable {
    /// Nothing happens, and the caller is told so as an error.
    case fails(StoreError)
    /// It happens, and the caller is told that the store is unavailable.
    case losesAnswer
    /// It happens when the closure returns: a test holds it back that way.
    case waits(@Sendable () async -> Void)
    /// It happens at once, and is answered when the closure returns.
    case answersLate(@Sendable () async -> Void)
  }

  /// The operations of a store.
  public enum Operation: String, Sendable, Hashable, CaseIterable {
    /// `TokenStore/read(_:)`.
    case read
    /// `TokenStore/tokens(_:)`.
    case tokens
    /// `TokenStore/commit(_:)`.
    case commit
    /// `TokenStore/forEach(_:)`.
    case forEach
    /// `TokenStore/note(_:)`.
    case note
    /// `TokenStore/forget(receiptsBefore:tokensBefore:)`.
    case forget
  }

  /// Says what goes wrong with an operation; nil for nothing. It is told how many operations of that
  /// kind came before it.
  public typealias Script = @Sendable (Operation, Int) -> Fault?

  private struct State {
    var script: Script
    var counts: [Operation: Int] = [:]
  }

  private let store: any TokenStore
  private let state: Mutex<State>

  /// - Parameters:
  ///   - store: the store behind it.
  ///   - script: what goes wrong; nothing unless given.
  public init(_ store: any TokenStore, script: @escaping Script = { _, _ in nil }) {
    self.store = store
    self.state = Mutex(State(script: script))
  }

  /// From now on other things go wrong. The counts go on.
  public func follow(_ script: @escaping Script) { self.state.withLock { $0.script = script } }

  /// How many operations of a kind there were.
  public func count(_ operation: Operation) -> Int {
    self.state.withLock { $0.counts[operation, default: 0] }
  }

  private func perform<Value>(
    _ operation: Operation,
    _ body: () async throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    let (script, count) = self.state.withLock { state in
      let count = state.counts[operation, default: 0]
      state.counts[operation] = count + 1
      return (state.script, count)
    }
    switch script(operation, count) {
    case nil: return try await body()
    case .fails(let error): throw error
    case .losesAnswer:
      _ = try await body()
      throw .unavailable("the answer was lost")
    case .waits(let wait):
      await wait()
      return try await body()
    case .answersLate(let wait):
      let value = try await body()
      await wait()
      return value
    }
  }

  /// Reads, unless the script says otherwise.
  public func read(_ keys: [StoreKey]) async throws(StoreError) -> [StoredRecord?] {
    try await self.perform(.read) { () throws(StoreError) in try await self.store.read(keys) }
  }

  /// Lists, unless the script says otherwise.
  public func tokens(_ query: TokenQuery) async throws(StoreError) -> [StoredRecord] {
    try await self.perform(.tokens) { () throws(StoreError) in try await self.store.tokens(query) }
  }

  /// Commits, unless the script says otherwise.
  public func commit(_ transaction: StoreTransaction) async throws(StoreError) -> StoreVersion {
    try await self.perform(.commit) { () throws(StoreError) in
      try await self.store.commit(transaction)
    }
  }

  /// Hands over, unless the script says otherwise.
  public func forEach(
    _ body: @escaping @Sendable (StoredRecord) -> Void
  ) async throws(StoreError) -> StoreVersion {
    try await self.perform(.forEach) { () throws(StoreError) in try await self.store.forEach(body) }
  }

  /// Takes note, unless the script says otherwise.
  public func note(_ uses: [TokenUse]) async throws(StoreError) {
    try await self.perform(.note) { () throws(StoreError) in try await self.store.note(uses) }
  }

  /// Forgets, unless the script says otherwise.
  public func forget(
    receiptsBefore receipts: UnixTime,
    tokensBefore tokens: UnixTime
  ) async throws(StoreError) -> Bool {
    try await self.perform(.forget) { () throws(StoreError) in
      try await self.store.forget(receiptsBefore: receipts, tokensBefore: tokens)
    }
  }
}
