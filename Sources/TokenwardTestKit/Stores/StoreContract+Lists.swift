// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore

extension StoreContract {
  static let listChecks: [Check] = [
    Check("tokens are listed in byte order, page by page") { store in
      var found = Findings()
      let ids: [TokenID] = [
        "", "\0", "A", "K", "Z", "a", "a\0", "aa", "b", "e\u{301}", "z", "\u{E9}", "\u{212A}",
        "\u{FFFD}", "\u{10000}",
      ]
      // Written backwards, one by one: the order is not that of writing.
      for id in ids.reversed() {
        _ = try await store.commit(.writing(.token(SampleRecords.token(id))))
      }
      for limit in [1, 4, ids.count, 100] {
        var query = TokenQuery()
        query.limit = limit
        var listed: [TokenID] = []
        while listed.count <= ids.count {
          let page = Self.ids(try await store.tokens(query))
          found.expect(page.count <= limit, "\(page.count) tokens in a page of \(limit)")
          guard let last = page.last else { break }
          listed += page
          query.after = last
        }
        found.expect(listed == ids, "in pages of \(limit): \(listed)")
      }
      var query = TokenQuery()
      query.after = "a\u{1}"
      query.limit = 1
      found.expect(
        Self.ids(try await store.tokens(query)) == ["aa"],
        "after an id that is not there"
      )
      return found
    },
    Check("a limit outside its bounds counts as the nearest one inside") { store in
      var found = Findings()
      let most = AuthorityLimits.largestPage
      let records = (0 ... most).map { StoreRecord.token(SampleRecords.token(TokenID("t\($0)"))) }
      _ = try await store.commit(.writing(records))
      for (limit, expected) in [(Int.min, 1), (0, 1), (1, 1), (most, most), (Int.max, most)] {
        var query = TokenQuery()
        query.limit = limit
        let count = try await store.tokens(query).count
        found.expect(count == expected, "\(count) tokens with the limit \(limit)")
      }
      return found
    },
    Check("tokens are filtered by the bytes of what is asked for") { store in
      var found = Findings()
      _ = try await store.commit(.writing(Self.filterable.map { .token($0) }))
      for (name, query, expected) in Self.queries {
        let listed = Self.ids(try await store.tokens(query))
        found.expect(listed == expected, "\(name): \(listed) instead of \(expected)")
      }
      return found
    },
    Check("a list shows records as they are now") { store in
      var found = Findings()
      var record = SampleRecords.token("a")
      _ = try await store.commit(.writing(.token(record)))
      record.owner = "other"
      record.revocation = .init(at: SampleRecords.start, reason: "", by: nil)
      let version = try await store.commit(.writing(.token(record)))
      var query = TokenQuery()
      query.owner = "orders"
      found.expect(try await store.tokens(query).isEmpty, "it is listed under what it was")
      query.owner = "other"
      let listed = try await store.tokens(query)
      found.expectSame(listed.first, .token(record), "the record in the list")
      found.expect(listed.first?.version == version, "the list shows another version")
      var removal = StoreTransaction()
      removal.removed = [.token("a")]
      _ = try await store.commit(removal)
      found.expect(try await store.tokens(query).isEmpty, "a removed token is listed")
      return found
    },
  ]

  private static func ids(_ records: [StoredRecord]) -> [TokenID] {
    records.compactMap { if case .token(let record) = $0.record { record.id } else { nil } }
  }

  private static var filterable: [TokenRecord] {
    var plain = SampleRecords.token("1")
    plain.roles = ["K"]
    plain.labels = ["\u{E9}": "K", "b": "2"]
    var kelvin = SampleRecords.token("2", tenant: "\u{212A}", owner: "\u{E9}")
    kelvin.roles = ["x", "\u{212A}"]
    kelvin.labels = ["e\u{301}": "K"]
    var letter = SampleRecords.token("3", tenant: "K", owner: "e\u{301}")
    letter.labels = ["\u{E9}": "\u{212A}"]
    letter.expiresAt = SampleRecords.start
    var revoked = SampleRecords.token("4", tenant: "K", owner: "'; DROP TABLE tokens; --")
    revoked.revocation = .init(at: SampleRecords.start, reason: "", by: nil)
    revoked.expiresAt = UnixTime(
      seconds: SampleRecords.start.seconds,
      nanoseconds: SampleRecords.start.nanoseconds + 1
    )
    return [plain, kelvin, letter, revoked]
  }

  private static var queries: [(String, TokenQuery, [TokenID])] {
    func query(_ change: (inout TokenQuery) -> Void) -> TokenQuery {
      var query = TokenQuery()
      change(&query)
      return query
    }
    return [
      ("everything", query { _ in }, ["1", "2", "3", "4"]),
      ("a tenant", query { $0.tenant = "K" }, ["3", "4"]),
      ("its look-alike", query { $0.tenant = "\u{212A}" }, ["2"]),
      ("an owner", query { $0.owner = "\u{E9}" }, ["2"]),
      ("its other spelling", query { $0.owner = "e\u{301}" }, ["3"]),
      ("an owner like SQL", query { $0.owner = "'; DROP TABLE tokens; --" }, ["4"]),
      ("an owner like a pattern", query { $0.owner = "%" }, []),
      ("a tenant and an owner", query { ($0.tenant, $0.owner) = ("K", "e\u{301}") }, ["3"]),
      ("an owner of another tenant", query { ($0.tenant, $0.owner) = ("main", "e\u{301}") }, []),
      ("a role", query { $0.role = "K" }, ["1"]),
      ("a role's look-alike", query { $0.role = "\u{212A}" }, ["2"]),
      ("a label", query { $0.labels = ["\u{E9}": "K"] }, ["1"]),
      ("another spelling of its name", query { $0.labels = ["e\u{301}": "K"] }, ["2"]),
      ("a look-alike of its value", query { $0.labels = ["\u{E9}": "\u{212A}"] }, ["3"]),
      ("two labels", query { $0.labels = ["\u{E9}": "K", "b": "2"] }, ["1"]),
      ("one label of two", query { $0.labels = ["\u{E9}": "K", "b": "3"] }, []),
      ("not the revoked", query { $0.includesRevoked = false }, ["1", "2", "3"]),
      ("what expires later", query { $0.expiresAfter = SampleRecords.start }, ["1", "2", "4"]),
      (
        "what expires later and the first page",
        query {
          $0.expiresAfter = SampleRecords.start
          $0.includesRevoked = false
          $0.limit = 1
          $0.after = "1"
        },
        ["2"]
      ),
    ]
  }
}
