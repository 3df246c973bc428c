// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser

/// A span of time on the command line: `90s`, `5m`, `2h`, `30d`, or seconds without a unit.
struct Lifetime: ExpressibleByArgument, Equatable {
  /// Whole seconds, at least one.
  let seconds: Int64

  init?(argument: String) {
    var digits = Array(argument.utf8)
    let factor: Int64
    switch digits.last {
    case UInt8(ascii: "s"): factor = 1
    case UInt8(ascii: "m"): factor = 60
    case UInt8(ascii: "h"): factor = 3_600
    case UInt8(ascii: "d"): factor = 86_400
    default: factor = 0
    }
    if factor != 0 { digits.removeLast() }
    guard (1 ... 6).contains(digits.count) else { return nil }
    var amount: Int64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0") ... UInt8(ascii: "9")).contains(digit) else { return nil }
      amount = amount * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    guard amount > 0 else { return nil }
    self.seconds = amount * max(1, factor)
  }

  /// The two largest units of a span, such as `3 min 20 s`.
  static func text(seconds: Int64) -> String {
    let units: [(Int64, String)] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")]
    var rest = max(0, seconds)
    var parts: [String] = []
    for (size, name) in units where parts.count < 2 && (rest >= size || !parts.isEmpty) {
      if rest / size > 0 { parts.append("\(rest / size) \(name)") }
      rest %= size
    }
    return parts.isEmpty ? "0 s" : parts.joined(separator: " ")
  }
}
