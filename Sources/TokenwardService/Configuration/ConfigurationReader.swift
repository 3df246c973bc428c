// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Collects everything that is wrong, with the line of each field.
final class ProblemReport {
  private(set) var problems: [ConfigurationError.Problem] = []
  private var lines: [String: Int] = [:]

  func note(line: Int, of path: String) { self.lines[path] = line }

  func add(_ path: String, _ problem: String, _ hint: String) {
    self.problems.append(.init(path: self.located(path), problem: problem, hint: hint))
  }

  /// Adds problems that a type of the core found, below the field that it was made from.
  func add(_ error: ConfigurationError, below prefix: String) {
    for problem in error.problems {
      let path = prefix.isEmpty ? problem.path : "\(prefix).\(problem.path)"
      self.add(path, problem.problem, problem.hint)
    }
  }

  /// The path with the line of the field, or of the nearest section around it that is in the file.
  private func located(_ path: String) -> String {
    var known = Substring(path)
    while !known.isEmpty {
      if let line = self.lines[String(known)] { return "\(path) (line \(line))" }
      let end = known.lastIndex { $0 == "." || $0 == "[" }
      known = end.map { known[..<$0] } ?? ""
    }
    return path
  }
}

/// One value of the file: its path, and what it is read as. Each reader reports what is wrong and
/// answers nil.
struct ConfigurationField {
  let path: String
  let node: ConfigurationNode
  let report: ProblemReport

  init(path: String, line: Int, node: ConfigurationNode, report: ProblemReport) {
    self.path = path
    self.node = node
    self.report = report
    report.note(line: line, of: path)
  }

  func fail(_ problem: String, _ hint: String) { self.report.add(self.path, problem, hint) }

  /// Text of 1 to 1,024 bytes without control characters.
  func text(_ example: String) -> String? {
    guard case .scalar(let text, let isPlain) = self.node.content else {
      self.fail("is \(self.kind), where one text belongs", "write it like this: \(example)")
      return nil
    }
    if let problem = SecretShape.problem(of: text) {
      self.fail(problem, "keep secrets in files that only their owner can read, and name the file")
      return nil
    }
    guard !self.isNull, !text.isEmpty else {
      self.fail("has no value", "write it like this: \(example)")
      return nil
    }
    guard text.utf8.count <= 1_024, !isPlain || !text.isEmpty,
      !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
    else {
      self.fail("is longer than 1,024 bytes or has control characters", "write one line of text")
      return nil
    }
    return text
  }

  /// `true` or `false` without quotes.
  func flag() -> Bool? {
    if case .scalar(let text, isPlain: true) = self.node.content {
      if text.hasSameBytes(as: "true") { return true }
      if text.hasSameBytes(as: "false") { return false }
    }
    self.fail("is neither true nor false", "write true or false without quotes")
    return nil
  }

