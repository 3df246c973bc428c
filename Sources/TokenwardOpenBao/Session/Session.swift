// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// The login to OpenBao over time: who needs a token gets the one there is or waits for the one login
/// under way; a loop renews it before it lapses.
final class Session: Sendable {
  struct State {
    var held: HeldLease?
    /// The generation that OpenBao has refused.
    var refused: UInt64?
    var generation: UInt64 = 0
    var flight: Flight?
    /// After a failed login or renewal: what it was, and when to try again.
    var backoff = Backoff()
    var resting: (until: Duration, trouble: Trouble)?
    /// After a login that did not help against a denial: when the next one may try.
    var denialBackoff = Backoff()
    var denialRest: Duration?
    var status = OpenBaoStatus()
    /// Grows with every change that the loop must know of.
    var changes: UInt64 = 0
    var sleep: Task<Void, Never>?
  }

  let authenticator: Authenticator
  let requests: OpenBaoRequests
  let time: any TimeSource
  let waiting: any Waiting
  private let jitter: @Sendable () -> Double
  let observer: (any OpenBaoObserver)?
  let state = Mutex(State())

  init(
    _ login: OpenBaoLogin,
    _ requests: OpenBaoRequests,
    time: any TimeSource,
    waiting: any Waiting,
    jitter: @escaping @Sendable () -> Double,
    observer: (any OpenBaoObserver)?
  ) {
    self.authenticator = Authenticator(login, requests)
    self.requests = requests
    self.time = time
    self.waiting = waiting
    self.jitter = jitter
    self.observer = observer
  }

  var status: OpenBaoStatus {
    var status = self.state.withLock(\.status)
    status.wrappedTokenReuses = self.authenticator.alarms
    return status
  }

  // MARK: - Who needs a token

  /// A token that is valid as far as this process knows.
  /// - Parameter refused: the generation of one that OpenBao has refused.
  func token(insteadOf refused: UInt64? = nil) async throws(Trouble) -> HeldLease {
    try await self.token(insteadOf: refused, at: self.now())
  }

  /// The same, for whoever has read the clock.
  func token(insteadOf refused: UInt64?, at moment: Moment) async throws(Trouble) -> HeldLease {
    let now = moment.monotonic
    enum Step {
      case have(HeldLease)
      case wait(Flight)
      case start(Flight)
      case rest(Trouble)
    }
    let step = self.state.withLock { state -> Step in
      if let held = state.held, held.generation != refused, now < held.lapsesAt {
        return .have(held)
      }
      if let flight = state.flight { return .wait(flight) }
      if let resting = state.resting, now < resting.until { return .rest(resting.trouble) }
      let flight = Flight()
      state.flight = flight
      return .start(flight)
    }
    switch step {
    case .have(let held): return held
    case .rest(let trouble): throw trouble
    case .wait(let flight): return try await flight.outcome().get()
    case .start(let flight):
      // Not a child of this task: others wait for it, whatever becomes of this one.
      Task { await self.logIn(flight, asked: moment) }
      return try await flight.outcome().get()
    }
  }

  /// Whether a denial is worth a new login, because the token may have been revoked or the role may
  /// have other policies by now. Someone whom a policy denies would log in with every call.
  func mayLogIn(afterDenialOf generation: UInt64) -> Bool {
    guard let now = self.time.monotonic() else { return false }
    return self.state.withLock { state in
      if state.held?.generation != generation { return true }
      guard let rest = state.denialRest else { return true }
      return now >= rest
    }
  }

  /// What became of a login after a denial.
  func loggedInAfterDenial(helped: Bool) {
    let now = self.time.monotonic()
    self.state.withLock { state in
      if helped {
        state.denialBackoff = Backoff()
        state.denialRest = nil
        return
      }
      // Of many that were denied together, the first counts.
      guard let now, state.denialRest.map({ now >= $0 }) ?? true else { return }
      state.denialRest = now + state.denialBackoff.next(self.jitter())
    }
  }

  /// OpenBao has refused this token: nobody should read in the status that it is good.
  func wasDenied(_ generation: UInt64) {
    self.state.withLock { state in
      guard state.held?.generation == generation else { return }
      state.refused = generation
      state.status.authenticatedUntil = nil
    }
  }

  // MARK: - Logging in and renewing

  private func logIn(_ flight: Flight, asked: Moment) async {
    let outcome: Flight.Outcome
    var replaced: HeldLease?
    do throws(Trouble) {
      let lease = try await self.authenticator.authenticate(at: asked.monotonic)
      replaced = self.stillGood(at: asked.monotonic)
      outcome = .success(self.take(lease, asked: asked, renewing: nil))
    } catch {
      self.rest(after: error)
      outcome = .failure(error)
    }
    self.state.withLock { $0.flight = nil }
    flight.finish(outcome)
    if let replaced { await self.revoke(replaced) }
  }

  /// Prolongs a login, or makes a new one where that is refused.
  func renew(_ held: HeldLease, at asked: Moment) async {
    guard self.authenticator.isCurrent(held.token) else {
      return await self.replace(held, at: asked)
    }
    do throws(OpenBaoFailure) {
      let lease = try await self.requests.renew(held.token)
      _ = self.take(lease, asked: asked, renewing: held)
    } catch {
      // Whatever kept OpenBao from answering may pass before the lease ends. Anything else will not.
      guard error.kind == .unavailable else {
        self.wasDenied(held.generation)
        return await self.replace(held, at: asked)
      }
      self.rest(after: Trouble(error, "renewal of the login to OpenBao"))
    }
  }

  private func replace(_ held: HeldLease, at now: Moment) async {
    // Its failure is in the status, and the loop rests after it.
    _ = try? await self.token(insteadOf: held.generation, at: now)
  }

  /// Keeps a lease, unless it prolongs a login that another one has replaced meanwhile.
  private func take(_ lease: Lease, asked: Moment, renewing old: HeldLease?) -> HeldLease {
    let until = asked.unix.adding(seconds: lease.seconds)
    let (held, isKept) = self.state.withLock { state -> (HeldLease, Bool) in
      if old == nil { state.generation &+= 1 }
      let held = HeldLease(
        lease,
        generation: old?.generation ?? state.generation,
        asked: asked.monotonic,
        granted: old?.granted
      )
      if let old, state.held?.generation != old.generation { return (held, false) }
      state.held = held
      state.backoff = Backoff()
      state.resting = nil
      state.status.authenticatedUntil = until
      return (held, true)
    }
    if isKept {
      self.wake()
      self.succeeded(old == nil ? .loggedIn(until: until) : .renewed(until: until))
    }
    return held
  }

  private func rest(after trouble: Trouble) {
    let now = self.time.monotonic()
    self.state.withLock { state in
      // Without a clock nothing is asked at all.
      let until = (now ?? .zero) + state.backoff.next(self.jitter())
      state.resting = (until, trouble)
    }
    self.wake()
    self.failed(trouble.failure)
  }

  func now() throws(Trouble) -> Moment {
    guard let now = self.time.now() else {
      let trouble = Trouble(.clockUnavailable, Authenticator.subject)
      self.failed(trouble.failure)
      throw trouble
    }
    return now
  }
}
