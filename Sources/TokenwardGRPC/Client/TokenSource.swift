// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
public import TokenwardCore

/// Where a client's tokens come from.
public protocol TokenSource: Sendable {
  /// The token to present, asked for on every call: a source that fetches tokens keeps them.
  /// - Parameter method: the method that is about to be called.
  /// - Throws: anything. The call then fails with UNAVAILABLE and is not sent. Only a
  ///   ``TokenSourceError`` is passed on as its cause: other errors might quote the token.
  func token(for method: MethodDescriptor) async throws -> BearerToken
}

/// Why a token source has no token. It never contains one.
public struct TokenSourceError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong.
  public let problem: String
  /// What to do about it.
  public let hint: String

  /// - Parameters:
  ///   - problem: what is wrong; never the token or a part of it.
  ///   - hint: what to do about it.
  public init(problem: String, hint: String) {
    self.problem = problem
    self.hint = hint
  }

  /// The problem, and the hint on a line of its own.
  public var description: String { "\(self.problem)\n  hint: \(self.hint)" }
}
