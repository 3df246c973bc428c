// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import Glibc

/// Whether the time of a refusal tells one kind of wrong token from another (CWE-208), by the method
/// of dudect: many calls of each in random order, each token copied to the same place first, Welch's t
/// over all but the slowest tenth, because interrupts are in that.
struct Leakage {
  /// How many tokens of each kind there have to be.
  static let tokens = 64
  /// Beyond this the two differ.
  static let most = 4.5

  /// Welch's t, without its sign.
  let t: Double
  /// By how many nanoseconds the second kind takes longer.
  let difference: Double

  /// - Parameters:
  ///   - left: tokens of one kind, all tokens of the same length.
  ///   - right: as many of the other.
  ///   - samples: how many calls of each kind, on average.
  ///   - isRefused: refuses a token as it is to be refused.
  init(
    of left: [[UInt8]],
    against right: [[UInt8]],
    samples: Int,
    isRefused: ([UInt8]) -> Bool
  ) throws {
    guard left.count == Self.tokens, right.count == Self.tokens, var token = left.first,
      (left + right).allSatisfy({ $0.count == token.count })
    else { throw BenchFailure("the kinds of tokens cannot be compared") }
    var generator = SmallGenerator(state: 43)
    let tokens = left + right
    var calls: [(kind: Int, time: Double)] = []
    calls.reserveCapacity(2 * samples)
    // Which kind it is decides nothing before the call is over: a branch that was taken for one of them
    // would be in the processor's memory, and in the time.
    for _ in 0 ..< 2 * samples {
      let number = Int(generator.next() >> 8) % tokens.count
      for position in token.indices { token[position] = tokens[number][position] }
      let start = Self.clock()
      let isGood = isRefused(token)
      let end = Self.clock()
      guard isGood else { throw BenchFailure("a wrong token is not refused as it should be") }
      calls.append((number / Self.tokens, end - start))
    }
    let times = (
      calls.filter { $0.kind == 0 }.map(\.time), calls.filter { $0.kind == 1 }.map(\.time)
    )
    let all = (times.0 + times.1).sorted()
    let limit = all[all.count * 9 / 10]
    let (one, other) = (Self.moments(times.0, limit), Self.moments(times.1, limit))
    self.difference = other.mean - one.mean
    self.t = abs(self.difference) / (one.error + other.error).squareRoot()
  }

  private static func clock() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }

  private static func moments(_ times: [Double], _ limit: Double) -> (mean: Double, error: Double) {
    let values = times.filter { $0 <= limit }
    let count = Double(max(values.count, 2))
    let mean = values.reduce(0, +) / count
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
    return (mean, variance / count)
  }
}

/// Numbers that look random and are the same in each run (SplitMix64).
struct SmallGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var value = self.state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
