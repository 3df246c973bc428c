// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import TokenwardAuthority
internal import TokenwardCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// What is done within one transaction of SQLite: the work of as many callers as were waiting.
///
/// Each piece is judged on its own and before it writes anything, so what a caller is refused leaves
/// nothing behind. Errors of SQLite itself are not caught here: then nobody's work has happened.
struct WriteSession {
  private let db: Database
  private(set) var state: DatabaseState
  private let before: DatabaseState

  init(_ db: Database) throws {
    self.db = db
    self.state = try DatabaseState.require(db)
    self.before = self.state
  }

  var hasChanged: Bool { self.state != self.before || self.hasRewritten }
  private var hasRewritten = false

  func save() throws { try self.state.save(self.db) }

  mutating func commit(_ transaction: StoreTransaction) throws -> StoreVersion {
    guard !transaction.contradictsItself else { throw StoreError.conflict }
    for (key, expected) in transaction.expected {
      guard try self.version(of: key) == expected else { throw StoreError.conflict }
    }
    guard !transaction.isEmpty else { return StoreVersion(self.state.version) }
    let version = try StoreVersion(self.state.version).next()
    var written: [(row: KeptRow, replaced: FetchedRow?)] = []
    for record in transaction.written {
      let existing = try FetchedRow.fetch(self.db, record.key)
      let kept = record.keepingLastUse(of: existing?.record)
      written.append((try KeptRow(kept, version: version), existing))
    }
    var removed: [FetchedRow] = []
    for key in transaction.removed {
      if let existing = try FetchedRow.fetch(self.db, key) { removed.append(existing) }
    }
    // From here on nothing but SQLite itself can fail.
    for (row, replaced) in written { try self.write(row, over: replaced) }
    for row in removed { try self.remove(row.number, row.checksum) }
    self.state.version = version.number
    return version
  }

  mutating func note(_ uses: [TokenUse]) throws {
    for use in uses {
      guard let existing = try FetchedRow.fetch(self.db, .token(use.id)),
        case .token(var record) = existing.record, record.take(use)
      else { continue }
      try self.write(KeptRow(.token(record), version: existing.version), over: existing)
    }
  }

  mutating func forget(
    receiptsBefore receipts: UnixTime,
    tokensBefore tokens: UnixTime
  ) throws -> Bool {
    let most = SQLiteTokenStore.mostForgotten
    var expired: [(Int64, UInt64)] = []
    let kinds: [(StoreKey.Kind, UnixTime)] = [
      (.receipt, receipts), (.withdrawn, receipts), (.token, tokens),
    ]
    for (kind, time) in kinds where expired.count <= most {
      let statement = try self.db.cachedStatement(
        sql: """
          SELECT \(FetchedRow.columns) FROM rows
          WHERE kind = ? AND expires <= ? AND expires IS NOT NULL ORDER BY expires
          """
      )
      let arguments: StatementArguments = [Int64(kind.rawValue), time.seconds]
      let rows = try Row.fetchCursor(statement, arguments: arguments)
      // One more than may go says that there is more.
      while expired.count <= most, try rows.next() != nil {
        let fetched = try FetchedRow(RowColumns(statement))
        // The index knows whole seconds.
        guard fetched.record.isForgettable(receiptsBefore: receipts, tokensBefore: tokens)
        else { continue }
        expired.append((fetched.number, fetched.checksum))
      }
    }
    guard !expired.isEmpty else { return false }
    let version = try StoreVersion(self.state.version).next()
    for (number, checksum) in expired.prefix(most) { try self.remove(number, checksum) }
    self.state.version = version.number
    return expired.count > most
  }

  private func version(of key: StoreKey) throws -> StoreVersion? {
    let statement = try self.db.cachedStatement(
      sql: "SELECT version FROM rows WHERE kind = ? AND key = ?"
    )
    let arguments: StatementArguments = [Int64(key.kind.rawValue), Data(key.bytes)]
    guard let row = try Row.fetchOne(statement, arguments: arguments) else { return nil }
    return StoreVersion(row.number(0) ?? -1)
  }

  private mutating func write(_ row: KeptRow, over replaced: FetchedRow?) throws {
    if let replaced {
      try row.update(self.db, over: replaced)
      self.state.content &-= replaced.checksum
    } else {
      try row.insert(self.db)
      self.state.records += 1
    }
    self.state.content &+= row.checksum
    self.hasRewritten = true
  }

  private mutating func remove(_ number: Int64, _ checksum: UInt64) throws {
    try self.db.cachedStatement(sql: "DELETE FROM rows WHERE number = ?")
      .execute(arguments: [number])
    self.state.content &-= checksum
    self.state.records -= 1
    self.hasRewritten = true
  }
}
