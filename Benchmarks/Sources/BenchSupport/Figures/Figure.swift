// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// One line of a report.
package struct Figure: Sendable {
  /// What was measured, for people.
  package var name: String
  /// In what: `ns`, `µs`, `allocations`, or `ratio`.
  package var unit: String
  /// What came out.
  package var spread: Spread
  /// The most that the median may be; nil for what is only shown.
  package var asked: Double?

  package init(_ name: String, unit: String, _ spread: Spread, asked: Double? = nil) {
    self.name = name
    self.unit = unit
    self.spread = spread
    self.asked = asked
  }

  /// Whether the median is what was asked for, before it is rounded for display.
  package var isReached: Bool {
    guard let asked else { return true }
    return self.spread.median <= asked
  }
}

extension Figure {
  /// Decimals that carry information in this unit.
  var digits: Int {
    switch self.unit {
    case "ratio", "s": 3
    case "µs", "ms", "allocations": 2
    default: 0
    }
  }
}
