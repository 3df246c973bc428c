// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardRemote
import TokenwardTestKit

@Suite("The cache of tokens", .timeLimit(.minutes(1)))
struct TokensCacheTests {
  @Test("fetches once for many calls, and not before the first one")
  func once() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 3_600))
    #expect(cache.fetcher.count == 0)
    for _ in 0 ..< 100 { #expect(try await cache.ask() == "one") }
    #expect(cache.fetcher.count == 1)
  }

  @Test(
    "uses a token, renews it in the background and drops it at the right moment",
    arguments: [
      // Life in seconds; milliseconds after which the renewal begins and the token is dropped.
      (3_600, 3_510_000, 3_570_000), (300, 210_000, 270_000), (100, 70_000, 90_000),
      (10, 7_000, 9_000), (2, 1_400, 1_800), (1, 700, 900),
    ] as [(Int64, Int64, Int64)]
  )
  func boundaries(_ life: Int64, _ due: Int64, _ end: Int64) async throws {
    for (elapsed, fetches, token) in [
      (due - 1, 1, "one"), (due, 2, "one"), (end - 1, 2, "one"), (end, 2, "two"),
    ] {
      let cache = CachedSource()
      cache.fetcher.give(.token("one", until: life), .token("two", until: life + 100_000))
      _ = try await cache.ask()
      cache.clock.advance(milliseconds: elapsed)
      #expect(try await cache.ask() == token, "after \(elapsed) ms of \(life) s")
      #expect(cache.fetcher.count == fetches, "after \(elapsed) ms of \(life) s")
    }
  }

  @Test("chance begins the renewal up to a quarter of its time earlier")
  func jitter() async throws {
    let cache = CachedSource(jitter: 1)
    cache.fetcher.give(.token("one", until: 3_600), .token("two", until: 7_200))
    _ = try await cache.ask()
    cache.clock.advance(milliseconds: 3_494_999)
    _ = try await cache.ask()
    #expect(cache.fetcher.count == 1)
    cache.clock.advance(milliseconds: 1)
    #expect(try await cache.ask() == "one")
    #expect(cache.fetcher.count == 2)
  }

  @Test("calls do not wait for a renewal, and the new token serves as soon as it is there")
  func background() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 100), .token("two", until: 1_000))
    _ = try await cache.ask()
    cache.clock.advance(by: 75)
    cache.fetcher.hold()
    for _ in 0 ..< 100 { #expect(try await cache.source.token().text == "one") }
    #expect(cache.source.isFetching)
    await eventually { cache.fetcher.heldCount == 1 }
    #expect(cache.source.waitingCount == 0)
    cache.fetcher.release()
    await cache.settle()
    #expect(try await cache.ask() == "two")
    #expect(cache.fetcher.count == 2)
  }

  @Test("a thousand calls without a token wait for one fetch")
  func singleFlight() async throws {
    let cache = CachedSource()
    cache.fetcher.hold()
    cache.fetcher.give(.token("one", until: 3_600))
    try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0 ..< 1_000 { group.addTask { try await cache.source.token().text } }
      await eventually { cache.source.waitingCount == 1_000 }
      cache.fetcher.release()
      for try await token in group { #expect(token == "one") }
    }
    #expect(cache.fetcher.count == 1)
    #expect(cache.source.waitingCount == 0)
    #expect(cache.source.waitedCalls == 1_000)
    _ = try await cache.ask()
    #expect(cache.source.waitedCalls == 1_000)
  }

  @Test("they all get its error, and a token that comes later serves")
  func singleFailure() async throws {
    let cache = CachedSource()
    cache.fetcher.hold()
    cache.fetcher.give(.down(), .token("one", until: 3_600))
    await withTaskGroup(of: TokenSourceError?.self) { group in
      for _ in 0 ..< 100 { group.addTask { await cache.failure() } }
      await eventually { cache.source.waitingCount == 100 }
      cache.fetcher.release()
      for await error in group { #expect(error?.problem == "down") }
    }
    #expect(cache.fetcher.count == 1)
    cache.clock.advance(by: 2)
    #expect(try await cache.ask() == "one")
  }

  @Test("a call that is cancelled stops waiting, and takes nobody with it")
  func cancelled() async throws {
    let cache = CachedSource()
    cache.fetcher.hold()
    cache.fetcher.give(.token("one", until: 3_600))
    let first = Task { try await cache.source.token() }
    await eventually { cache.source.waitingCount == 1 }
    let second = Task { try await cache.source.token() }
    await eventually { cache.source.waitingCount == 2 }
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    #expect(cache.source.waitingCount == 1)
    #expect(cache.fetcher.cancellations == 0)
    cache.fetcher.release()
    #expect(try await second.value.text == "one")
    #expect(cache.source.waitingCount == 0)
    #expect(cache.fetcher.count == 1)
  }

  @Test("a call that was cancelled before it asked does not wait")
  func cancelledBefore() async throws {
    let cache = CachedSource()
    cache.fetcher.hold()
    let call = Task {
      await eventually { Task.isCancelled }
      return try await cache.source.token()
    }
    call.cancel()
    await #expect(throws: CancellationError.self) { try await call.value }
    #expect(cache.source.waitingCount == 0)
    cache.fetcher.release()
  }

  @Test("only so many calls wait; the others fail at once and may be tried again")
  func queue() async throws {
    let cache = CachedSource { $0.queue = 3 }
    cache.fetcher.hold()
    cache.fetcher.give(.token("one", until: 3_600))
    let calls = (0 ..< 3).map { _ in Task { try await cache.source.token().text } }
    await eventually { cache.source.waitingCount == 3 }
    let error = await #expect(throws: TokenSourceError.self) { try await cache.source.token() }
    #expect(error?.kind == .unavailable)
    #expect(error?.problem.contains("3 calls wait") == true)
    cache.fetcher.release()
    for call in calls { #expect(try await call.value == "one") }
  }

  @Test("nothing is fetched while nobody calls, whatever the clock says")
  func idle() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 2), .token("two", until: 100_000))
    _ = try await cache.ask()
    for _ in 0 ..< 1_000 {
      cache.clock.advance(by: 10)
      await Task.yield()
    }
    #expect(cache.fetcher.count == 1)
    #expect(!cache.source.isFetching)
    #expect(try await cache.ask() == "two")
    #expect(cache.fetcher.count == 2)
  }

  @Test("a token without a known end is fetched again every minute of use, and serves meanwhile")
  func unknownEnd() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: nil), .token("one", until: nil), .down())
    _ = try await cache.ask()
    cache.clock.advance(milliseconds: 59_999)
    #expect(try await cache.ask() == "one")
    #expect(cache.fetcher.count == 1)
    cache.clock.advance(milliseconds: 1)
    #expect(try await cache.ask() == "one")
    #expect(cache.fetcher.count == 2)
    #expect(try await cache.ask() == "one")
    #expect(cache.fetcher.count == 2)
    cache.clock.advance(by: 60)
    #expect(try await cache.ask() == "one")
    #expect(cache.fetcher.count == 3)
    cache.clock.advance(by: 100_000)
    cache.fetcher.give(.token("two", until: nil))
    #expect(try await cache.ask() == "one")
    #expect(try await cache.ask() == "two")
  }

  @Test("a source that has not changed yet is not asked on every call, and its token gets no older")
  func givenAgain() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 100))
    for _ in 0 ..< 1_000 { cache.fetcher.give(.token("one", until: 100)) }
    _ = try await cache.ask()
    cache.clock.advance(by: 70)
    for _ in 0 ..< 100 { #expect(try await cache.ask() == "one") }
    #expect(cache.fetcher.count == 2)
    // A quarter of what is left is 5 seconds, then 3.75.
    cache.clock.advance(by: 5)
    for _ in 0 ..< 100 { #expect(try await cache.ask() == "one") }
    #expect(cache.fetcher.count == 3)
    cache.clock.advance(milliseconds: 14_999)
    #expect(try await cache.ask() == "one")
    // The margin is that of the first time: a tenth of 100 seconds, not of what was left.
    cache.clock.advance(milliseconds: 1)
    #expect(await cache.failure()?.kind == .unusable)
  }

  @Test("between two answers of a source that has not changed there are 100 ms at least")
  func givenAgainSoon() async throws {
    let cache = CachedSource()
    for _ in 0 ..< 100 { cache.fetcher.give(.token("one", until: 1)) }
    _ = try await cache.ask()
    cache.clock.advance(milliseconds: 700)
    for _ in 0 ..< 10 { _ = try await cache.ask() }
    cache.clock.advance(milliseconds: 99)
    for _ in 0 ..< 10 { _ = try await cache.ask() }
    #expect(cache.fetcher.count == 2)
    cache.clock.advance(milliseconds: 1)
    for _ in 0 ..< 10 { _ = try await cache.ask() }
    #expect(cache.fetcher.count == 3)
  }
}
