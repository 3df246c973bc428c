// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Something that has to be told when its time is up.
protocol DeadlineBound: AnyObject, Sendable {
  /// Called at most once for each registration, on a task of its own.
  func deadlinePassed() async
}

/// The deadlines of all open calls: one sleeping task for all of them, which stays until the
/// earliest deadline that it was armed for. A unary call costs one insertion and one removal.
///
/// Deadlines are rounded up to a quarter of a second, so that calls under one token share an entry
/// and a call is never ended early.
final class DeadlineRegistry: Sendable {
  /// The grain of the deadlines, in milliseconds.
  static let resolution: Int64 = 250
  /// The longest sleep, in ticks: one day. Tokens may be valid for years, and the runtime's sleep
  /// overflows near its upper end.
  private static let longestSleep: Int64 = 4 * 86_400
  /// Lifetimes are cut to this, in seconds (about 30 years).
  private static let longestLifetime: Int64 = 1_000_000_000

  private struct State {
    var ticks: [Int64: [ObjectIdentifier: any DeadlineBound]] = [:]
    /// The tick for which the sleeper will wake. It stays when calls end early, so that a stream of
    /// unary calls under one token arms it once.
    var armedFor: Int64?
    var sleeper: Task<Void, Never>?
  }

  /// What a registration is taken back with.
  struct Registration: Sendable {
    fileprivate let tick: Int64
    fileprivate let id: ObjectIdentifier
  }

  private let origin = ContinuousClock.now
  private let state = Mutex(State())

  deinit {
    self.state.withLock { $0.sleeper?.cancel() }
  }

  /// How many registrations are open.
  var count: Int {
    self.state.withLock { $0.ticks.values.reduce(0) { $0 + $1.count } }
  }

  /// The instant at which a lifetime that begins now is over.
  static func instant(after lifetime: Duration) -> ContinuousClock.Instant {
    .now + min(lifetime, .seconds(Self.longestLifetime))
  }

  /// - Parameter lifetime: how long from now.
  func add(_ call: some DeadlineBound, for lifetime: Duration) -> Registration {
    let cut = min(lifetime, .seconds(Self.longestLifetime))
    let tick = Self.ticks((ContinuousClock.now - self.origin) + cut, roundedUp: true)
    let id = ObjectIdentifier(call)
    self.state.withLock { state in
      state.ticks[tick, default: [:]][id] = call
      if let armedFor = state.armedFor, armedFor <= tick { return }
      self.arm(&state, for: tick)
    }
    return Registration(tick: tick, id: id)
  }

  func remove(_ registration: Registration) {
    self.state.withLock { state in
      state.ticks[registration.tick]?.removeValue(forKey: registration.id)
      if state.ticks[registration.tick]?.isEmpty == true {
        state.ticks.removeValue(forKey: registration.tick)
      }
    }
  }

  private func arm(_ state: inout State, for tick: Int64) {
    state.sleeper?.cancel()
    let now = Self.ticks(ContinuousClock.now - self.origin, roundedUp: false)
    let wake = min(tick, now + Self.longestSleep)
    let instant = self.origin + .milliseconds(wake * Self.resolution)
    state.armedFor = wake
    // Detached: the task outlives the call that happens to arm it and must not keep the call's
    // task-local principal.
    state.sleeper = Task.detached(priority: .high) { [weak self] in
      do {
        try await Task.sleep(until: instant, tolerance: .zero, clock: .continuous)
      } catch {
        return  // Armed anew for an earlier tick, or the registry is gone.
      }
      self?.fire()
    }
  }

  private func fire() {
    let now = Self.ticks(ContinuousClock.now - self.origin, roundedUp: false)
    let due = self.state.withLock { state in
      var due: [any DeadlineBound] = []
      for tick in state.ticks.keys where tick <= now {
        guard let calls = state.ticks.removeValue(forKey: tick) else { continue }
        due += calls.values
      }
      state.armedFor = nil
      state.sleeper = nil
      if let next = state.ticks.keys.min() { self.arm(&state, for: next) }
      return due
    }
    for call in due {
      // A task each: ending a call runs cancellation handlers of the application.
      Task.detached(priority: .high) { await call.deadlinePassed() }
    }
  }

  private static func ticks(_ duration: Duration, roundedUp: Bool) -> Int64 {
    let (seconds, attoseconds) = max(duration, .zero).components
    let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    let ticks = milliseconds / Self.resolution
    return roundedUp ? ticks + 1 : ticks
  }
}

/// A registration that is taken back at the latest when nobody holds it any more.
final class HeldRegistration: Sendable {
  private let registry: DeadlineRegistry
  private let registration: DeadlineRegistry.Registration

  init(_ call: some DeadlineBound, for lifetime: Duration, in registry: DeadlineRegistry) {
    self.registry = registry
    self.registration = registry.add(call, for: lifetime)
  }

  deinit { self.end() }

  func end() { self.registry.remove(self.registration) }
}
