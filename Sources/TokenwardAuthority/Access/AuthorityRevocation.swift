// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// Tells guards in the same process which access tokens of the authority do not count any more: those
/// that were taken back, and those whose API token does not count, whatever the reason.
public struct AuthorityRevocation: RevocationChecker {
  private let authority: TokenAuthority

  /// - Parameter authority: whose tokens.
  public init(_ authority: TokenAuthority) { self.authority = authority }

  /// Nil before the authority has started, and while the clock cannot be read. Tokens of other
  /// issuers are not the authority's to judge, and API tokens are judged when they are verified.
  public func isRevoked(_ principal: Principal) -> Bool? {
    guard principal.issuer == self.authority.issuer else { return false }
    return self.authority.isRevoked(principal)
  }
}

extension TokenAuthority {
  func isRevoked(_ principal: Principal) -> Bool? {
    guard self.memory.withLock(\.isStarted), let now = self.time.now() else { return nil }
    guard let id = principal.tokenID else { return true }
    if self.withdrawn.contains(id) { return true }
    let grant = principal.claims.string("grant_id").map { TokenID($0) } ?? id
    return self.snapshot.state(of: grant, at: now.unix) != .active
  }
}
