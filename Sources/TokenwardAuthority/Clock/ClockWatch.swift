// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// Watches the wall clock: dates in tokens are worth what it is worth (catalogue O15).
///
/// Issuing stops while the wall clock differs by more than a minute from what monotonic time says it
/// should be, and while it is more than a minute behind the newest record: a token minted then would
/// live longer than it says, or be revoked before it was made. It goes on when the clock is back, or
/// after a restart if the new time is the right one. Verification and revocation are not affected.
///
/// Slow differences are followed: the two clocks of a machine that NTP corrects drift apart by
/// seconds over weeks. A machine that slept looks like a jump, because monotonic time sleeps too.
public final class ClockWatch: Sendable {
  /// What the wall clock is worth.
  public enum State: String, Sendable, Hashable, CaseIterable {
    /// It can be trusted.
    case good
    /// It cannot be read.
    case unreadable
    /// It has moved by more than a minute against monotonic time.
    case jumped
    /// It is more than a minute behind the newest record.
    case behindRecords = "behind_records"
  }

  /// The largest difference that is none.
  static let tolerance: Duration = .seconds(60)
  /// How far the reference may follow in an hour of monotonic time.
  private static let following: Duration = .seconds(5)

  private struct Readings {
    /// Wall time minus monotonic time.
    var reference: Duration?
    var followedAt: Duration = .zero
    var newest = UnixTime(seconds: .min)
    var state = State.good
  }

  private let readings = Mutex(Readings())

  init() {}

  /// What the last reading said.
  public var state: State { self.readings.withLock(\.state) }

  /// The newest date of a record.
  var newest: UnixTime { self.readings.withLock(\.newest) }

  /// Takes note of the date of a record.
  func note(_ time: UnixTime) {
    self.readings.withLock { $0.newest = max($0.newest, time) }
  }

  /// Forgets the dates of records: they were written while the clock was wrong.
  func forgetNewest() { self.readings.withLock { $0.newest = UnixTime(seconds: .min) } }

  /// Judges a reading of the clocks.
  func judge(_ now: Moment?) -> State {
    self.readings.withLock { readings in
      readings.state = Self.judge(now, &readings)
      return readings.state
    }
  }

  private static func judge(_ now: Moment?, _ readings: inout Readings) -> State {
    guard let now else { return .unreadable }
    let wall = Duration.seconds(now.unix.seconds) + .nanoseconds(Int64(now.unix.nanoseconds))
    let offset = wall - now.monotonic
    guard let reference = readings.reference else {
      readings.reference = offset
      readings.followedAt = now.monotonic
      return Self.comparison(now.unix, readings.newest)
    }
    let difference = offset - reference
    guard difference >= .zero - Self.tolerance, difference <= Self.tolerance else { return .jumped }
    if now.monotonic - readings.followedAt >= .seconds(3_600) {
      readings.reference =
        reference + min(max(difference, .zero - Self.following), Self.following)
      readings.followedAt = now.monotonic
    }
    return Self.comparison(now.unix, readings.newest)
  }

  private static func comparison(_ now: UnixTime, _ newest: UnixTime) -> State {
    now.duration(to: newest) > Self.tolerance ? .behindRecords : .good
  }
}
