// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardSQLite
import TokenwardTestKit

/// A database that is older than what was acknowledged is not opened (catalogue O14).
@Suite struct StoreRollbackTests {
  private let folder: StoreFolder

  init() throws { self.folder = try StoreFolder() }

  private func revocation(_ id: String) async throws -> TokenRecord.Revocation? {
    let read = try await self.folder.open().read([.token(TokenID(id))])
    guard case .token(let record)? = read.first??.record else { return nil }
    return record.revocation
  }

  @Test("an older copy in place of the database is refused, and the newest one is not")
  func olderCopy() async throws {
    _ = try await self.folder.open().commit(.token("a"))
    try self.folder.copy(to: "old")
    _ = try await self.folder.open().commit(.token("a", revoked: true))
    try self.folder.copy(to: "new")
    try self.folder.restore("tokens.db", from: "old")
    let problem = try #require(self.folder.problem())
    #expect(problem.kind == .rolledBack)
    #expect(problem.description.contains("ends with commit 1, but commit 2 was acknowledged"))
    #expect(problem.hint.contains("accept-restored"))
    // It is refused every time, not once.
    #expect(self.folder.problem()?.kind == .rolledBack)
    try self.folder.restore("tokens.db", from: "new")
    #expect(try await self.revocation("a") != nil)
  }

  @Test(
    "an older copy is refused whichever of its files are put back",
    arguments: [
      ["tokens.db"], ["tokens.db", "tokens.db-wal"], ["tokens.db-wal"],
    ]
  )
  func copyOfRunningStore(files: [String]) async throws {
    do {
      // Copied while it is open: the WAL holds the commits.
      let store = try self.folder.open()
      _ = try await store.commit(.token("a"))
      try self.folder.copy(to: "old")
      _ = try await store.commit(.token("a", revoked: true))
      try self.folder.copy(to: "new")
    }
    for file in ["tokens.db", "tokens.db-wal"] { try self.folder.restore(file, from: "new") }
    for file in files { try self.folder.restore(file, from: "old") }
    if files == ["tokens.db"] {
      // The old file is the same page for page: nothing has been moved out of the WAL in between.
      #expect(try await self.revocation("a") != nil)
    } else {
      #expect(self.folder.problem()?.kind == .rolledBack)
      for file in ["tokens.db", "tokens.db-wal"] { try self.folder.restore(file, from: "new") }
      #expect(try await self.revocation("a") != nil)
    }
  }

  @Test("an older file under a newer WAL is damage, although the WAL has the newest version")
  func mixture() async throws {
    // Enough rows that the one that is revoked is on a page of its own.
    var many = StoreTransaction()
    many.written = (0 ..< 200).map { .token(SampleRecords.token(TokenID("token \($0)"))) }
    _ = try await self.folder.open().commit(many)
    try self.folder.copy(to: "old")
    _ = try await self.folder.open().commit(.token("token 3", revoked: true))
    do {
      let store = try self.folder.open()
      // Now only what this writes is in the WAL, with the state.
      _ = try await store.commit(.token("token 190", revoked: true))
      try self.folder.copy(to: "new")
    }
    for file in ["tokens.db", "tokens.db-wal"] { try self.folder.restore(file, from: "new") }
    try self.folder.restore("tokens.db", from: "old")
    #expect(self.folder.problem()?.kind == .damaged)
    // Refused as it was found: the right file makes it whole again.
    try self.folder.restore("tokens.db", from: "new")
    #expect(try await self.revocation("token 3") != nil)
  }

  @Test("a WAL that is cut short loses acknowledged commits, and that is noticed")
  func truncatedWAL() async throws {
    do {
      let store = try self.folder.open()
      _ = try await store.commit(.token("a"))
      _ = try await store.commit(.token("a", revoked: true))
      try self.folder.copy(to: "running")
    }
    let whole = try Data(contentsOf: URL(filePath: self.folder.path + "/running/tokens.db-wal"))
    for lost in [1, 4_000, 4_200, whole.count / 2, whole.count] {
      try self.folder.restore("tokens.db", from: "running")
      try whole.dropLast(lost).write(to: URL(filePath: self.folder.wal))
      #expect(self.folder.problem()?.kind == .rolledBack, "\(lost) bytes lost")
    }
    try self.folder.restore("tokens.db", from: "running")
    try whole.write(to: URL(filePath: self.folder.wal))
    #expect(try await self.revocation("a") != nil)
  }

