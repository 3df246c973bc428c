// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import TokenwardAuthority
internal import TokenwardCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// One record as a row.
struct KeptRow {
  let kind: Int64
  let key: [UInt8]
  let tenant: [UInt8]
  let owner: [UInt8]
  let expires: Int64?
  let isRevoked: Bool
  let version: Int64
  let record: [UInt8]

  /// The longest form of a record. The largest that the authority writes has some tens of thousands.
  static let longestRecord = 1 << 20

  init(_ record: StoreRecord, version: StoreVersion) throws(StoreError) {
    self.kind = Int64(record.key.kind.rawValue)
    self.key = record.key.bytes
    self.version = version.number
    self.record = RecordWriter.encode(record)
    guard self.record.count <= Self.longestRecord else {
      throw .unavailable("a record of \(self.record.count) bytes is too long to be kept")
    }
    switch record {
    case .token(let token):
      self.tenant = Array(token.tenant.text.utf8)
      self.owner = Array(token.owner.text.utf8)
      self.expires = token.expiresAt.seconds
      self.isRevoked = token.revocation != nil
    case .receipt(let receipt):
      (self.tenant, self.owner, self.isRevoked) = ([], [], false)
      self.expires = receipt.expiresAt.seconds
    case .withdrawn(let token):
      (self.tenant, self.owner, self.isRevoked) = ([], [], false)
      self.expires = token.expiresAt.seconds
    case .owner, .tenant, .role, .signingKey:
      (self.tenant, self.owner, self.isRevoked) = ([], [], false)
      self.expires = nil
    }
  }

  var checksum: UInt64 {
    var sum = RowChecksum()
    sum.combine(self.kind)
    sum.combine(self.key)
    sum.combine(self.tenant)
    sum.combine(self.owner)
    sum.combine(self.expires ?? .min)
    sum.combine(self.isRevoked ? 1 : 0 as Int64)
    sum.combine(self.version)
    sum.combine(self.record)
    return sum.value
  }

  private var arguments: StatementArguments {
    [
      self.kind, Data(self.key), Data(self.tenant), Data(self.owner), self.expires,
      self.isRevoked ? 1 : 0, self.version, Data(self.record), Int64(bitPattern: self.checksum),
    ]
  }

  func insert(_ db: Database) throws {
    try db.cachedStatement(
      sql: """
        INSERT INTO rows (kind, key, tenant, owner, expires, revoked, version, record, checksum)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: self.arguments)
  }

  /// Writes over a row with the same key.
  func update(_ db: Database, over replaced: FetchedRow) throws {
    // What is in an index is left alone if it is the same, as after a use, a rotation, a revocation.
    guard !self.isIndexedLike(replaced.record) else {
      return try db.cachedStatement(
        sql: """
          UPDATE rows SET revoked = ?, version = ?, record = ?, checksum = ? WHERE number = ?
          """
      ).execute(arguments: [
        self.isRevoked ? 1 : 0, self.version, Data(self.record), Int64(bitPattern: self.checksum),
        replaced.number,
      ])
    }
    try db.cachedStatement(
      sql: """
        UPDATE rows SET kind = ?, key = ?, tenant = ?, owner = ?, expires = ?, revoked = ?,
          version = ?, record = ?, checksum = ?
        WHERE number = ?
        """
    ).execute(arguments: self.arguments + [replaced.number])
  }

  private func isIndexedLike(_ other: StoreRecord) -> Bool {
    guard case .token(let token) = other else { return false }
    return self.tenant.elementsEqual(token.tenant.text.utf8)
      && self.owner.elementsEqual(token.owner.text.utf8) && self.expires == token.expiresAt.seconds
  }
}

/// One row as it is read.
struct FetchedRow {
  /// Its place in the table.
  let number: Int64
  let checksum: UInt64
  let version: StoreVersion
  let record: StoreRecord

  static let columns =
    "number, kind, key, tenant, owner, expires, revoked, version, record, checksum"

  static func fetch(_ db: Database, _ key: StoreKey) throws -> FetchedRow? {
    let statement = try db.cachedStatement(
      sql: "SELECT \(Self.columns) FROM rows WHERE kind = ? AND key = ?"
    )
    let arguments: StatementArguments = [Int64(key.kind.rawValue), Data(key.bytes)]
    let rows = try Row.fetchCursor(statement, arguments: arguments)
    // The cursor resets the statement when it goes, and its columns with it.
    return try withExtendedLifetime(rows) {
      try rows.next() == nil ? nil : FetchedRow(RowColumns(statement))
    }
  }

  /// - Throws: `StoreError.corrupted` if the row is not what was written.
  init(_ row: RowColumns) throws {
    self.number = row.number(0) ?? 0
    self.version = StoreVersion(row.number(7) ?? -1)
    self.checksum = UInt64(bitPattern: row.number(9) ?? 0)
    guard Self.checksum(of: row) == self.checksum else { throw Self.damage(row) }
    do throws(RecordReader.Damage) {
      self.record = try RecordReader.decode(row.bytes(8))
    } catch {
      throw Self.damage(row)
    }
  }

  var stored: StoredRecord { StoredRecord(self.record, version: self.version) }

  /// The checksum of a row over what it holds now.
  static func checksum(of row: RowColumns) -> UInt64 {
    var sum = RowChecksum()
    sum.combine(row.number(1) ?? 0)
    for column: Int32 in 2 ... 4 { sum.combine(row.bytes(column)) }
    sum.combine(row.number(5) ?? .min)
    sum.combine(row.number(6) ?? 0)
    sum.combine(row.number(7) ?? 0)
    sum.combine(row.bytes(8))
    return sum.value
  }

  static func damage(_ row: RowColumns) -> StoreError {
    .corrupted("row \(row.number(0) ?? 0) of the database is not what was written")
  }
}

extension Row {
  /// The integer of a column; nil if there is none. GRDB's own conversions end the process when a
  /// damaged file has text in its place.
  func number(_ column: Int) -> Int64? {
    if case .int64(let value) = (self[column] as DatabaseValue).storage { value } else { nil }
  }

  /// The text of a column; nil if there is none.
  func text(_ column: Int) -> String? {
    if case .string(let value) = (self[column] as DatabaseValue).storage { value } else { nil }
  }
}
