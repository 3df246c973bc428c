// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What a ``CachedTokenSource`` knows, and what it does next: a value without clock, lock or task.
///
/// `Waiter` is whatever waits for a fetch to end; it is kept and handed back, never looked at.
struct TokenCache<Waiter: Sendable>: Sendable {
  /// One fetch. A result that comes for another one is too late.
  typealias Flight = UInt64
  /// The place of a waiter.
  typealias Place = UInt64

  enum Answer {
    /// Use this token; begin a fetch first if there is one to begin, and do not wait for it.
    case use(BearerToken, begin: Flight?)
    /// There is no token, and this is why.
    case fail(TokenSourceError)
    /// There is no other token than the refused one, and no fetch would be worth it.
    case nothingElse
    /// Only a fetch can tell.
    case wait
  }

  enum Waiting {
    /// The waiter will be handed back when the fetch ends; begin it if it does not run yet.
    case waiting(Place, begin: Flight?)
    case fail(TokenSourceError)
  }

  private let schedule: TokenSchedule
  private var cached: CachedToken?
  private var running: (flight: Flight, since: Moment)?
  private var waiters: [Place: Waiter] = [:]
  private var numbers: UInt64 = 0
  private var failures = 0
  private var pause: (until: Duration, error: TokenSourceError)?
  private var lastForced: Duration?

  init(schedule: TokenSchedule) { self.schedule = schedule }

  var waitingCount: Int { self.waiters.count }
  /// How many have waited so far.
  private(set) var waited: UInt64 = 0

  var isRunning: Bool { self.running != nil }

  func isRunning(_ flight: Flight) -> Bool { self.running?.flight == flight }

  /// A call asks for a token.
  mutating func ask(at now: Moment) -> Answer {
    if let cached = self.cached, cached.isUsable(at: now) {
      let begins = cached.isDue(at: now) && self.running == nil && self.pausing(at: now) == nil
      return .use(cached.token, begin: begins ? self.begin(at: now) : nil)
    }
    if self.running == nil, let error = self.pausing(at: now) { return .fail(error) }
    return .wait
  }

  /// A call asks for another token than the one that a server has refused.
  mutating func ask(insteadOf refused: TokenFingerprint, at now: Moment) -> Answer {
    if let cached = self.cached, cached.isUsable(at: now), cached.fingerprint != refused {
      return .use(cached.token, begin: nil)
    }
    if self.running != nil { return .wait }
    if let error = self.pausing(at: now) { return .fail(error) }
    if let last = self.lastForced, now.monotonic < last + self.schedule.cooldown {
      return .nothingElse
    }
    self.lastForced = now.monotonic
    return .wait
  }

  /// A call waits for the fetch, which begins if none is running.
  mutating func wait(_ waiter: Waiter, at now: Moment) -> Waiting {
    guard self.waiters.count < self.schedule.queue else {
      return .fail(
        TokenSourceError(
          problem: "\(self.schedule.queue) calls wait for a token already",
          hint:
            "find out why the token source is slow; calls that fail now may be tried again later"
        )
      )
    }
    let place = self.number()
    self.waiters[place] = waiter
    self.waited &+= 1
    return .waiting(place, begin: self.running == nil ? self.begin(at: now) : nil)
  }

  /// A call does not want to wait any longer.
  mutating func leave(_ place: Place) { self.waiters[place] = nil }

  /// A fetch has ended.
  /// - Parameters:
  ///   - now: when; nil if the clock fails.
  ///   - jitter: from 0 to 1.
  /// - Returns: who waited for it, and for what; nil if this fetch was given up before.
  mutating func finish(
    _ flight: Flight,
    with result: Result<IssuedToken, TokenSourceError>,
    at now: Moment?,
    jitter: Double
  ) -> (waiters: [Waiter], outcome: Result<BearerToken, TokenSourceError>)? {
    guard let running = self.running, running.flight == flight else { return nil }
    self.running = nil
    let waiters = Array(self.waiters.values)
    self.waiters = [:]
    do throws(TokenSourceError) {
      guard let now else { throw .clockUnavailable }
      let token = try self.keep(result.get(), at: now, jitter: jitter)
      self.failures = 0
      self.pause = nil
      return (waiters, .success(token))
    } catch {
      self.failures = min(self.failures + 1, 64)
      let pause = self.schedule.pause(after: self.failures, jitter: jitter)
      self.pause = ((now ?? running.since).monotonic + pause, error)
      return (waiters, .failure(error))
    }
  }

  private mutating func keep(
    _ issued: IssuedToken,
    at now: Moment,
    jitter: Double
  ) throws(TokenSourceError) -> BearerToken {
    try TokenSourceError.check(issued.token)
    if var cached = self.cached, cached.fingerprint == issued.token.fingerprint {
      guard cached.isUsable(at: now) else { throw .expired }
      cached.wasGivenAgain(at: now, schedule: self.schedule)
      self.cached = cached
      return cached.token
    }
    guard let cached = CachedToken(issued, at: now, jitter: jitter, schedule: self.schedule) else {
      throw .expired
    }
    self.cached = cached
    return cached.token
  }

  private func pausing(at now: Moment) -> TokenSourceError? {
    guard let pause = self.pause, now.monotonic < pause.until else { return nil }
    return pause.error
  }

  private mutating func begin(at now: Moment) -> Flight {
    let flight = self.number()
    self.running = (flight, now)
    return flight
  }

  private mutating func number() -> UInt64 {
    self.numbers &+= 1
    return self.numbers
  }
}

extension TokenSourceError {
  /// A token has to be one that a server can read: anything else could add headers to the call.
  static func check(_ token: BearerToken) throws(TokenSourceError) {
    guard
      (try? AuthorizationValue.token("Bearer \(String(decoding: token.bytes, as: UTF8.self))"))
        != nil
    else {
      throw TokenSourceError(
        .unusable,
        problem: "the token source gave something that is no bearer token",
        hint: "a token is 1 to \(BearerToken.maximumLength) letters, digits and -._~+/, then =; "
          + "look at what the source hands out"
      )
    }
  }

  static let expired = TokenSourceError(
    .unusable,
    problem: "the token source gave a token whose life is over",
    hint: "compare the clocks of both machines, and see that the token is renewed in time"
  )

  static let clockUnavailable = TokenSourceError(
    problem: "the clock of this machine cannot be read, or has lost its date",
    hint: "set the clock; without it nobody can say whether a token is expired"
  )

  static let tookTooLong = TokenSourceError(
    problem: "the token source did not answer in time",
    hint: "find out whether it can be reached"
  )

  static let failed = TokenSourceError(
    problem: "the token source failed",
    hint: "it threw an error of its own, which may quote secrets and is not shown; look there"
  )
}
