// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation

/// Shows figures as they come: a table for people, JSON lines for programs.
package struct Report {
  /// What to write.
  package enum Format: String, Sendable, CaseIterable {
    case text
    case json
  }

  private let format: Format
  private var missed = 0

  package init(format: Format) { self.format = format }

  /// Whether every figure so far is reached.
  package var isGood: Bool { self.missed == 0 }

  /// Says what the figures that follow are.
  package func begin(_ title: String) {
    if self.format == .text { self.write(title) }
  }

  package mutating func show(_ figure: Figure) {
    if !figure.isReached { self.missed += 1 }
    switch self.format {
    case .text: self.write(Self.line(figure))
    case .json: self.write(Self.json(figure))
    }
  }

  private static func line(_ figure: Figure) -> String {
    let value = "\(figure.spread.text(digits: figure.digits)) \(figure.unit)"
    let line = "  \(Self.padded(figure.name, 36))"
    guard let asked = figure.asked else { return line + value }
    return line + Self.padded(value, 34) + Self.padded("asked ≤ \(String(format: "%g", asked))", 15)
      + (figure.isReached ? "✓" : "✗ not reached")
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private struct Line: Encodable {
    let figure: String
    let unit: String
    let median: Double
    let lower: Double
    let upper: Double
    let asked: Double?
    let reached: Bool
  }

  private static func json(_ figure: Figure) -> String {
    let line = Line(
      figure: figure.name,
      unit: figure.unit,
      median: figure.spread.median,
      lower: figure.spread.lower,
      upper: figure.spread.upper,
      asked: figure.asked,
      reached: figure.isReached
    )
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(line) else { return "{\"reached\":false}" }
    return String(decoding: data, as: UTF8.self)
  }

  private func write(_ text: String) {
    FileHandle.standardOutput.write(Data("\(text)\n".utf8))
  }
}
