// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// Keeps the token of a fetcher and renews it before it expires, with the behaviour of gRFC A97.
///
/// ```swift
/// let source = CachedTokenSource(
///   ClientCredentialsFetcher(
///     at: try TokenEndpoint(RemoteURL("https://issuer.example.com/token")),
///     as: try OAuthClient(id: "orders", secret: FileSecretSource(path: "/run/orders/secret"))
///   )
/// )
/// ```
///
/// - A call that finds a good token takes it: that costs a lock and a look at the clock.
/// - A token counts as expired 30 seconds before its end, or a tenth of its life before it if that is
///   less. Up to a minute before that, or a fifth of its life, the next call starts the renewal in
///   the background and goes on with the old token.
/// - There is one fetch at a time. Calls wait for it only when there is no good token; at most 10,000
///   do.
/// - A failed fetch is repeated after a second at the earliest, then after two, and so on up to two
///   minutes, each a fifth shorter or longer by chance. Calls that need a token meanwhile fail at once
///   with the error of the last fetch; while the old token is good no call notices.
/// - Nothing happens while nobody calls.
/// - A server that refuses a token causes one fetch. A server that refuses every token causes one
///   fetch in five seconds.
/// - A token whose end is unknown is fetched again every minute while it is used, and serves until it
///   is replaced.
/// - A fetch that takes longer than 30 seconds counts as failed.
///
/// Errors are `TokenSourceError`: `unavailable` if the fetcher cannot be reached or the clock cannot
/// be read, `unusable` if what it gave is expired or no token.
public final class CachedTokenSource: TokenSource {
  private typealias Flight = TokenCache<OneShot<BearerToken>>.Flight
  private typealias Place = TokenCache<OneShot<BearerToken>>.Place

  private struct State {
    var cache: TokenCache<OneShot<BearerToken>>
    var tasks: (fetch: Task<Void, Never>, timer: Task<Void, Never>)?
  }

  private let fetcher: any TokenFetcher
  private let time: any TimeSource
  private let deadline: Duration
  private let jitter: @Sendable () -> Double
  private let sleep: @Sendable (Duration) async throws -> Void
  private let state: Mutex<State>

  /// - Parameters:
  ///   - fetcher: where tokens come from. Nothing is fetched before the first call.
  ///   - time: where the clocks are read.
  public convenience init(_ fetcher: any TokenFetcher, time: any TimeSource = SystemTime()) {
    self.init(fetcher, time: time, schedule: TokenSchedule())
  }

  /// - Parameters:
  ///   - jitter: a number from 0 to 1, another one each time.
  ///   - sleep: waits for the deadline of a fetch.
  package init(
    _ fetcher: any TokenFetcher,
    time: any TimeSource,
    schedule: TokenSchedule,
    jitter: @escaping @Sendable () -> Double = { Double.random(in: 0 ... 1) },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.fetcher = fetcher
    self.time = time
    self.deadline = schedule.deadline
    self.jitter = jitter
    self.sleep = sleep
    self.state = Mutex(State(cache: TokenCache(schedule: schedule)))
  }

  // Whoever waits holds this object: nobody waits any more.
  deinit {
    self.state.withLock { state in
      state.tasks?.fetch.cancel()
      state.tasks?.timer.cancel()
    }
  }

  /// Whether a fetch is under way.
  package var isFetching: Bool { self.state.withLock { $0.cache.isRunning } }

  /// How many calls wait for a token.
  package var waitingCount: Int { self.state.withLock { $0.cache.waitingCount } }

  /// How many calls have had to wait for a fetch so far: the first ones, and those that found no good
  /// token later.
  public var waitedCalls: UInt64 { self.state.withLock { $0.cache.waited } }

  /// A token that is good now, and for as long as a call needs to arrive.
  /// - Throws: `TokenSourceError`, or `CancellationError` if the caller gave up waiting.
  public func token() async throws -> BearerToken {
    let now = try self.now()
    let step = self.state.withLock { state in
      Step(state.cache.ask(at: now), waitingIn: &state.cache, at: now)
    }
    // A token or an error: a question about any token has no other answer.
    guard let token = try await self.take(step) else { throw TokenSourceError.failed }
    return token
  }

