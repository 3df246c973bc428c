// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import TokenwardAuthority
import TokenwardCore
import TokenwardSQLite
import TokenwardTestKit

/// A folder for one database, gone when the test is over.
final class StoreFolder: Sendable {
  let path: String
  var database: String { self.path + "/tokens.db" }
  var epoch: String { self.database + ".epoch" }
  var wal: String { self.database + "-wal" }

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "tokenward-\(UUID())")
    try FileManager.default.createDirectory(
      at: url,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
    self.path = url.path()
  }

  deinit { try? FileManager.default.removeItem(atPath: self.path) }

  func open() throws(SQLiteStoreProblem) -> SQLiteTokenStore {
    try SQLiteTokenStore(path: self.database)
  }

  /// What an attempt to open comes to.
  func problem() -> SQLiteStoreProblem? {
    do throws(SQLiteStoreProblem) {
      _ = try self.open()
      return nil
    } catch {
      return error
    }
  }

  /// Copies the database, and everything of SQLite's beside it, into a folder within this one.
  func copy(to name: String) throws {
    let folder = self.path + "/" + name
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    for file in ["tokens.db", "tokens.db-wal", "tokens.db.epoch"] {
      let from = self.path + "/" + file
      guard FileManager.default.fileExists(atPath: from) else { continue }
      try FileManager.default.copyItem(atPath: from, toPath: folder + "/" + file)
    }
  }

  /// Puts one file of a copy back; removes the present one if the copy has none.
  func restore(_ file: String, from name: String) throws {
    let to = self.path + "/" + file
    if FileManager.default.fileExists(atPath: to) { try FileManager.default.removeItem(atPath: to) }
    let from = self.path + "/" + name + "/" + file
    guard FileManager.default.fileExists(atPath: from) else { return }
    try FileManager.default.copyItem(atPath: from, toPath: to)
  }

  func mode(of path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
  }
}

extension StoreTransaction {
  /// Writes one token whatever was there before.
  static func token(_ id: String, revoked: Bool = false) -> Self {
    var record = SampleRecords.token(.init(id))
    if revoked { record.revocation = .init(at: SampleRecords.start, reason: "lost", by: nil) }
    var transaction = Self()
    transaction.written = [.token(record)]
    return transaction
  }
}
