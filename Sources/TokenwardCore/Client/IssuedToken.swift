// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// A token as an issuer handed it out, with what is known of its life.
public struct IssuedToken: Sendable {
  /// The token.
  public let token: BearerToken
  /// The first moment at which it is no longer good; nil if that is unknown: then it is good until
  /// a server says otherwise.
  public let expiresAt: UnixTime?

  /// - Parameters:
  ///   - token: the token.
  ///   - expiresAt: the first moment at which it is no longer good; nil if that is unknown.
  public init(_ token: BearerToken, expiresAt: UnixTime?) {
    self.token = token
    self.expiresAt = expiresAt
  }
}

/// Gets a new token each time it is asked. It keeps nothing: that is the work of whoever asks.
public protocol TokenFetcher: Sendable {
  /// Gets a token.
  /// - Throws: a ``TokenSourceError``; anything else counts as one of kind
  ///   ``TokenSourceError/Kind/unavailable`` and is not shown to anybody.
  func fetch() async throws -> IssuedToken
}
