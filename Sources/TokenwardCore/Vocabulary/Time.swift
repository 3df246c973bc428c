// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// A point in civil time: seconds and nanoseconds since 1970-01-01T00:00:00Z, leap seconds ignored
/// (RFC 7519 §2, NumericDate).
public struct UnixTime: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Whole seconds since the epoch.
  public let seconds: Int64
  /// Nanoseconds within the second, 0 to 999,999,999.
  public let nanoseconds: Int32

  /// - Parameters:
  ///   - seconds: whole seconds since the epoch.
  ///   - nanoseconds: the part within the second; values outside 0 to 999,999,999 are clamped.
  public init(seconds: Int64, nanoseconds: Int32 = 0) {
    self.seconds = seconds
    self.nanoseconds = min(max(nanoseconds, 0), 999_999_999)
  }

  /// Whether the first point comes before the second.
  public static func < (lhs: Self, rhs: Self) -> Bool {
    (lhs.seconds, lhs.nanoseconds) < (rhs.seconds, rhs.nanoseconds)
  }

  /// Moves by whole seconds and stays at the end of the range instead of overflowing: the dates
  /// come from tokens, and an overflow would trap (catalogue C05).
  public func adding(seconds delta: Int64) -> UnixTime {
    let (sum, overflow) = self.seconds.addingReportingOverflow(delta)
    guard !overflow else { return UnixTime(seconds: delta < 0 ? .min : .max) }
    return UnixTime(seconds: sum, nanoseconds: self.nanoseconds)
  }

  /// The time from this point to a later one; zero if `later` is not later.
  public func duration(to later: UnixTime) -> Duration {
    guard self < later else { return .zero }
    let (seconds, overflow) = later.seconds.subtractingReportingOverflow(self.seconds)
    guard !overflow else { return .seconds(Int64.max) }
    return .seconds(seconds) + .nanoseconds(Int64(later.nanoseconds) - Int64(self.nanoseconds))
  }

  /// The whole seconds.
  public var description: String { "\(self.seconds)" }
}

/// One reading of the clocks: civil time judges dates in tokens, monotonic time judges the age of
/// cache entries, so that a step of the wall clock cannot keep an entry alive.
public struct Moment: Sendable, Hashable {
  /// Civil time.
  public var unix: UnixTime
  /// Time since an arbitrary start that never goes back.
  public var monotonic: Duration

  /// - Parameters:
  ///   - unix: civil time.
  ///   - monotonic: time since an arbitrary start that never goes back.
  public init(unix: UnixTime, monotonic: Duration) {
    self.unix = unix
    self.monotonic = monotonic
  }
}

/// Where the guard reads time: once for each decision, and once more for its duration if somebody
/// observes it. A clock may fail; that is a denial
/// (``DenialReason/clockUnavailable``), never a guess.
public protocol TimeSource: Sendable {
  /// The present moment, or nil if it cannot be known.
  func now() -> Moment?

  /// Monotonic time alone, as ``Moment/monotonic``; nil if it cannot be known.
  func monotonic() -> Duration?
}

extension TimeSource {
  /// Reads both clocks, unless the source can do better.
  public func monotonic() -> Duration? { self.now()?.monotonic }
}

/// The clocks of the operating system.
public struct SystemTime: TimeSource {
  /// 2020-01-01. A machine that believes to be earlier has lost its clock (a dead battery starts in
  /// 1970), and would let expired tokens in.
  public static let earliestPlausible = UnixTime(seconds: 1_577_836_800)

  /// The clocks of the operating system.
  public init() {}

  /// Both clocks; nil if one cannot be read or the date is before ``earliestPlausible``.
  public func now() -> Moment? {
    var wall = timespec()
    var monotonic = timespec()
    guard unsafe clock_gettime(CLOCK_REALTIME, &wall) == 0,
      unsafe clock_gettime(CLOCK_MONOTONIC, &monotonic) == 0
    else { return nil }
    let unix = UnixTime(
      seconds: Int64(wall.tv_sec),
      nanoseconds: Int32(truncatingIfNeeded: wall.tv_nsec)
    )
    guard unix >= Self.earliestPlausible else { return nil }
    return Moment(
      unix: unix,
      monotonic: .seconds(Int64(monotonic.tv_sec)) + .nanoseconds(Int64(monotonic.tv_nsec))
    )
  }

  /// Monotonic time alone; nil if it cannot be read.
  public func monotonic() -> Duration? {
    var monotonic = timespec()
    guard unsafe clock_gettime(CLOCK_MONOTONIC, &monotonic) == 0 else { return nil }
    return .seconds(Int64(monotonic.tv_sec)) + .nanoseconds(Int64(monotonic.tv_nsec))
  }
}
