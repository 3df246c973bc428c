// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// How long signing keys are published, sign, and stay published.
public struct KeySchedule: Sendable, Hashable {
  /// How long a key signs, in seconds. 30 days unless given.
  public let rotationSeconds: Int64
  /// How long a key is published before it signs, in seconds: verifiers keep key sets for a while,
  /// and must have the key before its first token. 1 hour unless given.
  public let publishAheadSeconds: Int64
  /// The longest life of a token that is signed, in seconds. 1 hour unless given.
  public let longestTokenSeconds: Int64
  /// How much longer a key stays published than its last token lives, in seconds: for verifiers whose
  /// clocks are slow (`ClockSkew` grants 60 s), and for steps of this one. 5 minutes unless given.
  public let marginSeconds: Int64

  /// The smallest ``marginSeconds``.
  public static let leastMarginSeconds: Int64 = 120

  /// - Parameters:
  ///   - rotationSeconds: how long a key signs; at least twice `publishAheadSeconds` and an eighth of
  ///     how long a retired key stays published, so that there are never many; at most two years.
  ///   - publishAheadSeconds: how long a key is published before it signs; 2 s to 7 days.
  ///   - longestTokenSeconds: the longest life of a token; 1 s to one day.
  ///   - marginSeconds: how much longer a key stays published than its last token lives; at least
  ///     ``leastMarginSeconds``, at most a day.
  /// - Throws: `ConfigurationError` with every problem.
  public init(
    rotationSeconds: Int64 = 30 * 86_400,
    publishAheadSeconds: Int64 = 3_600,
    longestTokenSeconds: Int64 = 3_600,
    marginSeconds: Int64 = 300
  ) throws(ConfigurationError) {
    self.rotationSeconds = rotationSeconds
    self.publishAheadSeconds = publishAheadSeconds
    self.longestTokenSeconds = longestTokenSeconds
    self.marginSeconds = marginSeconds
    let problems = self.problems
    guard problems.isEmpty else { throw ConfigurationError(problems) }
  }

  /// How long a retired key stays published, in seconds.
  public var retentionSeconds: Int64 { self.longestTokenSeconds + self.marginSeconds }

  /// The longest time that anybody may keep the key set (`Cache-Control: max-age`), in seconds: half
  /// of ``publishAheadSeconds``, so that one failed refresh makes no token unverifiable.
  public var maximumCacheSeconds: Int64 { self.publishAheadSeconds / 2 }
}

extension KeySchedule {
  private var problems: [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    func check(_ path: String, _ value: Int64, _ range: ClosedRange<Int64>, _ hint: String) {
      guard !range.contains(value) else { return }
      problems.append(
        .init(
          path: path,
          problem: "\(value) s is outside \(range.lowerBound) s to \(range.upperBound) s",
          hint: hint
        )
      )
    }
    check("publish_ahead", self.publishAheadSeconds, 2 ... 7 * 86_400, "an hour suits most")
    check("longest_token", self.longestTokenSeconds, 1 ... 86_400, "tokens live minutes")
    check(
      "margin",
      self.marginSeconds,
      Self.leastMarginSeconds ... 86_400,
      "five minutes are enough"
    )
    // The sums below would overflow with absurd values, which have been reported already.
    guard problems.isEmpty else { return problems }
    check(
      "rotation",
      self.rotationSeconds,
      max(2 * self.publishAheadSeconds, self.retentionSeconds / 8) ... 2 * 366 * 86_400,
      "30 days suit most; a key has to be published well before it signs"
    )
    return problems
  }
}
