// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// When a token is renewed, how long failures are remembered, and how many calls may wait.
///
/// The defaults are those of gRFC A97 with one change: they shrink with the life of the token, so
/// that one of two seconds works as one of an hour does.
package struct TokenSchedule: Sendable {
  /// How long before `exp` a token counts as expired: the call has to arrive, and clocks differ. At
  /// most a tenth of its life.
  package var margin: Duration = .seconds(30)
  /// How long before that a call starts the renewal in the background. At most a fifth of its life.
  package var window: Duration = .seconds(60)
  /// How often a token without a known end is fetched again, while it is used.
  package var rereading: Duration = .seconds(60)
  /// How long after a failure the next attempt may start; doubles with every further one.
  package var firstPause: Duration = .seconds(1)
  /// The longest of these pauses.
  package var longestPause: Duration = .seconds(120)
  /// How long after a fetch that a refused token caused the next such fetch may start. A server that
  /// refuses everything causes one fetch in this time, whatever the number of calls.
  package var cooldown: Duration = .seconds(5)
  /// How long a fetch may take before it counts as failed, whatever it does afterwards.
  package var deadline: Duration = .seconds(30)
  /// How many calls may wait for one fetch.
  package var queue = 10_000

  package init() {}

  /// The pause after a number of failures in a row.
  /// - Parameter jitter: from 0 to 1; makes the pause up to a fifth shorter or longer, so that many
  ///   clients of one source do not come back at the same moment.
  func pause(after failures: Int, jitter: Double) -> Duration {
    var pause = self.firstPause
    for _ in 1 ..< max(failures, 1) where pause < self.longestPause { pause *= 2 }
    pause = min(pause, self.longestPause)
    return min(pause * 4 / 5 + pause * 2 / 5 * jitter, self.longestPause)
  }
}
