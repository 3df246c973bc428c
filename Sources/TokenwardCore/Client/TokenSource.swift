// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Where a client's tokens come from.
public protocol TokenSource: Sendable {
  /// The token to present, asked for on every call: a source that fetches tokens keeps them.
  /// - Throws: anything. The call then fails and is not sent: with UNAUTHENTICATED for a
  ///   ``TokenSourceError`` of kind ``TokenSourceError/Kind/unusable``, with UNAVAILABLE for
  ///   everything else. Only a ``TokenSourceError`` is passed on as its cause: other errors might
  ///   quote the token.
  func token() async throws -> BearerToken

  /// Another token than one that a server has refused as invalid or expired, although it seemed
  /// good here. Asked at most once for each call.
  /// - Parameter refused: the token that was refused.
  /// - Returns: nil if there is no other one.
  /// - Throws: as ``token()``.
  func replacement(for refused: BearerToken) async throws -> BearerToken?
}

extension TokenSource {
  /// A source that cannot fetch has nothing else to offer, unless what it reads has changed.
  public func replacement(for refused: BearerToken) async throws -> BearerToken? {
    let token = try await self.token()
    return token.fingerprint == refused.fingerprint ? nil : token
  }
}

/// Why a token source has no token. It never contains one.
public struct TokenSourceError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Whether waiting may help.
  public enum Kind: Sendable, Hashable {
    /// The source cannot be reached, or has no token at present. The call fails with UNAVAILABLE:
    /// trying again later may help.
    case unavailable
    /// The source answered, and what it gave is no token that could be presented; or it refused the
    /// client. The call fails with UNAUTHENTICATED: somebody has to mend something.
    case unusable
  }

  /// Whether waiting may help.
  public let kind: Kind
  /// What is wrong.
  public let problem: String
  /// What to do about it.
  public let hint: String

  /// - Parameters:
  ///   - kind: whether waiting may help.
  ///   - problem: what is wrong; never the token or a part of it.
  ///   - hint: what to do about it.
  public init(_ kind: Kind = .unavailable, problem: String, hint: String) {
    self.kind = kind
    self.problem = problem
    self.hint = hint
  }

  /// The problem, and the hint on a line of its own.
  public var description: String { "\(self.problem)\n  hint: \(self.hint)" }
}
