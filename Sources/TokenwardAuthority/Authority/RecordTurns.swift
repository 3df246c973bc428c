// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Lets the changes of one record happen one after the other: from the reading that a change is
/// decided on to the snapshot that shows it. Without turns, two commits could reach the snapshot in
/// the other order, and a token revoked by the second would work again by the first.
final class RecordTurns: Sendable {
  /// A key is there while somebody has the turn; its value is who waits.
  private let waiting = Mutex<[StoreKey: [CheckedContinuation<Void, Never>]]>([:])

  /// Runs `body` when nobody else has the turn of this record. RecordTurns do not nest, so nobody waits
  /// for himself.
  func take<Result>(
    _ key: StoreKey,
    _ body: () async throws(AuthorityError) -> Result
  ) async throws(AuthorityError) -> Result {
    await withCheckedContinuation { continuation in
      let isFree = self.waiting.withLock { waiting in
        if waiting[key] == nil {
          waiting[key] = []
          return true
        }
        waiting[key]?.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
    defer { self.pass(key) }
    return try await body()
  }

  /// Whether somebody is changing a record.
  func isTaken(_ key: StoreKey) -> Bool { self.waiting.withLock { $0[key] != nil } }

  private func pass(_ key: StoreKey) {
    let next: CheckedContinuation<Void, Never>? = self.waiting.withLock { waiting in
      guard var queue = waiting[key], !queue.isEmpty else {
        waiting[key] = nil
        return nil
      }
      let next = queue.removeFirst()
      waiting[key] = queue
      return next
    }
    next?.resume()
  }
}