  /// Another token than the refused one; fetched if need be, and if that has not just been tried.
  /// - Returns: nil if the fetcher gives the same one, or was asked for this within five seconds.
  /// - Throws: as ``token()``.
  public func replacement(for refused: BearerToken) async throws -> BearerToken? {
    let now = try self.now()
    let fingerprint = refused.fingerprint
    let step = self.state.withLock { state in
      Step(state.cache.ask(insteadOf: fingerprint, at: now), waitingIn: &state.cache, at: now)
    }
    guard let other = try await self.take(step), other.fingerprint != fingerprint else {
      return nil
    }
    return other
  }

  /// What one call does next, found out under one lock.
  private enum Step {
    case done(BearerToken?, begin: Flight?)
    case wait(OneShot<BearerToken>, Place, begin: Flight?)
    case fail(TokenSourceError)

    init(
      _ answer: TokenCache<OneShot<BearerToken>>.Answer,
      waitingIn cache: inout TokenCache<OneShot<BearerToken>>,
      at now: Moment
    ) {
      switch answer {
      case .use(let token, let flight): self = .done(token, begin: flight)
      case .nothingElse: self = .done(nil, begin: nil)
      case .fail(let error): self = .fail(error)
      case .wait:
        let waiter = OneShot<BearerToken>()
        switch cache.wait(waiter, at: now) {
        case .waiting(let place, let flight): self = .wait(waiter, place, begin: flight)
        case .fail(let error): self = .fail(error)
        }
      }
    }
  }

  private func take(_ step: Step) async throws -> BearerToken? {
    switch step {
    case .fail(let error):
      throw error
    case .done(let token, let flight):
      if let flight { self.begin(flight) }
      return token
    case .wait(let waiter, let place, let flight):
      if let flight { self.begin(flight) }
      defer { self.state.withLock { $0.cache.leave(place) } }
      return try await waiter.value
    }
  }

  private func now() throws(TokenSourceError) -> Moment {
    guard let now = self.time.now() else { throw .clockUnavailable }
    return now
  }

  /// Starts a fetch that belongs to nobody: a caller who gives up does not end it for the others, and
  /// what is bound to the caller's task, such as its principal, is not seen by it.
  private func begin(_ flight: Flight) {
    let fetch = Task.detached { [weak self, fetcher = self.fetcher] in
      let result: Result<IssuedToken, TokenSourceError>
      do {
        result = .success(try await fetcher.fetch())
      } catch {
        result = .failure(error as? TokenSourceError ?? .failed)
      }
      self?.finish(flight, with: result)
    }
    let timer = Task.detached { [weak self, sleep = self.sleep, deadline = self.deadline] in
      guard (try? await sleep(deadline)) != nil else { return }
      fetch.cancel()
      self?.finish(flight, with: .failure(.tookTooLong))
    }
    let isOver = self.state.withLock { state in
      guard state.cache.isRunning(flight) else { return true }
      state.tasks = (fetch, timer)
      return false
    }
    if isOver { timer.cancel() }
  }

  private func finish(
    _ flight: Flight,
    with result: Result<IssuedToken, TokenSourceError>
  ) {
    let now = self.time.now()
    let jitter = min(max(self.jitter(), 0), 1)
    let (ended, timer) = self.state.withLock { state in
      let ended = state.cache.finish(flight, with: result, at: now, jitter: jitter)
      guard ended != nil else { return (ended, Task<Void, Never>?.none) }
      defer { state.tasks = nil }
      return (ended, state.tasks?.timer)
    }
    timer?.cancel()
    guard let ended else { return }
    let outcome = ended.outcome.mapError { $0 as any Error }
    for waiter in ended.waiters { waiter.end(with: outcome) }
  }
}

extension CachedTokenSource: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// What it is, and nothing that it holds.
  public var description: String { "<cached token source>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing: what lies behind it may hold secrets and not hide them.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
