// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Writes the Prometheus text exposition format, version 0.0.4.
struct ExpositionText {
  private(set) var bytes: [UInt8] = []

  mutating func appendHeader(name: [UInt8], kind: SeriesKind, help: String) {
    self.append("# HELP ")
    self.bytes += name
    self.append(" ")
    self.appendEscaped(help, quotes: false)
    self.append("\n# TYPE ")
    self.bytes += name
    self.append(" \(kind.rawValue)\n")
  }

  mutating func append(name: [UInt8], labels: [UInt8], value: UInt64) {
    self.appendLine(name, labels: labels, value: "\(value)")
  }

  mutating func append(name: [UInt8], labels: [UInt8], value: Double) {
    self.appendLine(name, labels: labels, value: Self.text(of: value))
  }

  /// - Parameters:
  ///   - bounds: the upper bounds, ascending, without `+Inf`.
  ///   - counts: what fell into each bucket alone; one more than `bounds`.
  mutating func appendHistogram(
    name: [UInt8],
    labels: [UInt8],
    bounds: [Double],
    counts: [UInt64],
    sum: Double
  ) {
    let bucketName = name + Array("_bucket".utf8)
    let prefix = labels.isEmpty ? [] : labels + [UInt8(ascii: ",")]
    var cumulative: UInt64 = 0
    for (index, count) in counts.enumerated() {
      cumulative &+= count
      let bound = index < bounds.count ? Self.text(of: bounds[index]) : "+Inf"
      let bucketLabels = prefix + Array("le=\"\(bound)\"".utf8)
      self.append(name: bucketName, labels: bucketLabels, value: cumulative)
    }
    self.append(name: name + Array("_sum".utf8), labels: labels, value: sum)
    self.append(name: name + Array("_count".utf8), labels: labels, value: cumulative)
  }

  private mutating func appendLine(_ name: [UInt8], labels: [UInt8], value: String) {
    self.bytes += name
    if !labels.isEmpty {
      self.append("{")
      self.bytes += labels
      self.append("}")
    }
    self.append(" \(value)\n")
  }

  private mutating func append(_ text: String) { self.bytes += text.utf8 }

  private mutating func appendEscaped(_ text: String, quotes: Bool) {
    self.bytes += Self.escaped(text.utf8, quotes: quotes)
  }
}

extension ExpositionText {
  /// Longest label value, in bytes. What is longer is cut: labels are names, not documents.
  static let longestLabelValue = 256

  /// `a="x",b="y"` with the labels ordered by name, or nil if two have the same name.
  static func labels(_ dimensions: [(String, String)]) -> [UInt8]? {
    let labels = dimensions.map { (name: Self.name($0.0, allowsColon: false), value: $0.1) }
      .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    var text: [UInt8] = []
    for (index, label) in labels.enumerated() {
      if index > 0 {
        guard labels[index - 1].name != label.name else { return nil }
        text.append(UInt8(ascii: ","))
      }
      text += label.name
      text += "=\"".utf8
      text += Self.escaped(Self.bounded(label.value).utf8, quotes: true)
      text.append(UInt8(ascii: "\""))
    }
    return text
  }

  /// A name within `[a-zA-Z_:][a-zA-Z0-9_:]*`: other bytes become `_`.
  static func name(_ label: String, allowsColon: Bool) -> [UInt8] {
    var name: [UInt8] = []
    for byte in label.utf8 {
      switch byte {
      case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
        UInt8(ascii: "_"):
        name.append(byte)
      case UInt8(ascii: ":") where allowsColon:
        name.append(byte)
      case UInt8(ascii: "0") ... UInt8(ascii: "9"):
        if name.isEmpty { name.append(UInt8(ascii: "_")) }
        name.append(byte)
      default:
        name.append(UInt8(ascii: "_"))
      }
    }
    return name
  }

  private static func bounded(_ value: String) -> String {
    guard value.utf8.count > Self.longestLabelValue else { return value }
    var bounded = String.UnicodeScalarView()
    var length = 0
    for scalar in value.unicodeScalars {
      length += UTF8.width(scalar)
      guard length <= Self.longestLabelValue else { break }
      bounded.append(scalar)
    }
    return String(bounded)
  }

  /// A line feed or a quote written as it is would end the value and start another sample.
  private static func escaped(_ text: String.UTF8View, quotes: Bool) -> [UInt8] {
    var escaped: [UInt8] = []
    escaped.reserveCapacity(text.count)
    for byte in text {
      switch byte {
      case UInt8(ascii: "\\"): escaped += "\\\\".utf8
      case UInt8(ascii: "\n"): escaped += "\\n".utf8
      case UInt8(ascii: "\"") where quotes: escaped += "\\\"".utf8
      default: escaped.append(byte)
      }
    }
    return escaped
  }

  /// A number as Go's `ParseFloat` reads it, whole numbers without a fraction.
  private static func text(of value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value) { return "\(whole)" }
    return "\(value)"
  }
}
