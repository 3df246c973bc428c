// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Why an authority does not start, and what to do about it. It contains no secret.
public struct AuthorityStartError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong.
  public let problem: String
  /// What to do about it.
  public let hint: String

  init(_ problem: String, hint: String) {
    self.problem = problem
    self.hint = hint
  }

  /// The problem, and the hint on a line of its own.
  public var description: String { "\(self.problem)\n  hint: \(self.hint)" }
}
