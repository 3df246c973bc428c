// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// How a policy fits the methods of a server.
struct PolicyReport {
  /// One line of the table.
  struct Row {
    /// The method, or the rule's pattern where the methods are not known.
    var name: String
    /// The pattern of the rule that counts; nil if none names the method.
    var rule: String?
    /// What the rule requires; nil if none names the method.
    var requirement: String?
  }

  /// Every method with its rule, or every rule.
  let rows: [Row]
  /// Methods that no rule names.
  let uncovered: [String]
  /// Rules that name nothing.
  let unmatched: [String]
  /// Rules that compete for the same methods, in words.
  let ambiguous: [String]

  /// Whether there is nothing to correct.
  var isGood: Bool {
    self.uncovered.isEmpty && self.unmatched.isEmpty && self.ambiguous.isEmpty
  }

  /// - Parameters:
  ///   - policy: the policy.
  ///   - methods: what the server has; nil if that is not known.
  init(policy: MethodPolicy, methods: [RPCMethod]?) {
    self.ambiguous = []
    guard let methods else {
      self.rows = policy.rules.map {
        Row(name: $0.pattern, rule: $0.pattern, requirement: $0.requirement.description)
      }
      self.uncovered = []
      self.unmatched = []
      return
    }
    let patterns = Set(policy.rules.compactMap { RPCMethod(fullName: $0.pattern) })
    self.rows = methods.map { method in
      let requirement = policy.requirement(for: method)
      let rule = patterns.contains(method) ? method.fullName : "\(method.service)/*"
      return Row(
        name: method.fullName,
        rule: requirement == nil ? nil : rule,
        requirement: requirement?.description
      )
    }
    let coverage = policy.coverage(of: methods)
    self.uncovered = coverage.uncovered.map(\.fullName)
    self.unmatched = coverage.unmatched
  }

  /// What there is to say about a policy that cannot be used because its rules compete.
  ///
  /// Nil if something else is wrong with the configuration, too: then that is what to correct first.
  init?(ambiguitiesOf error: ConfigurationError) {
    let isAmbiguity = { (problem: ConfigurationError.Problem) in
      problem.path.utf8.starts(with: "policy[".utf8)
        && problem.problem.utf8.starts(with: "a second rule for ".utf8)
    }
    guard !error.problems.isEmpty, error.problems.allSatisfy(isAmbiguity) else { return nil }
    self.rows = []
    self.uncovered = []
    self.unmatched = []
    self.ambiguous = error.problems.map { "\($0.path): \($0.problem)" }
  }

  /// - Parameter format: for people or for programs.
  func text(_ format: OutputFormat) -> String {
    switch format {
    case .text: self.table
    case .json: self.json
    }
  }

  private var json: String {
    var object = JSONObjectText()
    object.add("ok", json: Array("\(self.isGood)".utf8))
    object.add(
      "methods",
      self.rows.map { row in
        var entry = JSONObjectText()
        entry.add("method", row.name)
        entry.add("rule", row.rule)
        entry.add("requires", row.requirement)
        return entry
      }
    )
    object.add("uncovered", self.uncovered)
    object.add("unmatched", self.unmatched)
    object.add("ambiguous", self.ambiguous)
    return object.text + "\n"
  }

  private var table: String {
    let title = Row(name: "METHOD", rule: "RULE", requirement: "REQUIRES")
    let lines = self.rows.isEmpty ? [] : [title] + self.rows
    let nameWidth = lines.map(\.name.count).max() ?? 0
    let ruleWidth = lines.map { $0.shownRule.count }.max() ?? 0
    var text = ""
    for row in lines {
      text += Self.padded(row.name, nameWidth) + "  "
      text += Self.padded(row.shownRule, ruleWidth) + "  "
      text += (row.requirement.map(Self.printable) ?? "nobody may call it") + "\n"
    }
    for method in self.uncovered { text += "uncovered: \(method) has no rule\n" }
    for pattern in self.unmatched { text += "unmatched: the rule \(pattern) names no method\n" }
    for problem in self.ambiguous { text += "ambiguous: \(Self.printable(problem))\n" }
    return text
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// Roles may hold any character; a terminal must not be moved by them.
  private static func printable(_ text: String) -> String {
    let quoted = JSONText.quoted(text)
    let inner = String(quoted.dropFirst().dropLast())
    return inner.utf8.elementsEqual(text.utf8) ? text : quoted
  }
}

extension PolicyReport.Row {
  fileprivate var shownRule: String { self.rule ?? "-" }
}
