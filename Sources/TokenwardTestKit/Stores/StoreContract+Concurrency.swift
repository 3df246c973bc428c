// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardAuthority
internal import TokenwardCore

extension StoreContract {
  static let concurrencyChecks: [Check] = [
    Check("16 writers that compare and set lose nothing, even if answers are lost") { store in
      var found = Findings()
      let each: Int64 = 8
      let writers = 16
      try await withThrowingTaskGroup { group in
        for writer in 0 ..< writers {
          group.addTask { try await Counter(store: store, writer: writer).count(to: each) }
        }
        try await group.waitForAll()
      }
      let counter = try await Counter.persistently { () throws(StoreError) in
        try await store.read([Counter.shared])
      }
      let generation = Counter.value(counter.first ?? nil)
      found.expect(
        generation == each * Int64(writers),
        "\(writers) writers counted to \(each) each, and the sum is \(generation)"
      )
      return found
    },
    Check("of 16 who want to make one record, one does") { store in
      var found = Findings()
      let made = try await withThrowingTaskGroup(of: TokenID?.self) { group in
        for writer in 0 ..< 16 {
          group.addTask {
            var transaction = StoreTransaction()
            var tenant = TenantRecord(tenant: "one", changedAt: SampleRecords.start)
            tenant.reason = "writer \(writer)"
            transaction.write(.tenant(tenant), replacing: nil)
            let id = TokenID("token of writer \(writer)")
            transaction.write(.token(SampleRecords.token(id)), replacing: nil)
            do throws(StoreError) {
              _ = try await store.commit(transaction)
              return id
            } catch .conflict {
              return nil
            }
          }
        }
        var made: [TokenID] = []
        for try await id in group { if let id { made.append(id) } }
        return made
      }
      found.expect(made.count == 1, "\(made.count) of them made it")
      let listed = try await store.tokens(TokenQuery())
      found.expect(listed.map(\.record.key) == made.map { .token($0) }, "others left something")
      return found
    },
    Check("everything that is handed over or read together is of one commit") { store in
      var found = Findings()
      let keys: [StoreKey] = (0 ..< 20).map { .tenant(Tenant("\($0)")) }
      @Sendable func write(_ round: Int) async throws(StoreError) -> StoreVersion {
        try await store.commit(
          .writing(
            (0 ..< 20).map {
              var record = TenantRecord(tenant: Tenant("\($0)"), changedAt: SampleRecords.start)
              record.reason = "\(round)"
              return .tenant(record)
            }
          )
        )
      }
      _ = try await write(0)
      let isOver = Atomic<Bool>(false)
      let shared = Shared(isOver)
      try await withThrowingTaskGroup { group in
        group.addTask {
          for round in 1 ... 60 { _ = try await write(round) }
          shared.flag.store(true, ordering: .releasing)
        }
        repeat {
          let all = try await Self.all(of: store)
          let versions = Set(all.records.map(\.version))
          found.expect(all.records.count == 20, "\(all.records.count) records are handed over")
          found.expect(versions == [all.version], "a picture of \(all.version) has \(versions)")
          let read = try await store.read(keys)
          found.expect(Set(read.map { $0?.version }).count == 1, "a reading mixes commits")
          await Task.yield()
        } while !shared.flag.load(ordering: .acquiring)
        try await group.waitForAll()
      }
      return found
    },
    Check("a caller that is cancelled leaves all of its transaction or nothing") { store in
      var found = Findings()
      for round in 0 ..< 40 {
        let records = SampleRecords.everyKind("round \(round)")
        let task = Task { () throws -> StoreVersion in
          try await store.commit(.writing(records))
        }
        if round % 2 == 0 { await Task.yield() }
        task.cancel()
        let result = await task.result
        let read = try await store.read(records.map(\.key))
        let versions = Set(read.map { $0?.version })
        found.expect(versions.count == 1, "round \(round): some of it is there")
        if case .success(let version) = result {
          found.expect(
            versions == [version],
            "round \(round): it was acknowledged and is not there"
          )
        }
      }
      let after = StoreRecord.token(SampleRecords.token("after"))
      _ = try await store.commit(.writing(after))
      found.expectSame(try await store.read([after.key]).first ?? nil, after, "what came later")
      return found
    },
  ]
}

private final class Shared: Sendable {
  let flag: Atomic<Bool>
  init(_ flag: consuming Atomic<Bool>) { self.flag = flag }
}

/// Counts in a record that all writers share and, in the same transaction, in one of its own. By its
/// own record it knows whether a commit went through whose answer it never got.
private struct Counter {
  let store: any TokenStore
  let writer: Int

  static let shared = StoreKey.owner("counter", "shared")

  func count(to end: Int64) async throws {
    let own = StoreKey.owner("counter", Owner("writer \(self.writer)"))
    while true {
      let read = try await Self.persistently { () throws(StoreError) in
        try await self.store.read([Self.shared, own])
      }
      guard read.count == 2 else { return }
      let count = Self.value(read[1])
      guard count < end else { return }
      var transaction = StoreTransaction()
      transaction.write(
        Self.record("shared", Self.value(read[0]) + 1),
        replacing: read[0]?.version
      )
      transaction.write(
        Self.record(Owner("writer \(self.writer)"), count + 1),
        replacing: read[1]?.version
      )
      do throws(StoreError) {
        _ = try await self.store.commit(transaction)
      } catch .conflict, .unavailable {
        // Read again: that says what happened.
      }
    }
  }

  static func record(_ owner: Owner, _ value: Int64) -> StoreRecord {
    var record = OwnerRecord(tenant: "counter", owner: owner, changedAt: SampleRecords.start)
    record.generation = value
    return .owner(record)
  }

  static func value(_ record: StoredRecord?) -> Int64 {
    if case .owner(let record)? = record?.record { record.generation } else { 0 }
  }

  /// Asks again while the store is unavailable, up to a bound.
  static func persistently<Value>(
    _ body: () async throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    for _ in 0 ..< 100 {
      do throws(StoreError) { return try await body() } catch .unavailable { continue }
    }
    return try await body()
  }
}
