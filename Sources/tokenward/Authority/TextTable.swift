// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Columns of text. Everything comes from the network or from files, so it is escaped.
enum TextTable {
  /// One row below the other, columns aligned, the last one open.
  static func rows(_ rows: [[String]]) -> String {
    let rows = rows.map { $0.map(Self.printable) }
    let count = rows.map(\.count).max() ?? 0
    let widths = (0 ..< count).map { column in
      rows.map { $0.indices.contains(column) ? $0[column].unicodeScalars.count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        line += cell
        guard column < row.count - 1 else { break }
        line += String(
          repeating: " ",
          count: max(0, widths[column] - cell.unicodeScalars.count) + 2
        )
      }
      return line + "\n"
    }.joined()
  }

  /// Names and values, one pair on each line.
  static func facts(_ facts: [(String, String)]) -> String {
    Self.rows(facts.map { [$0.0, $0.1] })
  }

  /// Without quotes, in which nothing moves a cursor or begins a line.
  static func printable(_ text: String) -> String {
    var quoted: [UInt8] = []
    JSONText.append(quoted: text, to: &quoted)
    let inner = quoted.dropFirst().dropLast()
    // Plain quotes and backslashes harm nobody, and people copy what they see.
    guard inner.contains(UInt8(ascii: "\\")) else { return text }
    return String(decoding: inner, as: UTF8.self)
  }
}
