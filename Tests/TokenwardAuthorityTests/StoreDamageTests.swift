// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import GRDB
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardSQLite
import TokenwardTestKit

/// Bytes that change on the disk are noticed, not believed.
@Suite struct StoreDamageTests {
  private let folder: StoreFolder

  init() throws { self.folder = try StoreFolder() }

  private var url: URL { URL(filePath: self.folder.database) }

  /// A closed database with tokens in it, without a WAL.
  private func fill(_ count: Int) async throws -> Data {
    var transaction = StoreTransaction()
    transaction.written = (0 ..< count).map {
      .token(SampleRecords.fullToken(TokenID("token \($0)"), text: "x"))
    }
    _ = try await self.folder.open().commit(transaction)
    return try Data(contentsOf: self.url)
  }

  @Test("a flipped bit in any row is damage at start")
  func flippedBits() async throws {
    let whole = try await self.fill(3)
    #expect(self.folder.problem() == nil)
    // Within what was written: names, labels and digests of the records.
    let needle = Data("audience-17x".utf8)
    let place = try #require(whole.range(of: needle)).lowerBound
    var seed: UInt64 = 42
    for round in 0 ..< 64 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1
      // The record of a full token is longer than this in both directions.
      let offset = place - 1_000 + Int(seed >> 33) % 2_000
      var damaged = whole
      damaged[offset] ^= 1 << UInt8(round % 8)
      try damaged.write(to: self.url)
      let problem = self.folder.problem()
      #expect(
        problem?.kind == .damaged,
        "byte \(offset), bit \(round % 8): \(String(describing: problem))"
      )
    }
    try whole.write(to: self.url)
    #expect(self.folder.problem() == nil)
  }

  @Test("no byte of the file can be changed so that opening it ends the process or believes it")
  func everyPage() async throws {
    let whole = try await self.fill(20)
    let original = try await StoreDamageTests.contents(of: self.folder)
    var refused = 0
    for offset in stride(from: 0, to: whole.count, by: 397) {
      var damaged = whole
      damaged[offset] ^= 0x55
      try damaged.write(to: self.url)
      do throws(SQLiteStoreProblem) {
        let store = try self.folder.open()
        // Bytes that nothing is kept in may change; what is read must not.
        var records: [Set<StoredRecord>] = []
        do throws(StoreError) {
          records = [try await StoreDamageTests.contents(of: store)]
        } catch {
          refused += 1
        }
        if let records = records.first { #expect(records == original, "byte \(offset)") }
      } catch {
        refused += 1
      }
      for suffix in ["-wal", "-shm"] {
        try? FileManager.default.removeItem(atPath: self.folder.database + suffix)
      }
    }
    #expect(refused > whole.count / 397 / 2)
  }

  private static func contents(of folder: StoreFolder) async throws -> Set<StoredRecord> {
    try await Self.contents(of: folder.open())
  }

  private static func contents(
    of store: SQLiteTokenStore
  ) async throws(StoreError) -> Set<
    StoredRecord
  > {
    var records: Set<StoredRecord> = []
    var query = TokenQuery()
    query.limit = AuthorityLimits.largestPage
    for record in try await store.tokens(query) { records.insert(record) }
    _ = try await store.forEach { _ in }
    return records
  }

  @Test("a damaged page says what to do")
  func damagedPage() async throws {
    var damaged = try await self.fill(200)
    let half = damaged.count / 2 / 4_096 * 4_096
    damaged.replaceSubrange(half ..< half + 4_096, with: Data(repeating: 0xA5, count: 4_096))
    try damaged.write(to: self.url)
    let problem = try #require(self.folder.problem())
    #expect(problem.kind == .damaged)
    #expect(problem.hint.contains("backup"))
    #expect(throws: SQLiteStoreProblem.self) {
      try SQLiteTokenStore.acceptRestored(path: self.folder.database)
    }
    try Data("this is no database, whatever it is called".utf8).write(to: self.url)
    #expect(self.folder.problem()?.kind == .damaged)
  }

  @Test("a row that changes while the store is open is an error, and the others are not")
  func laterDamage() async throws {
    let store = try self.folder.open()
    _ = try await store.commit(.token("a"))
    let version = try await store.commit(.token("b"))
    try self.change("UPDATE rows SET revoked = 1 WHERE key = CAST('a' AS BLOB)")
    await #expect { try await store.read([.token("a")]) } throws: { Self.isCorruption($0) }
    await #expect { try await store.tokens(TokenQuery()) } throws: { Self.isCorruption($0) }
    await #expect { try await store.forEach { _ in } } throws: { Self.isCorruption($0) }
    await #expect { try await store.commit(.token("a")) } throws: { Self.isCorruption($0) }
    await #expect {
      try await store.note([TokenUse(id: "a", at: SampleRecords.start)])
    } throws: { Self.isCorruption($0) }
    #expect(try await store.read([.token("b")]).first??.version == version)
    #expect(try await store.commit(.token("c")) > version)
  }

  @Test(
    "rows that are added, removed, doubled or exchanged from outside do not add up",
    arguments: [
      "DELETE FROM rows WHERE key = CAST('a' AS BLOB)",
      """
      INSERT INTO rows SELECT 100, kind, CAST('z' AS BLOB), tenant, owner, expires, revoked, version,
        record, checksum FROM rows WHERE key = CAST('a' AS BLOB)
      """,
      "UPDATE rows SET key = CAST('z' AS BLOB) WHERE key = CAST('a' AS BLOB)",
      "UPDATE rows SET version = 'text' WHERE key = CAST('a' AS BLOB)",
      "UPDATE rows SET record = NULLIF(record, record) || '' WHERE 0; UPDATE rows SET record = 'text'",
      "UPDATE state SET version = version + 1", "UPDATE state SET identity = x'00'",
      "UPDATE state SET records = 'many'", "DELETE FROM state", "DROP TABLE state",
      "UPDATE rows SET checksum = 'sum'", "DROP INDEX rows_by_key; DELETE FROM rows",
    ]
  )
  func edited(sql: String) async throws {
    _ = try await self.folder.open().commit(.token("a"))
    _ = try await self.folder.open().commit(.token("b"))
    #expect(self.folder.problem() == nil)
    try self.change(sql)
    #expect(self.folder.problem()?.kind == .damaged)
  }

  private func change(_ sql: String) throws {
    let queue = try DatabaseQueue(path: self.folder.database)
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
  }

  private static func isCorruption(_ error: any Error) -> Bool {
    if case .corrupted? = error as? StoreError { true } else { false }
  }
}
