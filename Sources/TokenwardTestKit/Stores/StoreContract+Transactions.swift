// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore

extension StoreContract {
  static let transactionChecks: [Check] = [
    Check("what was committed is read, and what was not is not") { store in
      var found = Findings()
      let token = StoreRecord.token(SampleRecords.token("a"))
      let before = try await store.read([token.key])
      found.expect(before == [nil], "an empty store knows a record")
      let version = try await store.commit(.writing(token))
      let read = try await store.read([.token("b"), token.key, .withdrawn("a"), token.key])
      found.expect(read.count == 4, "\(read.count) answers to 4 keys")
      guard read.count == 4 else { return found }
      found.expect(read[0] == nil && read[2] == nil, "another key found the record")
      found.expectSame(read[1], token, "the record")
      found.expectSame(read[3], token, "the record, asked for twice,")
      found.expect(read[1]?.version == version, "the record has not the version of its commit")
      found.expect(try await store.read([]).isEmpty, "no key found something")
      return found
    },
    Check("versions grow, and all records of a commit share one") { store in
      var found = Findings()
      let records = SampleRecords.everyKind("x")
      let first = try await store.commit(.writing(records))
      let second = try await store.commit(.writing(.token(SampleRecords.token("y"))))
      let third = try await store.commit(.writing(records[0]))
      found.expect(StoreVersion(0) < first && first < second && second < third, "they do not grow")
      let read = try await store.read(records.map(\.key))
      found.expect(read.first??.version == third, "a record written again kept its version")
      found.expect(read.dropFirst().allSatisfy { $0?.version == first }, "they do not share one")
      return found
    },
    Check("a record that changed since it was read is not written over") { store in
      var found = Findings()
      var role = RoleRecord(
        role: "r",
        scopes: ["one"],
        methods: [],
        changedAt: SampleRecords.start
      )
      var make = StoreTransaction()
      make.write(.role(role), replacing: nil)
      let first = try await store.commit(make)
      try await found.expectConflict(
        make,
        in: store,
        "what expects absence of a record that is there"
      )
      role.scopes = ["two"]
      var change = StoreTransaction()
      change.write(.role(role), replacing: first)
      let second = try await store.commit(change)
      try await found.expectConflict(change, in: store, "what expects an older version")
      var ahead = StoreTransaction()
      ahead.write(.role(role), replacing: StoreVersion(second.number + 1))
      try await found.expectConflict(ahead, in: store, "what expects a version yet to come")
      var other = StoreTransaction()
      other.write(.role(role), replacing: second)
      other.expect(.tenant("none"), at: second)
      try await found.expectConflict(other, in: store, "what expects a record that is not there")
      other.expect(.tenant("none"), at: nil)
      found.expect(try await store.commit(other) > second, "a good expectation is no commit")
      return found
    },
    Check("a transaction that fails leaves nothing of it") { store in
      var found = Findings()
      let kept = StoreRecord.token(SampleRecords.token("kept"))
      let version = try await store.commit(.writing(kept))
      var changed = SampleRecords.token("kept")
      changed.name = "changed"
      var bad = StoreTransaction.writing(SampleRecords.everyKind("x") + [.token(changed)])
      bad.removed = [.token("other")]
      bad.expect(.role("never"), at: version)
      try await found.expectConflict(bad, in: store, "a transaction with one bad expectation")
      let read = try await store.read(bad.written.map(\.key))
      found.expect(read.dropLast().allSatisfy { $0 == nil }, "some of it was written")
      found.expectSame(read.last ?? nil, kept, "what it would have changed")
      var check = StoreTransaction()
      check.expect(kept.key, at: version)
      found.expect(try await store.commit(check) == version, "it counted as a commit")
      return found
    },
    Check("a transaction that names a key twice is refused") { store in
      var found = Findings()
      let token = StoreRecord.token(SampleRecords.token("a"))
      let twice = StoreTransaction.writing([token, token])
      try await found.expectConflict(twice, in: store, "writing one key twice")
      var both = StoreTransaction.writing(token)
      both.removed = [token.key]
      try await found.expectConflict(both, in: store, "writing and removing one key")
      var removes = StoreTransaction()
      removes.removed = [token.key, token.key]
      try await found.expectConflict(removes, in: store, "removing one key twice")
      found.expect(try await store.read([token.key]) == [nil], "some of it was written")
      var alike = StoreTransaction.writing(token)
      alike.written.append(.withdrawn(.init(id: "a", expiresAt: SampleRecords.start)))
      _ = try await store.commit(alike)
      return found
    },
    Check("what is removed is gone, and removing nothing changes nothing") { store in
      var found = Findings()
      let records = SampleRecords.everyKind("x") + SampleRecords.signingKeys()
      let first = try await store.commit(.writing(records))
      var removal = StoreTransaction()
      removal.removed = records.map(\.key) + [.token("never was")]
      removal.expect(records[0].key, at: first)
      found.expect(try await store.commit(removal) > first, "a removal is no commit")
      let read = try await store.read(records.map(\.key))
      found.expect(read.allSatisfy { $0 == nil }, "something is still there")
      try await found.expectConflict(removal, in: store, "what expects a removed record")
      var again = StoreTransaction()
      again.write(records[0], replacing: nil)
      found.expect(try await store.commit(again) > first, "a removed record cannot come back")
      return found
    },
    Check("a transaction that changes nothing is checked and is no commit") { store in
      var found = Findings()
      let empty = try await store.commit(StoreTransaction())
      found.expect(empty == StoreVersion(0), "nothing was committed, and the version is \(empty)")
      let version = try await store.commit(.writing(.token(SampleRecords.token("a"))))
      found.expect(try await store.commit(StoreTransaction()) == version, "it is a commit")
      return found
    },
  ]
}

extension StoreTransaction {
  static func writing(_ record: StoreRecord) -> Self { Self.writing([record]) }

  /// Writes records whatever was there before.
  static func writing(_ records: [StoreRecord]) -> Self {
    var transaction = Self()
    transaction.written = records
    return transaction
  }
}
