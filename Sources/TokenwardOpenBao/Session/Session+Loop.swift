// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

extension Session {
  /// Keeps a login until the task is cancelled, and ends it then.
  func run() async {
    var isWithoutClock = false
    while !Task.isCancelled {
      // One reading for the whole step. A second one could fail where the first did not, and the loop
      // would come back at once, again and again.
      let now = self.time.now()
      if now == nil, !isWithoutClock { self.failed(.clockUnavailable) }
      isWithoutClock = now == nil
      let (step, changes) = self.nextStep(at: now)
      switch step {
      case .logIn(let generation, let now):
        // A failure is in the status, and the next step is to rest.
        _ = try? await self.token(insteadOf: generation, at: now)
      case .renew(let held, let now): await self.renew(held, at: now)
      case .wait(let duration): await self.wait(duration, whileStill: changes)
      }
    }
    await self.end()
  }

  private enum Step {
    /// - Parameter generation: of the login that it replaces.
    case logIn(UInt64?, Moment)
    case renew(HeldLease, Moment)
    case wait(Duration)
  }

  private func nextStep(at now: Moment?) -> (Step, changes: UInt64) {
    self.state.withLock { state in
      (Self.step(state, at: now), state.changes)
    }
  }

  private static func step(_ state: State, at moment: Moment?) -> Step {
    // Without a clock nothing is asked. The monotonic one alone is not enough: `token` needs both.
    guard let moment else { return .wait(.seconds(1)) }
    let now = moment.monotonic
    if let resting = state.resting, now < resting.until { return .wait(resting.until - now) }
    guard let held = state.held, now < held.lapsesAt else {
      return .logIn(state.held?.generation, moment)
    }
    if now < held.renewAt { return .wait(held.renewAt - now) }
    return held.isRenewable ? .renew(held, moment) : .logIn(held.generation, moment)
  }

  /// Waits, but not longer than until something changes.
  private func wait(_ duration: Duration, whileStill changes: UInt64) async {
    // The clock of the wait may stand still while a machine sleeps; look again now and then.
    let duration = min(duration, .seconds(3_600))
    let sleep = Task { await self.waiting.wait(for: duration) }
    let isOutdated = self.state.withLock { state in
      if state.changes != changes { return true }
      state.sleep = sleep
      return false
    }
    if isOutdated { sleep.cancel() }
    await withTaskCancellationHandler {
      await sleep.value
    } onCancel: {
      sleep.cancel()
    }
  }

  /// Lets the loop look at what has changed.
  func wake() {
    let sleep = self.state.withLock { state in
      state.changes &+= 1
      defer { state.sleep = nil }
      return state.sleep
    }
    sleep?.cancel()
  }

  func succeeded(_ event: OpenBaoEvent?) {
    let now = self.time.now()?.unix
    self.state.withLock { state in
      state.status.isFailing = false
      if let now { state.status.lastSuccess = now }
    }
    if let event { self.observer?.openBao(event) }
  }

  func failed(_ failure: OpenBaoFailure) {
    // Says nothing about OpenBao.
    if failure == .cancelled { return }
    let now = self.time.now()?.unix
    self.state.withLock { state in
      state.status.isFailing = true
      state.status.lastFailure = OpenBaoStatus.LastFailure(failure: failure, time: now)
    }
    self.observer?.openBao(.failed(failure))
  }
}
