// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import TokenwardAuthority

/// What the database says of itself as a whole, in its one row of `state`.
struct DatabaseState: Equatable {
  /// Which database: the same as in the epoch file.
  var identity: String
  /// The last commit.
  var version: Int64
  /// How many rows there are.
  var records: Int64 = 0
  /// The sum of the checksums of all rows. Pages of two different times, as when an older file is put
  /// back beside a newer WAL, do not add up to it.
  var content: UInt64 = 0

  private var checksum: Int64 {
    var sum = RowChecksum()
    sum.combine(Array(self.identity.utf8))
    sum.combine(self.version)
    sum.combine(self.records)
    sum.combine(self.content)
    return Int64(bitPattern: sum.value)
  }

  /// The state; nil if there is none, as in a database that was just made.
  /// - Throws: `StoreError.corrupted` if it is not what was written.
  static func fetch(_ db: Database) throws -> DatabaseState? {
    let sql = "SELECT identity, version, records, content, checksum FROM state"
    guard let row = try Row.fetchOne(db.cachedStatement(sql: sql)) else { return nil }
    let state = DatabaseState(
      identity: row.text(0) ?? "",
      version: row.number(1) ?? -1,
      records: row.number(2) ?? -1,
      content: UInt64(bitPattern: row.number(3) ?? 0)
    )
    guard state.version >= 0, state.records >= 0, state.checksum == row.number(4) else {
      throw StoreError.corrupted("the state of the database is not what was written")
    }
    return state
  }

  /// The state of a database that has one.
  static func require(_ db: Database) throws -> DatabaseState {
    guard let state = try Self.fetch(db) else {
      throw StoreError.corrupted("the database has lost its state")
    }
    return state
  }

  func save(_ db: Database) throws {
    try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO state (number, identity, version, records, content, checksum)
        VALUES (1, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      self.identity, self.version, self.records, Int64(bitPattern: self.content), self.checksum,
    ])
  }
}