  /// A whole number and its unit, in seconds: `30s`, `15m`, `1h`, `30d`.
  func seconds() -> Int64? {
    guard let text = self.text("15m") else { return nil }
    let units: [(UInt8, Int64)] = [
      (UInt8(ascii: "s"), 1), (UInt8(ascii: "m"), 60), (UInt8(ascii: "h"), 3_600),
      (UInt8(ascii: "d"), 86_400),
    ]
    let digits = text.utf8.dropLast()
    guard let unit = units.first(where: { $0.0 == text.utf8.last }),
      (1 ... 6).contains(digits.count),
      digits.allSatisfy((UInt8(ascii: "0") ... UInt8(ascii: "9")).contains)
    else {
      self.fail("is no duration", "write a whole number and its unit: 30s, 15m, 1h or 30d")
      return nil
    }
    return digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) } * unit.1
  }

  /// A list with at least one element.
  func list(_ example: String) -> [ConfigurationField]? {
    guard case .list(let elements) = self.node.content else {
      let problem = self.isNull ? "has no value" : "is \(self.kind), where a list belongs"
      self.fail(problem, "write it like this: \(example)")
      return nil
    }
    guard !elements.isEmpty else {
      self.fail("is an empty list", "name at least one, like this: \(example)")
      return nil
    }
    return elements.enumerated().map { index, element in
      ConfigurationField(
        path: "\(self.path)[\(index)]",
        line: element.line,
        node: element,
        report: self.report
      )
    }
  }

  /// A list of texts; nil if one of them is no text.
  func texts(_ example: String) -> [String]? {
    guard let fields = self.list(example) else { return nil }
    let texts = fields.map { $0.text(example) }
    return texts.contains(nil) ? nil : texts.compactMap(\.self)
  }

  /// A section with these keys; reports every other key.
  func section(_ known: [String]) -> ConfigurationSection? {
    guard case .section(let entries) = self.node.content else {
      self.fail(
        self.isNull ? "has no value" : "is \(self.kind), where a section belongs",
        "it has these keys: \(known.joined(separator: ", "))"
      )
      return nil
    }
    let fields = entries.map { entry in
      let isKnown = known.contains { $0.hasSameBytes(as: entry.key) }
      // Text of the file that is no known name stands in a problem in quotes, not in a path.
      let name = isKnown ? entry.key : ConfigurationError.shown(entry.key)
      let field = ConfigurationField(
        path: self.path.isEmpty ? name : "\(self.path).\(name)",
        line: entry.line,
        node: entry.value,
        report: self.report
      )
      if !isKnown { field.fail("is unknown", "known here: \(known.joined(separator: ", "))") }
      return (key: entry.key, field: field)
    }
    return ConfigurationSection(field: self, fields: fields)
  }

  private var isNull: Bool {
    guard case .scalar(let text, isPlain: true) = self.node.content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains { $0.hasSameBytes(as: text) }
  }

  private var kind: String {
    switch self.node.content {
    case .scalar: "one text"
    case .list: "a list"
    case .section: "a section"
    }
  }
}

/// A section whose keys are known.
struct ConfigurationSection {
  let field: ConfigurationField
  fileprivate let fields: [(key: String, field: ConfigurationField)]

  subscript(_ key: String) -> ConfigurationField? {
    self.fields.first { $0.key.hasSameBytes(as: key) }?.field
  }

  /// A field that must be there.
  func required(_ key: String, _ hint: String) -> ConfigurationField? {
    if let field = self[key] { return field }
    self.report(missing: key, hint)
    return nil
  }

  /// The one of two fields that must be there.
  func either(_ first: String, or second: String, _ hint: String) -> ConfigurationField? {
    if let field = self[first], self[second] != nil {
      field.fail("stands beside \(second); only one of them can count", "remove one of them")
      return nil
    }
    if let field = self[first] ?? self[second] { return field }
    self.report(missing: first, hint)
    return nil
  }

  /// Reports a field that must be there.
  func missing<Value>(_ key: String, _ hint: String) -> Value? {
    self.report(missing: key, hint)
    return nil
  }

  private func report(missing key: String, _ hint: String) {
    let path = self.field.path.isEmpty ? key : "\(self.field.path).\(key)"
    self.field.report.add(path, "is missing", hint)
  }
}

/// Text that looks like a secret, or like a request to read one from the environment.
enum SecretShape {
  static func problem(of text: String) -> String? {
    let bytes = Array(text.utf8)
    func has(_ mark: String) -> Bool { bytes.firstRange(of: Array(mark.utf8)) != nil }
    if has("-----BEGIN") || has("PRIVATE KEY") { return "holds a key or certificate" }
    if has("twk_") { return "holds an API token" }
    if bytes.starts(with: "eyJ".utf8), bytes.count(where: { $0 == UInt8(ascii: ".") }) >= 2 {
      return "holds a token"
    }
    if has("${") || has("$(") { return "asks for an environment variable; none is ever read" }
    return nil
  }
}
