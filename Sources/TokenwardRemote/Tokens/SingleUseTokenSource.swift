// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Fetches a token for every call, for servers that accept each token once.
///
/// Every call waits for its token. A call that is sent again gets another one, and none is kept: wrap
/// fetchers of tokens that may be used more than once into a ``CachedTokenSource`` instead.
public struct SingleUseTokenSource: TokenSource {
  private let fetcher: any TokenFetcher
  private let time: any TimeSource

  /// - Parameters:
  ///   - fetcher: where tokens come from.
  ///   - time: where the clock is read.
  public init(_ fetcher: any TokenFetcher, time: any TimeSource = SystemTime()) {
    self.fetcher = fetcher
    self.time = time
  }

  /// A new token.
  /// - Throws: `TokenSourceError`, or `CancellationError`.
  public func token() async throws -> BearerToken {
    let issued: IssuedToken
    do {
      issued = try await self.fetcher.fetch()
    } catch {
      if Task.isCancelled { throw CancellationError() }
      throw error as? TokenSourceError ?? .failed
    }
    guard let now = self.time.now() else { throw TokenSourceError.clockUnavailable }
    if let expiresAt = issued.expiresAt, expiresAt <= now.unix { throw TokenSourceError.expired }
    try TokenSourceError.check(issued.token)
    return issued.token
  }

  /// A new token; nil if it is the refused one.
  public func replacement(for refused: BearerToken) async throws -> BearerToken? {
    let token = try await self.token()
    return token.fingerprint == refused.fingerprint ? nil : token
  }
}

extension SingleUseTokenSource: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// What it is, and nothing that it holds.
  public var description: String { "<source of tokens for one use>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing: what lies behind it may hold secrets and not hide them.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
