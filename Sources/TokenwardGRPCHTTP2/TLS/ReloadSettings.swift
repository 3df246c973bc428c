// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import Logging
package import TokenwardCore

/// When files are looked at, by which clock, and who is told.
package struct ReloadSettings: Sendable {
  package var interval: Duration
  package var time: any TimeSource
  package var logger: Logger
  /// How long ago a file must have changed last to be known by its dates.
  package var settling: Duration
  /// Waits. A test has its own.
  package var pause: @Sendable (Duration) async throws -> Void

  package init(
    interval: Duration,
    time: any TimeSource,
    logger: Logger,
    settling: Duration = .seconds(2),
    pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.interval = interval
    self.time = time
    self.logger = logger
    self.settling = settling
    self.pause = pause
  }

  /// - Throws: `ConfigurationError` if the interval is shorter than a second or longer than a day.
  func validate() throws(ConfigurationError) {
    guard self.interval >= .seconds(1), self.interval <= .seconds(86_400) else {
      throw ConfigurationError(
        path: "tls.interval",
        problem: "\(self.interval) is no interval to look at files",
        hint: "choose a second to a day; 10 seconds unless you know better"
      )
    }
  }
}
