// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import Yams

/// One value of a configuration file, with the line on which it stands.
struct ConfigurationNode {
  enum Content {
    /// Text; `isPlain` if it stands without quotes.
    case scalar(String, isPlain: Bool)
    case list([ConfigurationNode])
    case section([(key: String, line: Int, value: ConfigurationNode)])
  }

  /// Deepest accepted nesting. The deepest field of the format is at 6.
  static let maximumDepth = 16

  let content: Content
  let line: Int

  /// Reads one YAML document within the limits of this format.
  /// - Throws: ``ConfigurationError`` for text that is no YAML, a key given twice, and everything
  ///   that ``YAMLSubset`` refuses.
  init(yaml bytes: [UInt8]) throws(ConfigurationError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .file("the file is not UTF-8", "save it as UTF-8 without a byte order mark")
    }
    let problems = YAMLSubset.problems(in: bytes)
    guard problems.isEmpty else { throw ConfigurationError(problems) }

    // The parser keeps the anchors alive that nodes only refer to weakly.
    let parser: Parser
    let root: Node?
    do {
      parser = try Parser(yaml: text, encoding: .utf8)
      root = try parser.singleRoot()
    } catch {
      throw .yaml(error)
    }
    defer { withExtendedLifetime(parser) {} }
    guard let root else { throw .file("the file is empty", "see Docs/configuration.md") }
    self = try Self(root, depth: 0)
  }

  private init(_ node: Node, depth: Int) throws(ConfigurationError) {
    let line = node.mark?.line ?? 0
    guard depth < Self.maximumDepth else {
      throw .file("line \(line): nested deeper than \(Self.maximumDepth) levels", "flatten it")
    }
    guard node.anchor == nil else {
      throw .file("line \(line): an anchor", "write the value out where it is used")
    }
    self.line = line
    switch node {
    case .scalar(let scalar):
      self.content = .scalar(scalar.string, isPlain: scalar.style == .plain)
    case .sequence(let sequence):
      var elements: [ConfigurationNode] = []
      for element in sequence { elements.append(try Self(element, depth: depth + 1)) }
      self.content = .list(elements)
    case .mapping(let mapping):
      var entries: [(key: String, line: Int, value: ConfigurationNode)] = []
      for (key, value) in mapping {
        guard case .scalar(let name) = key else {
          throw .file("line \(line): a key that is no text", "keys are plain words")
        }
        // The parser compares keys by Unicode equivalence, and refuses more than this does.
        let keyLine = key.mark?.line ?? line
        entries.append((name.string, keyLine, try Self(value, depth: depth + 1)))
      }
      self.content = .section(entries)
    case .alias:
      throw .file("line \(line): an alias", "write the value out where it is used")
    }
  }
}

extension ConfigurationError {
  /// A problem of the file as a whole.
  static func file(_ problem: String, _ hint: String) -> ConfigurationError {
    ConfigurationError([Problem(path: "configuration", problem: problem, hint: hint)])
  }

  /// The parser's complaint without its excerpt of the file, which may hold what must not be shown.
  fileprivate static func yaml(_ error: any Error) -> ConfigurationError {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      .file("line \(mark.line): \(problem)", "correct the YAML; indent with spaces")
    case .duplicatedKeysInMapping(let keys, let context):
      .file(
        "line \(context.mark.line): \(keys.map(Self.shown).joined(separator: ", ")) given twice in"
          + " one section",
        "remove one of them; which one counts would be a guess"
      )
    case .reader(let problem, _, _, _):
      .file("the file is no YAML text: \(problem)", "remove control characters")
    default:
      .file("the file is no YAML", "correct the YAML")
    }
  }

  /// A name from the file in quotes, cut and escaped for a terminal.
  static func shown(_ text: String) -> String {
    let limit = 48
    let isLong = text.unicodeScalars.count > limit
    let shown = String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit)))
    var quoted = ""
    JSONText.append(quoted: isLong ? shown + "…" : shown, to: &quoted)
    return quoted
  }
}
