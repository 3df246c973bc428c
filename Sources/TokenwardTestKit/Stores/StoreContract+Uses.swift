// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore

extension StoreContract {
  static let useChecks: [Check] = [
    Check("the last use of a token moves forward only, without a new version") { store in
      var found = Findings()
      var record = SampleRecords.fullToken("a")
      record.lastUsedAt = nil
      let version = try await store.commit(.writing(.token(record)))
      let start = SampleRecords.start
      for (noted, kept) in [(10, 10), (5, 10), (10, 10), (11, 11)] as [(Int64, Int64)] {
        try await store.note([TokenUse(id: "a", at: start.adding(seconds: noted))])
        record.lastUsedAt = start.adding(seconds: kept)
        let read = try await store.read([.token("a")])
        found.expectSame(read.first ?? nil, .token(record), "the token used at \(noted)")
        found.expect(read.first??.version == version, "a use changed the version")
      }
      let uses = [12, 14, 13].map { TokenUse(id: "a", at: start.adding(seconds: $0)) }
      try await store.note(uses + [TokenUse(id: "unknown", at: start)])
      record.lastUsedAt = start.adding(seconds: 14)
      let read = try await store.read([.token("a"), .token("unknown")])
      found.expectSame(read.first ?? nil, .token(record), "the token used three times at once")
      found.expect(read.last == .some(nil), "a use made a token")
      var check = StoreTransaction()
      check.expect(.token("a"), at: version)
      found.expect(try await store.commit(check) == version, "a use was a commit")
      try await store.note([])
      return found
    },
    Check("a commit does not move the last use back") { store in
      var found = Findings()
      var record = SampleRecords.token("a")
      let version = try await store.commit(.writing(.token(record)))
      let used = SampleRecords.start.adding(seconds: 10)
      try await store.note([TokenUse(id: "a", at: used)])
      record.name = "changed by somebody who has not seen the use"
      var transaction = StoreTransaction()
      transaction.write(.token(record), replacing: version)
      _ = try await store.commit(transaction)
      record.lastUsedAt = used
      let read = try await store.read([.token("a")])
      found.expectSame(read.first ?? nil, .token(record), "the token")
      record.lastUsedAt = used.adding(seconds: 1)
      _ = try await store.commit(.writing(.token(record)))
      let later = try await store.read([.token("a")])
      found.expectSame(later.first ?? nil, .token(record), "the token written with a later use")
      return found
    },
    Check("a digest replaces the one it was computed from, and nothing else") { store in
      var found = Findings()
      var record = SampleRecords.token("a")
      record.secret = SampleRecords.digest(2)
      record.previous = .init(secret: SampleRecords.digest(1), until: SampleRecords.start)
      record.lastUsedAt = SampleRecords.start
      let version = try await store.commit(.writing(.token(record)))
      func note(_ old: SecretDigest, _ new: SecretDigest, at time: UnixTime) async throws {
        try await store.note([TokenUse(id: "a", at: time, rekeyed: .init(old: old, new: new))])
      }
      func check(_ what: String) async throws {
        let read = try await store.read([.token("a")])
        found.expectSame(read.first ?? nil, .token(record), what)
        found.expect(read.first??.version == version, "\(what): the version changed")
      }
      let first = SampleRecords.digest(11, pepper: 2)
      try await note(SampleRecords.digest(1), first, at: SampleRecords.start)
      record.previous?.secret = first
      try await check("the digest of the previous secret")
      let second = SampleRecords.digest(12, pepper: 2)
      // Noted late: an older use still brings its digest.
      try await note(
        SampleRecords.digest(2),
        second,
        at: SampleRecords.start.adding(seconds: -5)
      )
      record.secret = second
      try await check("the digest of the present secret")
      try await note(SampleRecords.digest(3), SampleRecords.digest(13), at: SampleRecords.start)
      try await check("a digest that is not there")
      var otherPepper = second
      otherPepper.pepper = 1
      try await note(otherPepper, SampleRecords.digest(14), at: SampleRecords.start)
      try await check("the same code under another pepper")
      try await note(SampleRecords.digest(2), SampleRecords.digest(15), at: SampleRecords.start)
      try await check("a digest that was replaced before")
      return found
    },
  ]
}
