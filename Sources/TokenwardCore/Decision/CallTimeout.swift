// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The `grpc-timeout` header: 1 to 8 ASCII digits and one unit (gRPC over HTTP/2, "Timeout").
///
/// Signs, spaces, fractions and other digits are refused here, before the host library sees them:
/// a call with an unparsable deadline has no deadline that both sides agree on.
public struct CallTimeout: Sendable, Hashable {
  /// The longest timeout handed on, in seconds (1,000 days). Longer ones, up to 11,415 years in the
  /// grammar, are cut to it: they differ from no timeout only by overflowing clocks.
  public static let longestSeconds: Int64 = 86_400_000

  private let amount: Int64
  private let unit: Unit

  private enum Unit: UInt8 {
    case hours = 0x48  // H
    case minutes = 0x4D  // M
    case seconds = 0x53  // S
    case milliseconds = 0x6D  // m
    case microseconds = 0x75  // u
    case nanoseconds = 0x6E  // n
  }

  /// Reads a header value. Answers nil for anything outside the grammar.
  public init?(_ value: String) {
    let bytes = value.utf8.span
    guard (2 ... 9).contains(bytes.count), let unit = Unit(rawValue: bytes[bytes.count - 1]) else {
      return nil
    }
    var amount: Int64 = 0
    for index in 0 ..< (bytes.count - 1) {
      let digit = bytes[index]
      guard (UInt8(ascii: "0") ... UInt8(ascii: "9")).contains(digit) else { return nil }
      amount = amount * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    self.amount = amount
    self.unit = unit
  }

  /// The timeout as a duration, at most ``longestSeconds``.
  public var duration: Duration {
    let duration: Duration =
      switch self.unit {
      case .hours: .seconds(self.amount * 3_600)
      case .minutes: .seconds(self.amount * 60)
      case .seconds: .seconds(self.amount)
      case .milliseconds: .milliseconds(self.amount)
      case .microseconds: .microseconds(self.amount)
      case .nanoseconds: .nanoseconds(self.amount)
      }
    return min(duration, .seconds(Self.longestSeconds))
  }

  /// What is left of the timeout after some of it has passed; never less than a nanosecond, which
  /// ends a call as soon as it begins.
  package func remaining(after passed: Duration) -> CallTimeout {
    let left = max(self.duration - max(passed, .zero), .nanoseconds(1))
    return CallTimeout(Self.canonical(left)) ?? self
  }

  /// The same timeout in at most seven digits and a unit, rounded up: grpc-swift 2.4 ignores a legal
  /// value of eight digits, and the call would have no deadline.
  public var canonicalValue: String { Self.canonical(self.duration) }

  private static func canonical(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    if seconds > 9_999_999 { return "\((seconds + 59) / 60)M" }
    if seconds >= 9_999 { return "\(attoseconds > 0 ? seconds + 1 : seconds)S" }
    let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    if nanoseconds <= 9_999_999 { return "\(nanoseconds)n" }
    if nanoseconds <= 9_999_999_000 { return "\((nanoseconds + 999) / 1_000)u" }
    return "\((nanoseconds + 999_999) / 1_000_000)m"
  }
}
