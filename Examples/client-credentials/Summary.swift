// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation

/// What the command prints. Its members are an interface: scripts read them.
struct Summary: Encodable {
  /// Calls that were measured; one more was made before them.
  let calls: Int
  /// Calls that did not end with OK.
  let failed: Int
  /// The same by status.
  let failures: [String: Int]
  /// Calls that were refused for their token and sent again, or not, as `failed` says.
  let refused: Int
  /// Calls that waited for a fetch.
  let waited: UInt64
  /// Calls whose token took longer than the limit, for whatever reason: on a busy machine also because
  /// they were not given a processor.
  let slow: Int
  /// Tokens that were presented.
  let tokens: Int
  /// Fetches after the first one.
  let refreshes: Int
  let longestWaitForTokenMicroseconds: Int
  let latencyMedianMicroseconds: Int
  let latency99Microseconds: Int
  let latencyMaximumMicroseconds: Int

  init(_ report: LoadReport, source: MeasuredSource, fetches: CountingFetches) {
    self.calls = report.calls
    self.failed = report.failed
    self.failures = report.failures
    self.refused = source.refused
    self.waited = source.waited
    self.slow = source.slow
    self.tokens = source.presented
    self.refreshes = max(fetches.value - 1, 0)
    self.longestWaitForTokenMicroseconds = Self.microseconds(source.longest)
    self.latencyMedianMicroseconds = Self.microseconds(report.latency(at: 0.5))
    self.latency99Microseconds = Self.microseconds(report.latency(at: 0.99))
    self.latencyMaximumMicroseconds = Self.microseconds(report.latency(at: 1))
  }

  func print(as output: LoadOptions.Output) throws {
    let text: String
    switch output {
    case .json:
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      text = String(decoding: try encoder.encode(self), as: UTF8.self)
    case .text:
      text = """
        \(self.calls) calls, \(self.failed) failed \(self.failures.isEmpty ? "" : "\(self.failures)")
        \(self.tokens) tokens presented, \(self.refreshes) renewals, \(self.refused) refused
        \(self.waited) calls waited for a fetch, \(self.slow) were slow to get their token
        latency: median \(self.latencyMedianMicroseconds) µs, 99 % \
        \(self.latency99Microseconds) µs, longest \(self.latencyMaximumMicroseconds) µs
        """
    }
    FileHandle.standardOutput.write(Data("\(text)\n".utf8))
  }

  private static func microseconds(_ duration: Duration) -> Int {
    Int(duration / .microseconds(1))
  }
}
