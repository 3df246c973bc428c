// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// How a command ends. Thrown to end it without a message.
enum ExitStatus: Int32, Error, Sendable {
  /// Allowed, or done.
  case success = 0
  /// Denied, or the policy does not fit.
  case denied = 1
  /// Could not decide, or could not do it.
  case undecided = 2
  /// The command line is wrong (`EX_USAGE` of sysexits.h).
  case usage = 64
  /// The configuration is wrong (`EX_CONFIG` of sysexits.h).
  case configuration = 78
}

/// Why a command could not do what it was asked to do. Never carries a token or a key.
struct CommandFailure: Error, CustomStringConvertible {
  /// How the command ends.
  var status: ExitStatus
  /// What is wrong.
  var problem: String
  /// What to do about it.
  var hint: String?

  /// - Parameters:
  ///   - problem: what is wrong.
  ///   - hint: what to do about it.
  ///   - status: how the command ends; ``ExitStatus/undecided`` unless said otherwise.
  init(_ problem: String, hint: String? = nil, status: ExitStatus = .undecided) {
    self.status = status
    self.problem = problem
    self.hint = hint
  }

  /// The problem, and the hint on a line of its own.
  var description: String {
    guard let hint else { return "error: \(self.problem)" }
    return "error: \(self.problem)\nhint: \(hint)"
  }
}

/// Whoever read the output has gone away.
struct OutputClosed: Error {}
