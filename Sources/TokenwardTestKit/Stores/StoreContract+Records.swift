// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardAuthority
internal import TokenwardCore

extension StoreContract {
  static let recordChecks: [Check] = [
    Check("every field of every record comes back byte for byte") { store in
      var found = Findings()
      for text in SampleRecords.awkwardTexts {
        let records = SampleRecords.everyKind(text)
        _ = try await store.commit(.writing(records))
        for (read, record) in zip(try await store.read(records.map(\.key)), records) {
          found.expectSame(
            read,
            record,
            "\(record.key.kind) with the text \(text.debugDescription)"
          )
        }
      }
      let keys = SampleRecords.signingKeys()
      _ = try await store.commit(.writing(keys))
      for (read, key) in zip(try await store.read(keys.map(\.key)), keys) {
        found.expectSame(read, key, "a signing key")
      }
      return found
    },
    Check("names that only look alike are different") { store in
      var found = Findings()
      let ids: [TokenID] = ["K", "\u{212A}", "k", "\u{E9}", "e\u{301}", "a", "a\0", "a\0b", ""]
      for id in ids {
        var transaction = StoreTransaction()
        var record = SampleRecords.token(id)
        record.name = "name of \(id)"
        transaction.write(.token(record), replacing: nil)
        _ = try await store.commit(transaction)
      }
      for id in ids {
        var record = SampleRecords.token(id)
        record.name = "name of \(id)"
        let read = try await store.read([.token(id)])
        found.expectSame(read.first ?? nil, .token(record), "the token \(id.text.debugDescription)")
      }
      let owners: [(Tenant, Owner)] = [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", "")]
      for (tenant, owner) in owners {
        var transaction = StoreTransaction()
        let record = OwnerRecord(tenant: tenant, owner: owner, changedAt: SampleRecords.start)
        transaction.write(.owner(record), replacing: nil)
        _ = try await store.commit(transaction)
      }
      return found
    },
    Check("every record is handed over once, with its version") { store in
      var found = Findings()
      var expected: [StoreKey: StoredRecord] = [:]
      for text in ["one", "'two'", "K", "\u{212A}"] {
        let records = SampleRecords.everyKind(text)
        let version = try await store.commit(.writing(records))
        for record in records { expected[record.key] = StoredRecord(record, version: version) }
      }
      let keys = SampleRecords.signingKeys()
      let last = try await store.commit(.writing(keys))
      for key in keys { expected[key.key] = StoredRecord(key, version: last) }
      let seen = try await Self.all(of: store)
      found.expect(seen.version == last, "the picture has version \(seen.version), not \(last)")
      found.expect(seen.records.count == expected.count, "\(seen.records.count) records")
      for record in seen.records {
        found.expectSame(record, expected[record.record.key]?.record, "\(record.record.key.kind)")
        found.expect(record.version == expected[record.record.key]?.version, "a version is wrong")
      }
      return found
    },
    Check("an empty store hands over nothing, of version 0") { store in
      var found = Findings()
      let seen = try await Self.all(of: store)
      found.expect(seen.records.isEmpty && seen.version == StoreVersion(0), "it has something")
      return found
    },
    Check("what has expired is forgotten, and nothing else") { store in
      var found = Findings()
      func withdrawn(_ id: TokenID, _ offset: Int64) -> StoreRecord {
        .withdrawn(.init(id: id, expiresAt: SampleRecords.start.adding(seconds: offset)))
      }
      func receipt(_ key: UInt8, _ offset: Int64) -> StoreRecord {
        .receipt(
          ReceiptRecord(
            key: [key],
            request: [],
            token: "t",
            rotations: 0,
            pepper: 1,
            expiresAt: SampleRecords.start.adding(seconds: offset)
          )
        )
      }
      func token(_ id: TokenID, _ offset: Int64) -> StoreRecord {
        .token(SampleRecords.token(id, lifetime: offset))
      }
      var almost = SampleRecords.token("almost")
      almost.expiresAt = UnixTime(
        seconds: SampleRecords.start.seconds - 100,
        nanoseconds: SampleRecords.start.nanoseconds - 1
      )
      let gone = [withdrawn("old", -1), receipt(1, -1), token("old", -101), .token(almost)]
      let kept =
        [withdrawn("now", 0), withdrawn("new", 1), receipt(2, 0), receipt(3, 1)]
        + [token("between", -100), token("old enough for receipts", -1), token("new", 1)]
        + SampleRecords.everyKind("x")
      let version = try await store.commit(.writing(gone + kept))
      var rounds = 0
      while try await store.forget(
        receiptsBefore: SampleRecords.start,
        tokensBefore: SampleRecords.start.adding(seconds: -100)
      ), rounds < 100 { rounds += 1 }
      let left = try await store.read(gone.map(\.key))
      found.expect(left.allSatisfy { $0 == nil }, "something that has expired is still there")
      for (read, record) in zip(try await store.read(kept.map(\.key)), kept) {
        found.expectSame(read, record, "\(record.key)")
        found.expect(read?.version == version, "forgetting changed a version of what is kept")
      }
      let next = try await store.commit(.writing(token("after", 1)))
      found.expect(next > version, "versions do not go on after something was forgotten")
      return found
    },
  ]

  /// Everything that a store hands over.
  static func all(
    of store: any TokenStore
  ) async throws(StoreError) -> (records: [StoredRecord], version: StoreVersion) {
    let records = Collected()
    let version = try await store.forEach { record in records.list.withLock { $0.append(record) } }
    return (records.list.withLock { $0 }, version)
  }
}

private final class Collected: Sendable {
  let list = Mutex<[StoredRecord]>([])
}