  @Test("a database without its epoch is refused")
  func missingEpoch() async throws {
    _ = try await self.folder.open().commit(.token("a"))
    try self.folder.copy(to: "copy")
    try FileManager.default.removeItem(atPath: self.folder.epoch)
    let problem = try #require(self.folder.problem())
    #expect(problem.kind == .rolledBack && problem.path == self.folder.epoch)
    try self.folder.restore("tokens.db.epoch", from: "copy")
    #expect(self.folder.problem() == nil)
  }

  @Test("an epoch without its database is refused, unless nothing was ever acknowledged")
  func missingDatabase() async throws {
    // A first start that was interrupted.
    _ = try self.folder.open()
    try FileManager.default.removeItem(atPath: self.folder.database)
    #expect(self.folder.problem() == nil)
    _ = try await self.folder.open().commit(.token("a"))
    try FileManager.default.removeItem(atPath: self.folder.database)
    #expect(self.folder.problem()?.kind == .rolledBack)
    _ = FileManager.default.createFile(
      atPath: self.folder.database,
      contents: nil,
      attributes: [.posixPermissions: 0o600]
    )
    #expect(self.folder.problem()?.kind == .rolledBack)
  }

  @Test("the epoch of another database is refused")
  func foreignEpoch() async throws {
    let other = try StoreFolder()
    _ = try await self.folder.open().commit(.token("a"))
    _ = try await other.open().commit(.token("a"))
    try other.copy(to: "copy")
    try FileManager.default.removeItem(atPath: self.folder.epoch)
    try FileManager.default.copyItem(atPath: other.epoch, toPath: self.folder.epoch)
    let problem = self.folder.problem()
    #expect(problem?.kind == .rolledBack)
    #expect(problem?.problem.contains("epoch file beside it belongs to") == true)
  }

  @Test("one torn slot of the epoch is made up for by the other, and two are not")
  func tornEpoch() async throws {
    do {
      let store = try self.folder.open()
      for id in ["a", "b", "c"] { _ = try await store.commit(.token(id)) }
    }
    let url = URL(filePath: self.folder.epoch)
    let whole = try Data(contentsOf: url)
    #expect(whole.count == 8_192)
    for slot in [0, 1] {
      var torn = whole
      torn[slot * 4_096 + 20] ^= 1
      try torn.write(to: url)
      #expect(self.folder.problem() == nil, "slot \(slot)")
      torn[(1 - slot) * 4_096 + 70] ^= 1
      torn[slot * 4_096 + 20] ^= 1
      torn[slot * 4_096 + 21] ^= 1
      try torn.write(to: url)
      #expect(self.folder.problem()?.kind == .damaged, "both slots")
      try whole.write(to: url)
    }
    for content in [Data(), whole.dropLast(), whole + [0]] {
      try content.write(to: url)
      let problem = self.folder.problem()
      #expect(problem?.kind == .damaged || content.count > whole.count)
    }
  }

  @Test("a copy that somebody answers for is accepted, and its predecessor no more")
  func accepted() async throws {
    _ = try await self.folder.open().commit(.token("a"))
    try self.folder.copy(to: "old")
    let last = try await self.folder.open().commit(.token("a", revoked: true))
    try self.folder.copy(to: "new")
    try self.folder.restore("tokens.db", from: "old")
    try SQLiteTokenStore.acceptRestored(path: self.folder.database)
    #expect(try await self.revocation("a") == nil)
    #expect(try await self.folder.open().commit(.token("b")) > last)
    try self.folder.restore("tokens.db", from: "new")
    #expect(self.folder.problem()?.kind == .rolledBack)
    // And without an epoch.
    try FileManager.default.removeItem(atPath: self.folder.epoch)
    try SQLiteTokenStore.acceptRestored(path: self.folder.database)
    #expect(try await self.revocation("a") != nil)
    #expect(try await self.folder.open().commit(.token("c")).number > 1 << 32)
  }

  @Test("a database that is not there is not accepted")
  func nothingToAccept() {
    #expect(throws: SQLiteStoreProblem.self) {
      try SQLiteTokenStore.acceptRestored(path: self.folder.database)
    }
  }
}
