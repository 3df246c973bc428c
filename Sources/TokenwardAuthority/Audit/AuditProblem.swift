// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// What is wrong with an audit file. It quotes nothing of the file, which may be anybody's by now.
public struct AuditProblem: Error, Sendable, Hashable, CustomStringConvertible {
  /// Whether it is known that something is wrong, or only that nothing is known.
  public enum Kind: Sendable, Hashable {
    /// A file is not what was written.
    case notWhole
    /// A file cannot be read, or not be checked without a key that was not given.
    case unchecked
  }

  /// What it means.
  public let kind: Kind
  /// The file.
  public let file: String
  /// The first line that is wrong, from 1 on; nil if it is not about one line.
  public let line: Int64?
  /// What is wrong.
  public let problem: String
  /// What to do about it.
  public let hint: String

  init(
    _ file: String,
    line: Int64? = nil,
    _ problem: String,
    hint: String,
    kind: Kind = .notWhole
  ) {
    self.kind = kind
    self.file = file
    self.line = line
    self.problem = problem
    self.hint = hint
  }

  /// File, line, problem and hint in one sentence.
  public var description: String {
    let place = self.line.map { ", line \($0)," } ?? ""
    return "\(self.file)\(place) \(self.problem); \(self.hint)"
  }
}
