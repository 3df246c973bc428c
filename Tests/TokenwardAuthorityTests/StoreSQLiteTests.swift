// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import GRDB
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardSQLite
import TokenwardTestKit

/// The store in SQLite: the contract, what stays after it is closed, and whose the file is.
@Suite struct StoreSQLiteTests {
  @Test("a database that was closed is whole without its log; one that is in use is not")
  func closing() async throws {
    let folder = try StoreFolder()
    let store = try folder.open()
    let version = try await store.commit(.token("a", revoked: true))
    func copied(_ name: String) async throws -> (StoreVersion, StoredRecord?) {
      try folder.copy(to: name)
      let path = "\(folder.path)/\(name)/tokens.db"
      try? FileManager.default.removeItem(atPath: path + "-wal")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o700],
        ofItemAtPath: "\(folder.path)/\(name)"
      )
      try SQLiteTokenStore.acceptRestored(path: path)
      let copy = try SQLiteTokenStore(path: path)
      return (try await copy.forEach { _ in }, try await copy.read([.token("a")])[0])
    }
    #expect(try await copied("running").1 == nil)
    #expect(await store.close())
    #expect(try await copied("closed").1?.version == version)
    do throws(StoreError) {
      _ = try await store.commit(.token("b"))
      Issue.record("a closed store wrote")
    } catch {
      guard case .unavailable = error else {
        Issue.record("\(error)")
        return
      }
    }
    await #expect(throws: StoreError.self) { try await store.read([.token("a")]) }
    #expect(!(await store.close()))
  }

  @Test("the store in SQLite keeps the contract", arguments: StoreContract.checks)
  func contract(check: StoreContract.Check) async throws {
    let folder = try StoreFolder()
    #expect(await check.problems(of: try folder.open()) == [])
    // Whatever the check did: it can be opened again, and all adds up.
    #expect(folder.problem() == nil)
  }

  @Test(
    "it keeps the contract when every other operation fails before it happens",
    arguments: StoreContract.checks
  )
  func contractWithFaults(check: StoreContract.Check) async throws {
    let folder = try StoreFolder()
    let faulty = FaultyStore(try folder.open()) { _, count in
      count % 2 == 0 ? .fails(.unavailable("injected")) : nil
    }
    #expect(await check.problems(of: RetryingStore(faulty)) == [])
  }

  @Test("what was committed is there after the store was closed and opened again")
  func reopening() async throws {
    let folder = try StoreFolder()
    let records =
      SampleRecords.awkwardTexts.flatMap { SampleRecords.everyKind($0) }
      + SampleRecords.signingKeys()
    var transaction = StoreTransaction()
    transaction.written = records
    let version = try await folder.open().commit(transaction)
    let store = try folder.open()
    for (read, record) in zip(try await store.read(records.map(\.key)), records) {
      #expect(read.map { RecordWriter.encode($0.record) } == RecordWriter.encode(record))
      #expect(read?.version == version)
    }
    #expect(try await store.commit(.token("next")) > version)
  }

  @Test("a conflict of one caller does not fail those who are written with it")
  func neighbours() async throws {
    let folder = try StoreFolder()
    let store = try folder.open()
    let version = try await store.commit(.token("there"))
    let outcomes = await withTaskGroup(of: Bool.self) { group in
      for number in 0 ..< 64 {
        group.addTask {
          var transaction = StoreTransaction.token("token \(number)")
          // Every other one expects what is not so.
          transaction.expect(
            .token("there"),
            at: number % 2 == 0 ? version : StoreVersion(version.number + 1)
          )
          do throws(StoreError) {
            _ = try await store.commit(transaction)
            return number % 2 == 0
          } catch {
            return number % 2 == 1 && error == .conflict
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes.allSatisfy { $0 })
    #expect(try await store.tokens(TokenQuery()).count == 33)
  }

  @Test("ids that look like SQL are only ids")
  func injection() async throws {
    let folder = try StoreFolder()
    let store = try folder.open()
    _ = try await store.commit(.token("kept"))
    for text in ["'; DELETE FROM rows; --", "kept' OR '1'='1", "x\0'; DROP TABLE rows; --"] {
      #expect(try await store.read([.token(TokenID(text))]) == [nil])
      _ = try await store.commit(.token(text))
      var query = TokenQuery()
      query.owner = Owner(text)
      query.tenant = Tenant(text)
      query.after = TokenID(text)
      query.role = Role(text)
      query.labels = [text: text]
      #expect(try await store.tokens(query).isEmpty)
      try await store.note([TokenUse(id: TokenID(text), at: SampleRecords.start)])
      var removal = StoreTransaction()
      removal.removed = [.token(TokenID(text))]
      _ = try await store.commit(removal)
    }
    #expect(try await store.read([.token("kept")]).first??.record.key == .token("kept"))
    #expect(try await store.tokens(TokenQuery()).count == 1)
  }

  @Test("nobody else can read the files of a store")
  func modes() async throws {
    let folder = try StoreFolder()
    let store = try folder.open()
    _ = try await store.commit(.token("a"))
    for suffix in ["", "-wal", "-shm", ".epoch", ".lock"] {
      #expect(try folder.mode(of: folder.database + suffix) == 0o600, "tokens.db\(suffix)")
    }
    withExtendedLifetime(store) {}
  }

  @Test("a database that others can read, or a folder that others can write to, is refused")
  func otherUsers() async throws {
    let folder = try StoreFolder()
    _ = try await folder.open().commit(.token("a"))
    for (path, bad, good) in [
      (folder.database, 0o640, 0o600), (folder.database, 0o604, 0o600),
      (folder.epoch, 0o644, 0o600), (folder.database + ".lock", 0o620, 0o600),
      (folder.path, 0o770, 0o700), (folder.path, 0o1777, 0o755),
    ] {
      try FileManager.default.setAttributes([.posixPermissions: bad], ofItemAtPath: path)
      let problem = folder.problem()
      #expect(problem?.kind == .unsuitable && problem?.path == path, "\(path) \(bad)")
      try FileManager.default.setAttributes([.posixPermissions: good], ofItemAtPath: path)
      #expect(folder.problem() == nil)
    }
  }

  @Test(
    "a path that is no file of its own is refused",
    arguments: ["", ":memory:", "file:x", "a\0b", "folder/"]
  )
  func paths(path: String) {
    #expect(throws: SQLiteStoreProblem.self) { try SQLiteTokenStore(path: path) }
  }

  @Test("a link in place of the database is refused")
  func links() async throws {
    let folder = try StoreFolder()
    _ = try await folder.open().commit(.token("a"))
    try FileManager.default.moveItem(atPath: folder.database, toPath: folder.path + "/real.db")
    try FileManager.default.createSymbolicLink(
      atPath: folder.database,
      withDestinationPath: folder.path + "/real.db"
    )
    #expect(folder.problem()?.kind == .unsuitable)
  }

  @Test("a second store on the same database is refused while the first is open")
  func twoOpeners() async throws {
    let folder = try StoreFolder()
    var first: SQLiteTokenStore? = try folder.open()
    _ = try await first?.commit(.token("a"))
    #expect(folder.problem()?.kind == .inUse)
    #expect(throws: SQLiteStoreProblem.self) {
      try SQLiteTokenStore.acceptRestored(path: folder.database)
    }
    _ = try await first?.commit(.token("b"))
    first = nil
    #expect(folder.problem() == nil)
  }

  @Test("a database of a later version is refused, and so is one of another program")
  func versions() async throws {
    let folder = try StoreFolder()
    _ = try await folder.open().commit(.token("a"))
    func change(_ sql: String) throws {
      let queue = try DatabaseQueue(path: folder.database)
      try queue.write { try $0.execute(sql: sql) }
      try queue.close()
    }
    try change("INSERT INTO grdb_migrations VALUES ('2 from the future')")
    #expect(folder.problem()?.kind == .foreign)
    try change("DELETE FROM grdb_migrations WHERE identifier = '2 from the future'")
    #expect(folder.problem() == nil)
    try change("PRAGMA application_id = 1")
    #expect(folder.problem()?.kind == .foreign)
  }

  @Test("reading goes on while a transaction is being written")
  func readers() async throws {
    let folder = try StoreFolder()
    let store = try folder.open()
    _ = try await store.commit(.token("a"))
    // Another connection holds the right to write: commits wait, reads do not.
    let other = try DatabaseQueue(path: folder.database)
    let semaphore = DispatchSemaphore(value: 0)
    let holding = AsyncStream<Void>.makeStream()
    other.asyncWriteWithoutTransaction { db in
      try? db.inTransaction(.immediate) {
        holding.continuation.yield()
        semaphore.wait()
        return .rollback
      }
    }
    for await _ in holding.stream { break }
    async let commit = store.commit(.token("b"))
    #expect(try await store.read([.token("a"), .token("b")]).map { $0 != nil } == [true, false])
    #expect(try await store.tokens(TokenQuery()).count == 1)
    semaphore.signal()
    #expect(try await commit > StoreVersion(1))
    #expect(try await store.tokens(TokenQuery()).count == 2)
  }
}
