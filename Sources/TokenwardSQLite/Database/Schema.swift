// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB

/// How the database is laid out and how connections to it are set up.
enum Schema {
  /// `twk1`: says in the header of the file what it is (`file` shows it).
  static let applicationID: Int64 = 0x7477_6B31

  /// What has been done to databases, in order. Entries are never changed, only added.
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 rows and state") { db in
      try db.execute(sql: "PRAGMA application_id = \(Self.applicationID)")
      // Names are BLOBs: compared and ordered by bytes, whatever they contain. What stands beside the
      // record is in it too; it is there for the indexes, and the checksum covers both.
      try db.execute(
        sql: """
          CREATE TABLE rows (
            number INTEGER PRIMARY KEY,
            kind INTEGER NOT NULL,
            key BLOB NOT NULL,
            tenant BLOB,
            owner BLOB,
            expires INTEGER,
            revoked INTEGER NOT NULL,
            version INTEGER NOT NULL,
            record BLOB NOT NULL,
            checksum INTEGER NOT NULL
          );
          CREATE UNIQUE INDEX rows_by_key ON rows (kind, key);
          CREATE INDEX rows_by_tenant ON rows (tenant, key) WHERE kind = 1;
          CREATE INDEX rows_by_owner ON rows (tenant, owner, key) WHERE kind = 1;
          CREATE INDEX rows_by_expiry ON rows (kind, expires) WHERE expires IS NOT NULL;
          CREATE TABLE state (
            number INTEGER PRIMARY KEY CHECK (number = 1),
            identity TEXT NOT NULL,
            version INTEGER NOT NULL,
            records INTEGER NOT NULL,
            content INTEGER NOT NULL,
            checksum INTEGER NOT NULL
          );
          """
      )
    }
    return migrator
  }

  static func configuration(isReadOnly: Bool) -> Configuration {
    var configuration = Configuration()
    configuration.readonly = isReadOnly
    configuration.foreignKeysEnabled = true
    configuration.label = "tokenward"
    // Nobody else writes, but a backup may hold the file for a moment.
    configuration.busyMode = .timeout(5)
    configuration.maximumReaderCount = 4
    configuration.prepareDatabase { db in
      try db.execute(
        sql: """
          PRAGMA trusted_schema = OFF;
          PRAGMA cell_size_check = ON;
          PRAGMA secure_delete = ON;
          PRAGMA fullfsync = ON;
          PRAGMA journal_size_limit = 67108864;
          """
      )
    }
    return configuration
  }

  /// After GRDB has set up WAL with `synchronous = NORMAL`, which does not sync each commit.
  static func makeDurable(_ db: Database) throws {
    try db.execute(sql: "PRAGMA synchronous = FULL")
    guard try Int64.fetchOne(db, sql: "PRAGMA synchronous") == 2,
      try String.fetchOne(db, sql: "PRAGMA journal_mode") == "wal"
    else { throw DatabaseError(message: "commits cannot be made durable") }
  }
}
