// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Foundation

/// Median with the quartiles around it.
package struct Spread: Sendable {
  /// A quarter of the values lie below.
  package let lower: Double
  /// Half of the values lie below.
  package let median: Double
  /// A quarter of the values lie above.
  package let upper: Double

  /// - Parameter values: at least one.
  package init(_ values: [Double]) {
    let sorted = values.sorted()
    func quantile(_ quarters: Int) -> Double {
      guard let last = sorted.indices.last else { return .nan }
      // Between two values, where the quantile falls between them.
      let position = Double(last) * Double(quarters) / 4
      let below = Int(position)
      let above = min(below + 1, last)
      return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
    }
    self.lower = quantile(1)
    self.median = quantile(2)
    self.upper = quantile(3)
  }

  /// The spread of one series over another, round by round: what drifts between rounds drops out.
  package init(_ values: [Double], over others: [Double]) {
    self.init(zip(values, others).map { $0 / $1 })
  }

  /// `median [lower – upper]`.
  package func text(digits: Int) -> String {
    func text(_ value: Double) -> String { String(format: "%.\(digits)f", value) }
    return "\(text(self.median)) [\(text(self.lower)) – \(text(self.upper))]"
  }
}
