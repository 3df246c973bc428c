// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import GRDBSQLite

/// The columns of the row that a statement stands at, read where SQLite has them.
///
/// GRDB's `Row` makes a value of each column that is asked for: of a million tokens at the start, that
/// was nearly half of the time. Whoever steps the statement reads with this between the steps.
struct RowColumns {
  // Lives as long as the statement, which the connection keeps; the initializer's caller holds it.
  private let statement: SQLiteStatement

  init(_ statement: Statement) { self.statement = statement.sqliteStatement }

  /// The integer of a column; nil if there is none, as in a damaged file that has text in its place.
  func number(_ column: Int32) -> Int64? {
    guard sqlite3_column_type(self.statement, column) == SQLITE_INTEGER else { return nil }
    return sqlite3_column_int64(self.statement, column)
  }

  /// The bytes of a column, lent until the statement is stepped, reset or asked for the column in
  /// another form; empty if it has no bytes, or something else in their place.
  func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    guard sqlite3_column_type(self.statement, column) == SQLITE_BLOB,
      let start = sqlite3_column_blob(self.statement, column)
    else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    // After the pointer: SQLite counts the bytes of the form that was asked for last.
    let count = Int(sqlite3_column_bytes(self.statement, column))
    return UnsafeRawBufferPointer(start: start, count: max(0, count))
  }
}
