// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// The access tokens that were taken back and have not expired.
final class WithdrawnTokens: Sendable {
  private let tokens = Mutex<[TokenID: UnixTime]>([:])

  func add(_ token: WithdrawnAccessToken) {
    self.tokens.withLock { $0[token.id] = max($0[token.id] ?? token.expiresAt, token.expiresAt) }
  }

  func contains(_ id: TokenID) -> Bool { self.tokens.withLock { $0[id] != nil } }

  var count: Int { self.tokens.withLock(\.count) }

  /// Forgets those that expired before a time.
  func forget(before time: UnixTime) {
    self.tokens.withLock { tokens in tokens = tokens.filter { $0.value >= time } }
  }
}
