// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Where secrets come from: a vault, or a file that only its owner can read. Never the environment,
/// which every child process inherits and every crash report quotes.
public protocol SecretSource: Sendable {
  /// The present value of a secret. Asked whenever it is needed, so that a replaced secret takes
  /// hold; a source that is expensive to ask keeps what it may.
  /// - Throws: a ``SecretError``. Whoever cannot get a secret does without, and never falls back to
  ///   one that it remembers from before.
  func secret() async throws(SecretError) -> SecretBytes
}

/// Why there is no secret. It never contains one.
public struct SecretError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Whether waiting may help.
  public enum Kind: Sendable, Hashable {
    /// The source cannot be reached, is sealed, or asks to wait.
    case unavailable
    /// The source answered: there is no such secret, or not for us. Somebody has to mend something.
    case refused
    /// What came back is no usable secret, or not what was asked for.
    case unusable
    /// A wrapped secret had been unwrapped before (a response-wrapping token works once). Somebody
    /// else may have read the secret: replace it.
    case alreadyUnwrapped
  }

  /// Whether waiting may help.
  public let kind: Kind
  /// What is wrong.
  public let problem: String
  /// What to do about it.
  public let hint: String

  /// - Parameters:
  ///   - kind: whether waiting may help.
  ///   - problem: what is wrong; never the secret or a part of it.
  ///   - hint: what to do about it.
  public init(_ kind: Kind, problem: String, hint: String) {
    self.kind = kind
    self.problem = problem
    self.hint = hint
  }

  /// The problem, and the hint on a line of its own.
  public var description: String { "\(self.problem)\n  hint: \(self.hint)" }
}
