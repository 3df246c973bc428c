// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import TokenwardCore
import TokenwardRemote
import TokenwardTestKit

/// Gives tokens and errors as a test says, and remembers how often it was asked.
final class ScriptedFetcher: TokenFetcher {
  typealias Outcome = Result<IssuedToken, any Error>

  private struct State {
    var outcomes: [Outcome] = []
    var count = 0
    var isHeld = false
    var held: [CheckedContinuation<Void, Never>] = []
    var cancellations = 0
  }

  private let state = Mutex(State())

  init(_ outcomes: Outcome...) { self.state.withLock { $0.outcomes = outcomes } }

  /// How often it was asked.
  var count: Int { self.state.withLock { $0.count } }
  /// How many fetches wait for ``release()``.
  var heldCount: Int { self.state.withLock { $0.held.count } }
  /// How many fetches were cancelled while they waited.
  var cancellations: Int { self.state.withLock { $0.cancellations } }

  func give(_ outcomes: Outcome...) { self.state.withLock { $0.outcomes += outcomes } }

  /// Makes fetches wait, whether or not they are cancelled.
  func hold() { self.state.withLock { $0.isHeld = true } }

  func release() {
    let held = self.state.withLock { state in
      state.isHeld = false
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume() }
  }

  /// Lets the oldest fetch that waits go on, and holds the others.
  func releaseFirst() {
    let first = self.state.withLock { $0.held.isEmpty ? nil : $0.held.removeFirst() }
    first?.resume()
  }

  func fetch() async throws -> IssuedToken {
    // The first that asks gets the first answer, whenever it comes.
    let outcome: Outcome = self.state.withLock { state in
      state.count += 1
      return state.outcomes.isEmpty
        ? .failure(TokenSourceError(problem: "the script has ended", hint: "add to it"))
        : state.outcomes.removeFirst()
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mustWait = self.state.withLock { state in
          if state.isHeld { state.held.append(continuation) }
          return state.isHeld
        }
        if !mustWait { continuation.resume() }
      }
    } onCancel: {
      self.state.withLock { $0.cancellations += 1 }
    }
    return try outcome.get()
  }
}

extension ScriptedFetcher.Outcome {
  /// A token that lives so many seconds after the start of a ``ManualClock``.
  static func token(_ text: String, until seconds: Int64?) -> Self {
    .success(
      IssuedToken(
        BearerToken(text),
        expiresAt: seconds.map { ManualClock.defaultStart.adding(seconds: $0) }
      )
    )
  }

  static func down(_ problem: String = "down") -> Self {
    .failure(TokenSourceError(problem: problem, hint: "mend it"))
  }
}

extension ManualClock {
  /// Lets time pass on both clocks.
  func advance(milliseconds: Int64) {
    let unix = self.moment.unix
    let nanoseconds = Int64(unix.nanoseconds) + milliseconds % 1_000 * 1_000_000
    self.advanceMonotonic(by: .milliseconds(milliseconds))
    self.set(
      unix: UnixTime(
        seconds: unix.seconds + milliseconds / 1_000 + nanoseconds / 1_000_000_000,
        nanoseconds: Int32(nanoseconds % 1_000_000_000)
      )
    )
  }
}

/// A cache over a scripted fetcher, with a clock that stands still.
struct CachedSource {
  let fetcher = ScriptedFetcher()
  let clock = ManualClock()
  let source: CachedTokenSource

  init(
    jitter: Double = 0,
    schedule: (inout TokenSchedule) -> Void = { _ in },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { _ in
      try await Task.sleep(for: .seconds(3_600))
    }
  ) {
    var timing = TokenSchedule()
    schedule(&timing)
    self.source = CachedTokenSource(
      self.fetcher,
      time: self.clock,
      schedule: timing,
      jitter: { jitter },
      sleep: sleep
    )
  }

  /// Asks for a token and lets a fetch that this causes come to its end.
  func ask() async throws -> String {
    let token = try await self.source.token()
    await self.settle()
    return token.text
  }

  /// The error that asking ends with.
  func failure() async -> TokenSourceError? {
    do {
      _ = try await self.ask()
      return nil
    } catch {
      await self.settle()
      return error as? TokenSourceError
    }
  }

  func replacement(for refused: String) async throws -> String? {
    try await self.source.replacement(for: BearerToken(refused))?.text
  }

  /// Waits until no fetch is under way.
  func settle() async { await eventually { !self.source.isFetching } }
}

extension BearerToken {
  var text: String { String(decoding: self.bytes, as: UTF8.self) }
}
