// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import Testing
import TokenwardCore
import TokenwardRemote
import TokenwardTestKit

/// What the cache does when its source, its clock or a token is no good.
@Suite("The cache of tokens in trouble", .timeLimit(.minutes(1)))
struct TokensFailureTests {
  @Test("failures are repeated to calls until the next attempt, which comes later every time")
  func pauses() async throws {
    let cache = CachedSource(jitter: 0.5)
    let pauses: [Int64] = [1, 2, 4, 8, 16, 32, 64, 120, 120]
    for (index, pause) in pauses.enumerated() {
      cache.fetcher.give(.down("failure \(index)"))
      for _ in 0 ..< 10 { #expect(await cache.failure()?.problem == "failure \(index)") }
      #expect(cache.fetcher.count == index + 1)
      cache.clock.advance(milliseconds: pause * 1_000 - 1)
      #expect(await cache.failure()?.problem == "failure \(index)")
      #expect(cache.fetcher.count == index + 1, "\(pause) s are not over")
      cache.clock.advance(milliseconds: 1)
    }
    // A success forgets them all.
    cache.fetcher.give(.token("one", until: 10_000), .down("late"), .token("two", until: 20_000))
    #expect(try await cache.ask() == "one")
    cache.clock.advance(by: 9_610)
    #expect(await cache.failure()?.problem == "late")
    cache.clock.advance(by: 1)
    #expect(try await cache.ask() == "two")
  }

  @Test("chance makes a pause a fifth shorter or longer", arguments: [(0.0, 800), (1.0, 1_200)])
  func jitter(_ jitter: Double, _ milliseconds: Int64) async throws {
    let cache = CachedSource(jitter: jitter)
    cache.fetcher.give(.down(), .token("one", until: 3_600))
    _ = await cache.failure()
    cache.clock.advance(milliseconds: milliseconds - 1)
    #expect(await cache.failure()?.problem == "down")
    cache.clock.advance(milliseconds: 1)
    #expect(try await cache.ask() == "one")
  }

  @Test("a renewal that fails harms no call while the old token is good, and is not tried at once")
  func failedRenewal() async throws {
    let cache = CachedSource(jitter: 0.5)
    cache.fetcher.give(.token("one", until: 100), .down("first"), .down("second"))
    _ = try await cache.ask()
    cache.clock.advance(by: 70)
    for _ in 0 ..< 100 { #expect(try await cache.ask() == "one") }
    #expect(cache.fetcher.count == 2)
    cache.clock.advance(by: 2)
    for _ in 0 ..< 100 { #expect(try await cache.ask() == "one") }
    #expect(cache.fetcher.count == 3)
    // The token ends during a pause: calls fail at once, with the last error.
    cache.fetcher.give(.down("third"))
    cache.clock.advance(milliseconds: 17_999)
    #expect(try await cache.ask() == "one")
    cache.clock.advance(milliseconds: 1)
    #expect(await cache.failure()?.problem == "third")
    #expect(cache.fetcher.count == 4)
  }

  @Test(
    "what is no token is refused, and the calls fail as unauthenticated",
    arguments: [
      "", "a b", "a\r\nx: 1", "ä", "=", "a=b", "a,b",
      String(repeating: "a", count: BearerToken.maximumLength + 1),
    ]
  )
  func unusable(_ text: String) async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token(text, until: 3_600))
    let error = await cache.failure()
    #expect(error?.kind == .unusable)
    if text.utf8.count > 2 { #expect(error?.description.contains(text) == false) }
    // Its positive twin.
    let good = CachedSource()
    good.fetcher.give(
      .token(String(repeating: "a", count: BearerToken.maximumLength), until: 3_600)
    )
    #expect(try await good.ask().utf8.count == BearerToken.maximumLength)
  }

  @Test("a token whose life is over when it comes is refused", arguments: [0, -1, -100_000])
  func expired(_ until: Int64) async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: until))
    #expect(await cache.failure()?.kind == .unusable)
    let good = CachedSource()
    good.fetcher.give(.token("one", until: 1))
    #expect(try await good.ask() == "one")
  }

  @Test("a token that is expired does not come back, although the old one was good")
  func expiredRenewal() async throws {
    let cache = CachedSource(jitter: 0.5)
    cache.fetcher.give(.token("one", until: 100), .token("two", until: 50))
    _ = try await cache.ask()
    cache.clock.advance(by: 75)
    #expect(try await cache.ask() == "one")
    #expect(cache.fetcher.count == 2)
    #expect(try await cache.ask() == "one")
  }

  private struct Leaky: Error, CustomStringConvertible { var description: String { "s3cret" } }

  @Test("errors of other kinds are not shown")
  func foreign() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.failure(Leaky()))
    let error = try #require(await cache.failure())
    #expect(error.kind == .unavailable)
    #expect(!error.description.contains("s3cret"))
    let ours = CachedSource()
    ours.fetcher.give(
      .failure(TokenSourceError(.unusable, problem: "refused", hint: "register the client"))
    )
    #expect(await ours.failure()?.kind == .unusable)
  }

  @Test("without a clock there is no token, and afterwards there is one again")
  func clock() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 3_600))
    cache.clock.setFailed()
    #expect(await cache.failure()?.kind == .unavailable)
    #expect(cache.fetcher.count == 0)
    cache.clock.setFailed(false)
    #expect(try await cache.ask() == "one")
    cache.clock.setFailed()
    #expect(await cache.failure()?.kind == .unavailable)
  }

  @Test("a token that comes while the clock fails is not used")
  func clockMeanwhile() async throws {
    let cache = CachedSource(jitter: 0.5)
    cache.fetcher.hold()
    cache.fetcher.give(.token("one", until: 3_600), .token("two", until: 3_600))
    let call = Task { await cache.failure() }
    await eventually { cache.fetcher.heldCount == 1 }
    cache.clock.setFailed()
    cache.fetcher.release()
    #expect(await call.value?.kind == .unavailable)
    cache.clock.setFailed(false)
    #expect(await cache.failure()?.kind == .unavailable)
    cache.clock.advance(by: 1)
    #expect(try await cache.ask() == "two")
  }

  @Test("a wall clock that is set back does not prolong a token")
  func setBack() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 3_600), .token("two", until: 7_200))
    _ = try await cache.ask()
    cache.clock.set(unix: ManualClock.defaultStart.adding(seconds: -100_000))
    #expect(try await cache.ask() == "one")
    cache.clock.advanceMonotonic(by: .seconds(3_509))
    #expect(try await cache.ask() == "one")
    #expect(cache.fetcher.count == 1)
    cache.clock.advanceMonotonic(by: .seconds(61))
    #expect(try await cache.ask() == "two")
  }

  @Test("a wall clock that is set forward ends a token")
  func setForward() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("one", until: 3_600), .token("two", until: 100_000))
    _ = try await cache.ask()
    cache.clock.set(unix: ManualClock.defaultStart.adding(seconds: 3_570))
    #expect(try await cache.ask() == "two")
  }

  @Test("a fetch that hangs is given up, and what it brings later is not used")
  func hangs() async throws {
    let (asked, alarm) = AsyncStream.makeStream(of: Duration.self)
    let rings = Mutex<CheckedContinuation<Void, Never>?>(nil)
    let sleep: @Sendable (Duration) async throws -> Void = { duration in
      alarm.yield(duration)
      await withCheckedContinuation { continuation in rings.withLock { $0 = continuation } }
    }
    let cache = CachedSource(jitter: 0.5, sleep: sleep)
    cache.fetcher.hold()
    cache.fetcher.give(.token("late", until: 3_600), .token("two", until: 3_600))
    let call = Task { await cache.failure() }
    var durations = asked.makeAsyncIterator()
    #expect(await durations.next() == .seconds(30))
    await eventually { rings.withLock { $0 != nil } && cache.source.waitingCount == 1 }
    await eventually { cache.fetcher.heldCount == 1 }
    rings.withLock { $0.take() }?.resume()
    #expect(await call.value?.problem == "the token source did not answer in time")
    await eventually { cache.fetcher.cancellations == 1 }
    // The late answer comes while the next fetch is under way, and is not taken for its answer.
    cache.clock.advance(by: 1)
    let next = Task { try await cache.source.token().text }
    _ = await durations.next()
    await eventually { cache.fetcher.heldCount == 2 }
    cache.fetcher.releaseFirst()
    for _ in 0 ..< 1_000 { await Task.yield() }
    #expect(cache.source.isFetching)
    #expect(cache.source.waitingCount == 1)
    cache.fetcher.release()
    #expect(try await next.value == "two")
    await eventually { rings.withLock { $0 != nil } }
    rings.withLock { $0.take() }?.resume()
  }

  @Test("a cache that nobody holds any more ends its fetch and is gone")
  func released() async throws {
    let fetcher = ScriptedFetcher(.token("one", until: 100), .token("two", until: 1_000))
    let clock = ManualClock()
    weak var released: CachedTokenSource?
    do {
      let source = CachedTokenSource(fetcher, time: clock)
      released = source
      _ = try await source.token()
      clock.advance(by: 75)
      fetcher.hold()
      _ = try await source.token()
      await eventually { fetcher.heldCount == 1 }
    }
    #expect(released == nil)
    await eventually { fetcher.cancellations == 1 }
    fetcher.release()
  }

  @TaskLocal private static var caller: String?

  private final class Curious: TokenFetcher {
    let seen = Mutex<[String?]>([])
    func fetch() async throws -> IssuedToken {
      self.seen.withLock { $0.append(TokensFailureTests.caller) }
      return IssuedToken(BearerToken("one"), expiresAt: nil)
    }
  }

  @Test("a fetch does not see whose call it serves first")
  func taskLocals() async throws {
    let fetcher = Curious()
    let source = CachedTokenSource(fetcher)
    _ = try await Self.$caller.withValue("alice") { try await source.token() }
    #expect(fetcher.seen.withLock { $0 } == [nil])
  }

  @Test("nothing that holds a token shows it")
  func redacted() async throws {
    let cache = CachedSource()
    cache.fetcher.give(.token("s3cret-token", until: 3_600))
    _ = try await cache.ask()
    let issued = IssuedToken(BearerToken("s3cret-token"), expiresAt: nil)
    for value in [cache.source as Any, issued] {
      var text = "\(value) \(String(reflecting: value))"
      dump(value, to: &text)
      #expect(!text.contains("s3cret"))
    }
  }
}
