// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardRemote
import TokenwardTestKit

/// What the cache does when a server refuses its token.
@Suite("A token that a server has refused", .timeLimit(.minutes(1)))
struct TokensReplacementTests {
  @Test("is fetched anew, once")
  func once() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 3_600), .token("two", until: 3_600))
    _ = try await cache.ask()
    #expect(try await cache.replacement(for: "one") == "two")
    #expect(cache.fetcher.count == 2)
    #expect(try await cache.ask() == "two")
    // Others that were refused with the old one take the new one.
    for _ in 0 ..< 100 { #expect(try await cache.replacement(for: "one") == "two") }
    #expect(cache.fetcher.count == 2)
  }

  @Test("a thousand calls that were refused cause one fetch")
  func many() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 3_600), .token("two", until: 3_600))
    _ = try await cache.ask()
    cache.fetcher.hold()
    try await withThrowingTaskGroup(of: String?.self) { group in
      for _ in 0 ..< 1_000 { group.addTask { try await cache.replacement(for: "one") } }
      await eventually { cache.source.waitingCount == 1_000 }
      // The token still serves calls that have not been refused.
      #expect(try await cache.source.token().text == "one")
      cache.fetcher.release()
      for try await token in group { #expect(token == "two") }
    }
    #expect(cache.fetcher.count == 2)
  }

  @Test("there is no other one if the source gives the same, and it is not asked on every call")
  func same() async throws {
    let cache = CachedSource()
    for _ in 0 ..< 10 { cache.fetcher.give(.token("one", until: 3_600)) }
    _ = try await cache.ask()
    for _ in 0 ..< 100 { #expect(try await cache.replacement(for: "one") == nil) }
    #expect(cache.fetcher.count == 2)
    cache.clock.advance(milliseconds: 4_999)
    #expect(try await cache.replacement(for: "one") == nil)
    #expect(cache.fetcher.count == 2)
    cache.clock.advance(milliseconds: 1)
    #expect(try await cache.replacement(for: "one") == nil)
    #expect(cache.fetcher.count == 3)
    // It goes on serving: another server may accept it.
    #expect(try await cache.ask() == "one")
  }

  @Test("a server that refuses every token causes one fetch in five seconds")
  func refusesAll() async throws {
    let cache = CachedSource()
    for index in 0 ..< 100 { cache.fetcher.give(.token("token-\(index)", until: 3_600)) }
    for _ in 0 ..< 100 {
      let token = try await cache.ask()
      if let other = try await cache.replacement(for: token) {
        #expect(try await cache.replacement(for: other) == nil)
      }
      cache.clock.advance(milliseconds: 100)
    }
    // Ten seconds: the first token, and one at 0 s and at 5 s.
    #expect(cache.fetcher.count == 3)
  }

  @Test("a fetch that is under way already serves those that were refused, too")
  func joins() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 100), .token("two", until: 1_000))
    _ = try await cache.ask()
    cache.clock.advance(by: 75)
    cache.fetcher.hold()
    #expect(try await cache.source.token().text == "one")
    let call = Task { try await cache.replacement(for: "one") }
    await eventually { cache.source.waitingCount == 1 }
    cache.fetcher.release()
    #expect(try await call.value == "two")
    #expect(cache.fetcher.count == 2)
  }

  @Test("a source that is down says so, and the refused token goes on serving")
  func down() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 3_600), .down())
    _ = try await cache.ask()
    for _ in 0 ..< 10 {
      await #expect(throws: TokenSourceError.self) { try await cache.replacement(for: "one") }
    }
    #expect(cache.fetcher.count == 2)
    #expect(try await cache.ask() == "one")
  }

  @Test("is compared by its bytes, and one that was never ours is replaced by ours")
  func foreign() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 3_600))
    _ = try await cache.ask()
    #expect(try await cache.replacement(for: "One") == "one")
    #expect(cache.fetcher.count == 1)
  }

  @Test("a token that is expired here takes no part")
  func expired() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 100), .token("two", until: 1_000))
    _ = try await cache.ask()
    cache.clock.advance(by: 95)
    #expect(try await cache.replacement(for: "zero") == "two")
  }
}
