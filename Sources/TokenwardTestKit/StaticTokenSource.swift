// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// A token source for tests: it gives what it is told to, and counts how often it is asked.
///
/// Not for programs: a token that stands in code is a secret in a repository.
public final class StaticTokenSource: TokenSource {
  private struct State {
    var tokens: [String]
    var error: TokenSourceError?
    var asked = 0
    var refused: [String] = []
  }

  private let state: Mutex<State>

  /// - Parameter tokens: the first one is given until a server refuses it, then the next, and so on;
  ///   the last one stays.
  public init(_ tokens: String...) { self.state = Mutex(State(tokens: tokens)) }

  /// How often a token was asked for, replacements not counted.
  public var asked: Int { self.state.withLock { $0.asked } }

  /// The tokens that a replacement was asked for, in that order.
  public var refused: [String] { self.state.withLock { $0.refused } }

  /// Makes every further question fail; nil makes them work again.
  public func fail(with error: TokenSourceError?) { self.state.withLock { $0.error = error } }

  /// The present token.
  public func token() async throws -> BearerToken {
    try self.state.withLock { state in
      state.asked += 1
      return try Self.present(state)
    }
  }

  /// The next token if this one is the present one.
  public func replacement(for refused: BearerToken) async throws -> BearerToken? {
    try self.state.withLock { state in
      state.refused.append(String(decoding: refused.bytes, as: UTF8.self))
      if let first = state.tokens.first, state.tokens.count > 1,
        BearerToken(first).fingerprint == refused.fingerprint
      {
        state.tokens.removeFirst()
      }
      let token = try Self.present(state)
      return token.fingerprint == refused.fingerprint ? nil : token
    }
  }

  private static func present(_ state: State) throws -> BearerToken {
    if let error = state.error { throw error }
    guard let token = state.tokens.first else {
      throw TokenSourceError(problem: "no token is left", hint: "give the source a token")
    }
    return BearerToken(token)
  }
}
