// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Everything wrong with a configuration, reported together.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One thing that is wrong.
  public struct Problem: Sendable, Hashable, CustomStringConvertible {
    /// Where, such as `policy[2].allow.scopes`.
    public let path: String
    /// What is wrong.
    public let problem: String
    /// What to do about it.
    public let hint: String

    /// - Parameters:
    ///   - path: where, such as `policy[2].allow.scopes`.
    ///   - problem: what is wrong.
    ///   - hint: what to do about it.
    public init(path: String, problem: String, hint: String) {
      self.path = path
      self.problem = problem
      self.hint = hint
    }

    /// Path, problem and hint.
    public var description: String { "\(self.path): \(self.problem)\n  hint: \(self.hint)" }
  }

  /// The problems, in the order of the configuration; never empty.
  public let problems: [Problem]

  /// - Parameter problems: the problems found.
  public init(_ problems: [Problem]) { self.problems = problems }

  package init(path: String, problem: String, hint: String) {
    self.init([Problem(path: path, problem: problem, hint: hint)])
  }

  /// Every problem, one after the other.
  public var description: String {
    self.problems.map(\.description).joined(separator: "\n")
  }
}
