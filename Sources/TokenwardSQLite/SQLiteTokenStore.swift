// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import Synchronization
public import TokenwardAuthority
public import TokenwardCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A store in one SQLite database.
///
/// A commit is acknowledged after both the write-ahead log (`synchronous=FULL`) and the epoch file
/// beside the database are synced. Callers that wait at the same time share those two syncs. Reading
/// never waits for writing.
///
/// Beside `NAME` there are `NAME-wal` and `NAME-shm` (SQLite's own), `NAME.lock` (one user at a time)
/// and `NAME.epoch`. The epoch says how new the database has to be at least: a backup of the database
/// that is put back without ``acceptRestored(path:)`` is refused, because revocations that were
/// acknowledged since could be missing from it (catalogue O14). Whoever puts an old epoch file back
/// together with the old database is not noticed: do not back up the epoch file.
///
/// When the disk is full or fails, operations throw `StoreError.unavailable` and nothing of a
/// transaction is kept; the store works again when there is space. The exception is a sync that fails:
/// then nothing more is written until the database is opened again.
public final class SQLiteTokenStore: TokenStore {
  /// Most records that one call of ``forget(receiptsBefore:tokensBefore:)`` removes.
  public static let mostForgotten = 4_096

  private let pool: DatabasePool
  private let writer: GroupCommit
  // Half of the readers: see `Schema.configuration`.
  private let listings = ListingGate(2)
  // Held until everything that uses the database is gone: the last one to be released.
  private let lock: HeldLock

  /// Opens a database, and makes it if there is none. Everything in it is checked first: a database
  /// that is damaged, or older than what was acknowledged, is not opened. That takes about two seconds
  /// for a million tokens; call it where waiting does no harm.
  /// - Parameter path: the file; its folder has to be there and closed to others.
  /// - Throws: ``SQLiteStoreProblem``.
  public init(path: String) throws(SQLiteStoreProblem) {
    let (pool, lock) = try DatabaseOpening.open(path: path)
    var epoch = try EpochFile(database: path)
    try DatabaseOpening.catchUp(&epoch, with: pool)
    self.pool = pool
    self.writer = GroupCommit(pool: pool, epoch: epoch)
    self.lock = lock
  }

  deinit { try? self.pool.close() }

  /// Moves everything that was committed into the file and closes it: a copy of the file alone is
  /// whole from then on, and the write-ahead log is empty. Nothing can be read or written afterwards.
  /// For the end of a process that is not killed; whoever copies the file of one that runs needs its
  /// `-wal`, too.
  /// - Returns: whether that went well; if not, everything is in the two files together.
  @discardableResult
  public func close() async -> Bool {
    do {
      let isMoved = try await self.pool.writeWithoutTransaction { db in
        let row = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        return row?.number(0) == 0
      }
      try self.pool.close()
      self.lock.release()
      return isMoved
    } catch {
      return false
    }
  }

  /// Reads records, all of the same commit.
  public func read(_ keys: [StoreKey]) async throws(StoreError) -> [StoredRecord?] {
    try await self.reading { db in try keys.map { try FetchedRow.fetch(db, $0)?.stored } }
  }

  /// Lists tokens by id, in byte order. A role or labels are looked for among all tokens that the rest
  /// of the query leaves, so two lists are made at once and others wait.
  public func tokens(_ query: TokenQuery) async throws(StoreError) -> [StoredRecord] {
    try await self.listings.pass { () async throws(StoreError) -> [StoredRecord] in
      try await self.reading { db in try TokenListing(query).fetch(db) }
    }
  }

  /// Does all of a transaction or nothing.
  public func commit(_ transaction: StoreTransaction) async throws(StoreError) -> StoreVersion {
    try await self.writer.perform { session in try session.commit(transaction) }
  }

  /// Hands every record over, all of the same commit, and checks that they are all there is.
  public func forEach(
    _ body: @escaping @Sendable (StoredRecord) -> Void
  ) async throws(StoreError) -> StoreVersion {
    try await self.reading { db in
      let state = try DatabaseState.require(db)
      var tally = Tally()
      let statement = try db.makeStatement(sql: "SELECT \(FetchedRow.columns) FROM rows")
      let rows = try Row.fetchCursor(statement)
      let row = RowColumns(statement)
      while try rows.next() != nil {
        let fetched = try FetchedRow(row)
        tally.count(fetched.checksum)
        body(fetched.stored)
      }
      try tally.check(against: state)
      return StoreVersion(state.version)
    }
  }

  /// Takes note of uses, and of digests under the current pepper.
  public func note(_ uses: [TokenUse]) async throws(StoreError) {
    guard !uses.isEmpty else { return }
    try await self.writer.perform { session in try session.note(uses) }
  }

  /// Forgets what has expired.
  public func forget(
    receiptsBefore receipts: UnixTime,
    tokensBefore tokens: UnixTime
  ) async throws(StoreError) -> Bool {
    try await self.writer.perform { session in
      try session.forget(receiptsBefore: receipts, tokensBefore: tokens)
    }
  }

  private func reading<Value: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(StoreError) -> Value {
    do {
      return try await self.pool.read(body)
    } catch {
      throw StoreError(error, path: self.pool.path)
    }
  }
}

/// Adds up rows to compare them with what the database says of itself.
struct Tally {
  private var records: Int64 = 0
  private var content: UInt64 = 0

  mutating func count(_ checksum: UInt64) {
    self.records += 1
    self.content &+= checksum
  }

  func check(against state: DatabaseState) throws {
    guard self.records == state.records, self.content == state.content else {
      throw StoreError.corrupted(
        "the database has \(self.records) rows that do not add up to the \(state.records) written"
      )
    }
  }
}

/// Keeps a lock as long as something refers to it.
final class HeldLock: Sendable {
  private let lock: Mutex<StoreLock?>
  init(_ lock: consuming StoreLock) { self.lock = Mutex(lock) }

  /// Lets the next one in. Only when nothing of the database is open any more.
  func release() { self.lock.withLock { $0 = nil } }
}
