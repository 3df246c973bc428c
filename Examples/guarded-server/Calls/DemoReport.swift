// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation

/// Shows results: a table for people, JSON lines for programs.
struct DemoReport {
  enum Format: Sendable {
    case table(isColoured: Bool)
    case jsonLines
  }

  let format: Format

  func begin() {
    guard case .table = self.format else { return }
    self.write(
      Self.row("call", "expected", "received", "audit", "") + "\n"
        + String(repeating: "─", count: 127)
    )
  }

  func show(_ result: DemoResult) {
    switch self.format {
    case .table(let isColoured): self.write(Self.line(result, isColoured: isColoured))
    case .jsonLines: self.write(Self.json(result))
    }
  }

  func end(_ results: [DemoResult]) {
    guard case .table = self.format else { return }
    let wrong = results.count { !$0.isAsExpected }
    self.write("")
    self.write(
      wrong == 0
        ? "All \(results.count) calls were answered as expected."
        : "\(wrong) of \(results.count) calls were not answered as expected."
    )
  }

  private static func line(_ result: DemoResult, isColoured: Bool) -> String {
    let line = Self.row(
      result.call.name,
      Self.text(result.call.expected),
      Self.text(result.received),
      result.audit ?? "not readable",
      result.isAsExpected ? "✓" : "✗ \(result.complaint ?? "")"
    )
    guard isColoured else { return line }
    return "\u{1B}[\(result.isAsExpected ? "32" : "1;31")m\(line)\u{1B}[0m"
  }

  private static func row(
    _ call: String,
    _ expected: String,
    _ received: String,
    _ audit: String,
    _ mark: String
  ) -> String {
    Self.padded(call, 30) + Self.padded(expected, 38) + Self.padded(received, 38)
      + Self.padded(audit, 19) + mark
  }

  /// The status and what `ErrorInfo` adds to it, without the prefix that most reasons share.
  private static func text(_ answer: Answer) -> String {
    guard let reason = answer.reason else { return answer.status }
    return "\(answer.status) \(reason.dropPrefix("ACCESS_TOKEN_"))"
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private struct Line: Encodable {
    let call: String
    let expected: Outcome
    let received: Outcome
    let audit: String?
    let complaint: String?
    let milliseconds: Int64
    let ok: Bool

    struct Outcome: Encodable {
      let status: String
      let reason: String?
    }
  }

  private static func json(_ result: DemoResult) -> String {
    let line = Line(
      call: result.call.name,
      expected: Line.Outcome(
        status: result.call.expected.status,
        reason: result.call.expected.reason
      ),
      received: Line.Outcome(status: result.received.status, reason: result.received.reason),
      audit: result.audit,
      complaint: result.complaint,
      milliseconds: result.milliseconds,
      ok: result.isAsExpected
    )
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(line) else { return "{\"ok\":false}" }
    return String(decoding: data, as: UTF8.self)
  }

  private func write(_ text: String) {
    FileHandle.standardOutput.write(Data("\(text)\n".utf8))
  }
}

extension String {
  fileprivate func dropPrefix(_ prefix: String) -> Substring {
    self.hasPrefix(prefix) ? self.dropFirst(prefix.count) : self[...]
  }
}
