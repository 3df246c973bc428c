// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore

/// A time on the command line: `now`, seconds since 1970, or `2026-11-25T08:30:00Z` (RFC 3339 in UTC;
/// a time in another zone would have to be computed, and a mistake would revoke the wrong tokens).
struct PointInTime: ExpressibleByArgument, Equatable {
  /// Nil for now.
  let time: UnixTime?

  init?(argument: String) {
    if argument.hasSameBytes(as: "now") {
      self.time = nil
    } else if let seconds = UnixSeconds(argument: argument) {
      self.time = seconds.time
    } else if let time = Self.time(rfc3339: Array(argument.utf8)) {
      self.time = time
    } else {
      return nil
    }
  }

  /// - Throws: ``CommandFailure`` if it is now and the clock cannot be read.
  func resolved() throws(CommandFailure) -> UnixTime {
    if let time { return time }
    guard let now = SystemTime().now()?.unix else {
      throw CommandFailure("the clock cannot be read or is implausible", hint: "set the clock")
    }
    return now
  }

  private static func time(rfc3339 text: [UInt8]) -> UnixTime? {
    let form = Array("0000-00-00T00:00:00Z".utf8)
    guard text.count == form.count else { return nil }
    var numbers: [Int64] = [0]
    for (byte, expected) in zip(text, form) {
      if expected == UInt8(ascii: "0") {
        guard (UInt8(ascii: "0") ... UInt8(ascii: "9")).contains(byte) else { return nil }
        numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int64(byte - 0x30)
      } else {
        guard byte == expected else { return nil }
        numbers.append(0)
      }
    }
    let (year, month, day) = (numbers[0], numbers[1], numbers[2])
    let (hour, minute, second) = (numbers[3], numbers[4], numbers[5])
    guard year >= 1970, (1 ... 12).contains(month), hour < 24, minute < 60, second < 60 else {
      return nil
    }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard (1 ... lengths[Int(month) - 1]).contains(day) else { return nil }
    // Leap years before this one, since 1970.
    let before = year - 1
    let leaps = (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400)
    let days = (year - 1970) * 365 + leaps + lengths.prefix(Int(month) - 1).reduce(0, +) + day - 1
    return UnixTime(seconds: days * 86_400 + hour * 3_600 + minute * 60 + second)
  }
}
