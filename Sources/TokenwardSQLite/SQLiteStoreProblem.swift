// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Why a database is not opened, and what to do about it.
public struct SQLiteStoreProblem: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of problem.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The path, the folder or the rights of a file are not as they have to be.
    case unsuitable
    /// Another process, or another store of this one, has it open.
    case inUse
    /// It cannot be read or written: disk, rights, or a file system that is read-only.
    case unavailable
    /// It is not one of this program, or of a later version.
    case foreign
    /// It is damaged.
    case damaged
    /// It is older than what was acknowledged, or there is nothing that says how old it may be: a
    /// revocation could be missing (catalogue O14).
    case rolledBack
  }

  /// What kind of problem.
  public let kind: Kind
  /// The file or folder.
  public let path: String
  /// What is wrong with it.
  public let problem: String
  /// What to do about it.
  public let hint: String

  init(_ kind: Kind, _ path: String, _ problem: String, hint: String) {
    self.kind = kind
    self.path = path
    self.problem = problem
    self.hint = hint
  }

  /// Path, problem and hint.
  public var description: String { "\(self.path): \(self.problem)\n  hint: \(self.hint)" }
}
