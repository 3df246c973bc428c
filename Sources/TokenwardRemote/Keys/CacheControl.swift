// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardHTTP

/// How long an answer is fresh by its own words (RFC 9111 §5.2.2, §4.2.1). Whoever asks keeps it
/// within bounds: a year would keep withdrawn keys alive, and a second would be a flood.
enum CacheControl {
  /// Nil if the answer does not say.
  static func freshness(of answer: HTTPAnswer) -> Duration? {
    var freshness: Int64?
    for value in answer.values(of: "cache-control") {
      for part in value.utf8.split(separator: UInt8(ascii: ",")) {
        let directive = Self.trimmed(part)
        if Self.isEqual(directive, "no-store") || Self.isEqual(directive, "no-cache") {
          return .zero
        }
        guard let seconds = Self.maximumAge(directive) else { continue }
        // Said twice, the shorter counts (RFC 9111 §4.2.1 lets a cache choose).
        freshness = min(freshness ?? seconds, seconds)
      }
    }
    guard let freshness else { return nil }
    // A cache in between may have kept it for a while already.
    let ages = answer.values(of: "age")
    let age = ages.count == 1 ? Self.number(Array(Self.trimmed(ages[0].utf8[...]))) ?? 0 : 0
    return .seconds(max(freshness - age, 0))
  }

  private static func maximumAge(_ directive: [UInt8]) -> Int64? {
    let name = "max-age="
    guard directive.count > name.utf8.count,
      Self.isEqual(Array(directive.prefix(name.utf8.count)), name)
    else { return nil }
    var digits = directive.dropFirst(name.utf8.count)
    if digits.count > 2, digits.first == UInt8(ascii: "\""), digits.last == UInt8(ascii: "\"") {
      digits = digits.dropFirst().dropLast()
    }
    return Self.number(Array(digits))
  }

  /// At most ten digits: longer ones say nothing that the bounds would not cut.
  private static func number(_ digits: [UInt8]) -> Int64? {
    guard (1 ... 10).contains(digits.count),
      digits.allSatisfy((UInt8(ascii: "0") ... UInt8(ascii: "9")).contains)
    else { return nil }
    return digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
  }

  private static func isEqual(_ bytes: [UInt8], _ lowercased: String) -> Bool {
    bytes.map { (65 ... 90).contains($0) ? $0 + 32 : $0 } == Array(lowercased.utf8)
  }

  private static func trimmed(_ bytes: Substring.UTF8View) -> [UInt8] {
    let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    var rest = Array(bytes.drop(while: isBlank))
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return rest
  }
}
