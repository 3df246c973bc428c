// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// A clock that stands still until a test moves it. It can fail, and its wall clock can jump while
/// its monotonic clock goes on, as a real one does when NTP corrects it.
public final class ManualClock: TimeSource {
  /// 2027-01-15T08:00:00Z: where a clock starts unless told otherwise.
  public static let defaultStart = UnixTime(seconds: 1_800_000_000)

  private struct State {
    var moment: Moment
    var hasFailed = false
    var wallHasFailed = false
    var readings = 0
  }

  private let state: Mutex<State>

  /// - Parameters:
  ///   - unix: the civil time to start at.
  ///   - monotonic: the monotonic time to start at.
  public init(_ unix: UnixTime = ManualClock.defaultStart, monotonic: Duration = .seconds(1_000)) {
    self.state = Mutex(State(moment: Moment(unix: unix, monotonic: monotonic)))
  }

  /// The present moment, or nil while the clock fails.
  public func now() -> Moment? {
    self.state.withLock { state in
      state.readings += 1
      return state.hasFailed || state.wallHasFailed ? nil : state.moment
    }
  }

  /// The present monotonic time, or nil while the whole clock fails.
  public func monotonic() -> Duration? {
    self.state.withLock { state in
      state.readings += 1
      return state.hasFailed ? nil : state.moment.monotonic
    }
  }

  /// The present moment, whether or not the clock fails.
  public var moment: Moment { self.state.withLock { $0.moment } }

  /// How often the clock was read.
  public var readings: Int { self.state.withLock { $0.readings } }

  /// Lets time pass on both clocks.
  public func advance(by seconds: Int64) {
    self.state.withLock { state in
      state.moment.unix = state.moment.unix.adding(seconds: seconds)
      state.moment.monotonic += .seconds(seconds)
    }
  }

  /// Sets the wall clock only: a step.
  public func set(unix: UnixTime) {
    self.state.withLock { $0.moment.unix = unix }
  }

  /// Lets time pass on the monotonic clock only, as while the wall clock is held back.
  public func advanceMonotonic(by duration: Duration) {
    self.state.withLock { $0.moment.monotonic += duration }
  }

  /// Makes every reading fail, or work again.
  public func setFailed(_ hasFailed: Bool = true) {
    self.state.withLock { $0.hasFailed = hasFailed }
  }

  /// Makes the wall clock fail alone, or work again, as `SystemTime` does while its date is not
  /// plausible: there is no moment, but there is monotonic time.
  public func setWallFailed(_ hasFailed: Bool = true) {
    self.state.withLock { $0.wallHasFailed = hasFailed }
  }
}
