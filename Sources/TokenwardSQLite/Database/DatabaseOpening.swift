// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import TokenwardAuthority

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// How a database is opened: locked, looked at without changing it, and only then opened for writing.
enum DatabaseOpening {
  static func open(
    path: String
  ) throws(SQLiteStoreProblem) -> (pool: DatabasePool, lock: HeldLock) {
    let lock = try Self.lock(path)
    let database = try OwnerOnlyFile.state(of: path)
    let hasEpoch = try OwnerOnlyFile.state(of: EpochFile.path(of: path)) != .absent
    switch (database, hasEpoch) {
    case (.present, true):
      let epoch = try EpochFile(database: path).epoch
      try DatabaseInspection.inspect(path, against: epoch)
      return (try Self.pool(path, epoch), lock)
    case (.present, false):
      throw SQLiteStoreProblem(
        .rolledBack,
        EpochFile.path(of: path),
        "is missing, so nothing says how new the database has to be: it may be an old copy in which revoked tokens work",
        hint: "put the epoch file back; if the database is meant: \(Self.accepting)"
      )
    case (.absent, true), (.empty, true):
      let epoch = try EpochFile(database: path).epoch
      // Version 0: the first start was interrupted, and nothing was acknowledged.
      guard epoch.version == 0 else {
        throw SQLiteStoreProblem(
          .rolledBack,
          path,
          "is \(database == .absent ? "missing" : "empty"), and its epoch says that it had \(epoch.version) commits",
          hint:
            "put the database back (then \(Self.accepting)), or remove the epoch file as well to begin with nothing"
        )
      }
      return (try Self.pool(path, epoch), lock)
    case (.absent, false), (.empty, false):
      let epoch = Epoch(identity: Self.identity(), version: 0)
      // The epoch first: a database without one is always refused.
      try EpochFile.create(epoch, database: path)
      return (try Self.pool(path, epoch), lock)
    }
  }

  static let accepting = "tokenward run --config FILE --accept-restored"

  /// The right to be the only one.
  static func lock(_ path: String) throws(SQLiteStoreProblem) -> HeldLock {
    guard !path.isEmpty, !path.utf8.contains(0), !path.utf8.starts(with: "file:".utf8),
      !path.utf8.starts(with: ":".utf8), path.utf8.last != UInt8(ascii: "/")
    else {
      throw SQLiteStoreProblem(
        .unsuitable,
        path,
        "is no path of a file",
        hint: "name a file, such as /var/lib/tokenward/tokens.db"
      )
    }
    try OwnerOnlyFile.checkFolder(of: path)
    return HeldLock(try StoreLock(database: path))
  }

  static func identity() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0 ..< 32).map { _ in
      String(UInt8.random(in: 0 ... 15, using: &generator), radix: 16)
    }.joined()
  }

  /// Opens for writing. The file is made first, because SQLite would make it readable for others.
  static func pool(_ path: String, _ epoch: Epoch) throws(SQLiteStoreProblem) -> DatabasePool {
    _ = close(try OwnerOnlyFile.open(path))
    do {
      let pool = try DatabasePool(
        path: path,
        configuration: Schema.configuration(isReadOnly: false)
      )
      try pool.writeWithoutTransaction { db in try Schema.makeDurable(db) }
      try Schema.migrator.migrate(pool)
      try pool.write { db in
        guard try DatabaseState.fetch(db) == nil else { return }
        guard epoch.version == 0 else {
          throw StoreError.corrupted("the database has lost its state")
        }
        try DatabaseState(identity: epoch.identity, version: 0).save(db)
      }
      guard OwnerOnlyFile.syncFolder(of: path) else {
        throw SQLiteStoreProblem(
          .unavailable,
          path,
          "its folder cannot be synced",
          hint: "check the disk"
        )
      }
      return pool
    } catch {
      throw SQLiteStoreProblem(error, path)
    }
  }
}

extension DatabaseOpening {
  /// Whatever is in the database from now on counts as acknowledged, because it is acted upon. A commit
  /// of a process that was killed may be in the WAL and not on the disk: it has to be there before the
  /// epoch is, or a failure of the machine would leave an epoch that is ahead.
  static func catchUp(
    _ epoch: inout EpochFile,
    with pool: DatabasePool
  ) throws(SQLiteStoreProblem) {
    do {
      let version = try pool.writeWithoutTransaction { db in
        // Syncs the WAL, moves it into the file and syncs that.
        let row = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        guard row?.number(0) == 0 else {
          throw StoreError.unavailable("another process holds the database")
        }
        return try DatabaseState.require(db).version
      }
      guard epoch.advance(to: version) else { throw Undurable(path: pool.path) }
    } catch {
      throw SQLiteStoreProblem(error, pool.path)
    }
  }
}

extension SQLiteStoreProblem {
  /// What an error while a database is opened means.
  init(_ error: any Error, _ path: String) {
    if let problem = error as? SQLiteStoreProblem {
      self = problem
      return
    }
    switch StoreError(error, path: path) {
    case .corrupted(let text):
      self.init(
        .damaged,
        path,
        "is damaged: \(text)",
        hint: "check the disk, put a backup back, and then \(DatabaseOpening.accepting)"
      )
    case .unavailable(let text), .undurable(let text):
      self.init(
        .unavailable,
        path,
        "cannot be used: \(text)",
        hint:
          "check the rights of file and folder, the space on the disk, and that it is not mounted read-only"
      )
    case .conflict:
      self.init(.unavailable, path, "cannot be used", hint: "try again")
    }
  }
}
