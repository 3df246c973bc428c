// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import TokenwardAuthority

/// Looks at a database through a connection that cannot write, so that one that is refused stays as it
/// was found. Closing a connection that can would move a WAL into the file, whether or not the two
/// belong together.
enum DatabaseInspection {
  /// - Parameters:
  ///   - path: a database with something in it.
  ///   - epoch: what it has to be; nil if that is not to be looked at.
  static func inspect(_ path: String, against epoch: Epoch?) throws(SQLiteStoreProblem) {
    do {
      let connection = try DatabaseQueue(
        path: path,
        configuration: Schema.configuration(isReadOnly: true)
      )
      defer { try? connection.close() }
      try connection.read { db in
        try Self.checkOrigin(db, path)
        try Self.checkPages(db, path)
        guard let state = try Self.state(db) else {
          // The first start was interrupted before anything was acknowledged.
          if epoch?.version == 0 { return }
          throw StoreError.corrupted("the database has lost its state")
        }
        if let epoch { try Self.check(state, against: epoch, path) }
        try Self.checkRows(db, state)
      }
    } catch {
      throw SQLiteStoreProblem(error, path)
    }
  }

  private static func checkOrigin(_ db: Database, _ path: String) throws {
    let id = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    let isEmpty = try Int64.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
    guard id == Schema.applicationID || isEmpty else {
      throw SQLiteStoreProblem(
        .foreign,
        path,
        "is a database of another program",
        hint: "name the database of tokenward"
      )
    }
    guard try !Schema.migrator.hasBeenSuperseded(db) else {
      throw SQLiteStoreProblem(
        .foreign,
        path,
        "was written by a later version of tokenward",
        hint: "run that version; an older one would not know what it must keep"
      )
    }
  }

  /// The structure of every page. What is in the rows is looked at afterwards.
  private static func checkPages(_ db: Database, _ path: String) throws {
    let complaint = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "no answer"
    guard complaint.utf8.elementsEqual("ok".utf8) else { throw StoreError.corrupted(complaint) }
  }

  private static func state(_ db: Database) throws -> DatabaseState? {
    guard try db.tableExists("state") else { return nil }
    return try DatabaseState.fetch(db)
  }

  private static func check(_ state: DatabaseState, against epoch: Epoch, _ path: String) throws {
    guard state.identity.utf8.elementsEqual(epoch.identity.utf8) else {
      throw SQLiteStoreProblem(
        .rolledBack,
        path,
        "is not the database that the epoch file beside it belongs to",
        hint: "put the right one back; if this database is meant: \(DatabaseOpening.accepting)"
      )
    }
    guard state.version >= epoch.version else {
      throw SQLiteStoreProblem(
        .rolledBack,
        path,
        "ends with commit \(state.version), but commit \(epoch.version) was acknowledged: an older copy was put back, or its WAL is lost; revoked tokens could work again",
        hint:
          "put the newest one back with its -wal file; if this one is meant: \(DatabaseOpening.accepting)"
      )
    }
  }

  /// Every row is what was written, and all are there.
  static func checkRows(_ db: Database, _ state: DatabaseState) throws {
    var tally = Tally()
    let statement = try db.makeStatement(sql: "SELECT \(FetchedRow.columns) FROM rows")
    let rows = try Row.fetchCursor(statement)
    let row = RowColumns(statement)
    while try rows.next() != nil {
      let checksum = FetchedRow.checksum(of: row)
      guard checksum == row.number(9).map({ UInt64(bitPattern: $0) }) else {
        throw FetchedRow.damage(row)
      }
      tally.count(checksum)
    }
    try tally.check(against: state)
  }
}
