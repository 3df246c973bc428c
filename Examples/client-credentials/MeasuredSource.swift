// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore
internal import TokenwardRemote

/// Counts what goes on around a token source. A program that does not measure itself needs none of
/// this: it hands its source to the transport.
final class MeasuredSource: TokenSource {
  private struct State {
    var slow = 0
    var waitedBefore: UInt64 = 0
    var longest = Duration.zero
    var refused = 0
    var presented: Set<TokenFingerprint> = []
  }

  private let base: any TokenSource
  private let slowAfter: Duration
  private let state = Mutex(State())

  init(_ base: any TokenSource, slowAfter: Duration) {
    self.base = base
    self.slowAfter = slowAfter
  }

  /// Forgets how long calls have waited so far.
  func begin() {
    let waited = self.waitedSoFar
    self.state.withLock { state in
      state.waitedBefore = waited
      state.slow = 0
      state.longest = .zero
    }
  }

  /// Calls that waited for a fetch, whatever the time it took.
  var waited: UInt64 { self.waitedSoFar &- self.state.withLock { $0.waitedBefore } }

  private var waitedSoFar: UInt64 { (self.base as? CachedTokenSource)?.waitedCalls ?? 0 }

  /// Calls that waited for their token longer than ``slowAfter``.
  var slow: Int { self.state.withLock { $0.slow } }
  /// The longest that a call waited for its token.
  var longest: Duration { self.state.withLock { $0.longest } }
  /// Tokens that a server refused.
  var refused: Int { self.state.withLock { $0.refused } }
  /// Different tokens that were presented.
  var presented: Int { self.state.withLock { $0.presented.count } }

  func token() async throws -> BearerToken {
    let begin = ContinuousClock.now
    defer {
      let waited = ContinuousClock.now - begin
      self.state.withLock { state in
        if waited > self.slowAfter { state.slow += 1 }
        state.longest = max(state.longest, waited)
      }
    }
    let token = try await self.base.token()
    let fingerprint = token.fingerprint
    self.state.withLock { _ = $0.presented.insert(fingerprint) }
    return token
  }

  func replacement(for refused: BearerToken) async throws -> BearerToken? {
    self.state.withLock { $0.refused += 1 }
    return try await self.base.replacement(for: refused)
  }
}

/// Counts the fetches of a fetcher.
final class CountingFetches: Sendable {
  private let count = Mutex(0)

  var value: Int { self.count.withLock { $0 } }

  func counting(_ fetcher: any TokenFetcher) -> any TokenFetcher {
    Counted(fetcher: fetcher, counter: self)
  }

  private struct Counted: TokenFetcher {
    let fetcher: any TokenFetcher
    let counter: CountingFetches

    func fetch() async throws -> IssuedToken {
      self.counter.count.withLock { $0 += 1 }
      return try await self.fetcher.fetch()
    }
  }
}
