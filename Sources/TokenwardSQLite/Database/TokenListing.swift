// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import TokenwardAuthority
internal import TokenwardCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A query for tokens in SQL: what the indexes know narrows it down, and each record found is judged
/// as every other store judges it.
struct TokenListing {
  private let query: TokenQuery

  init(_ query: TokenQuery) { self.query = query }

  func fetch(_ db: Database) throws -> [StoredRecord] {
    var conditions = ["kind = 1"]
    var arguments = StatementArguments()
    func add(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
      conditions.append(condition)
      arguments += [value]
    }
    if let after = self.query.after { add("key > ?", Data(after.text.utf8)) }
    if let tenant = self.query.tenant { add("tenant = ?", Data(tenant.text.utf8)) }
    if let owner = self.query.owner { add("owner = ?", Data(owner.text.utf8)) }
    if let time = self.query.expiresAfter { add("expires >= ?", time.seconds) }
    if !self.query.includesRevoked { conditions.append("revoked = 0") }
    // Named, so that a page is never found by sorting everything: each of them has the keys in order.
    // Owners are in an index within their tenant only.
    let index =
      switch (self.query.tenant != nil, self.query.owner != nil) {
      case (true, true): "rows_by_owner"
      case (true, false): "rows_by_tenant"
      case (false, _): "rows_by_key"
      }
    // The conditions are constants; what was asked for is only ever bound.
    let statement = try db.cachedStatement(
      sql: """
        SELECT \(FetchedRow.columns) FROM rows INDEXED BY \(index)
        WHERE \(conditions.joined(separator: " AND ")) ORDER BY key
        """
    )
    let rows = try Row.fetchCursor(statement, arguments: arguments)
    var found: [StoredRecord] = []
    while found.count < self.query.effectiveLimit, try rows.next() != nil {
      let fetched = try FetchedRow(RowColumns(statement))
      if case .token(let record) = fetched.record, self.query.matches(record) {
        found.append(fetched.stored)
      }
    }
    return found
  }
}
