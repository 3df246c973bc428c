// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

@Suite("A table of API tokens that is full")
struct AuthorityFullTableTests {
  @Test("it takes no other token, and still learns that one of its own was taken back")
  func full() throws {
    let snapshot = APITokenSnapshot(mostPerShard: 2)
    let start = UnixTime(seconds: 1_000)
    func entry(_ number: Int, isRevoked: Bool = false) -> APITokenEntry {
      let digits = String(number)
      return APITokenEntry(
        id: TokenID(String(repeating: "0", count: 16 - digits.utf8.count) + digits),
        tenant: .main,
        owner: "orders",
        audiences: ["orders"],
        createdAt: start,
        expiresAt: UnixTime(seconds: 10_000),
        isRevoked: isRevoked,
        secret: .init(pepper: 1, code: [UInt8](repeating: 7, count: 32))
      )
    }
    let numbers = Array(0 ..< 5_000)
    let known = Set(numbers.filter { snapshot.put(entry($0)) })
    // Every part is full by now: 256 of two.
    #expect(known.count == 512)
    #expect(snapshot.count == 512)
    for number in numbers {
      #expect(snapshot.put(entry(number, isRevoked: true)) == known.contains(number))
      #expect(
        snapshot.state(of: entry(number).id, at: start)
          == (known.contains(number) ? .revoked : .unknown)
      )
    }
    #expect(snapshot.count == 512)
    let first = try #require(known.first)
    snapshot.remove(entry(first).id)
    #expect(snapshot.put(entry(first)))
    #expect(snapshot.state(of: entry(first).id, at: start) == .active)
  }
}
