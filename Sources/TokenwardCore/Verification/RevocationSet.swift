// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Says whether a verified principal has been withdrawn. Asked on every request, cached or not.
public protocol RevocationChecker: Sendable {
  /// Whether the principal's token no longer counts although it has not expired. Must not block.
  func isRevoked(_ principal: Principal) -> Bool
}

/// Revocations held in memory: single tokens by `jti`, and everything of a subject that was issued
/// before a time.
///
/// Readers take an immutable snapshot, so a request sees one consistent state; writers replace it
/// whole. Entries of tokens that have expired anyway are dropped when the next one is added.
public final class RevocationSet: RevocationChecker {
  private struct Token: Hashable {
    var issuer: Issuer
    var id: TokenID
  }

  private struct Owner: Hashable {
    var issuer: Issuer
    var subject: Subject
  }

  private final class Snapshot: Sendable {
    let tokens: [Token: UnixTime]
    let owners: [Owner: UnixTime]

    init(tokens: [Token: UnixTime] = [:], owners: [Owner: UnixTime] = [:]) {
      self.tokens = tokens
      self.owners = owners
    }
  }

  private let snapshot = Mutex(Snapshot())

  /// A set in which nothing is withdrawn.
  public init() {}

  /// Withdraws one token.
  /// - Parameters:
  ///   - id: the token's `jti`.
  ///   - issuer: its issuer.
  ///   - expiry: when the token expires by itself; the entry may be forgotten after that.
  ///   - now: the present time.
  public func revoke(_ id: TokenID, of issuer: Issuer, until expiry: UnixTime, at now: UnixTime) {
    self.snapshot.withLock { snapshot in
      var tokens = snapshot.tokens.filter { $0.value >= now }
      tokens[Token(issuer: issuer, id: id)] = expiry
      snapshot = Snapshot(tokens: tokens, owners: snapshot.owners)
    }
  }

  /// Withdraws every token of a subject that was issued before a time, and those that do not say
  /// when they were issued.
  public func revokeAll(of subject: Subject, of issuer: Issuer, issuedBefore time: UnixTime) {
    self.snapshot.withLock { snapshot in
      var owners = snapshot.owners
      let owner = Owner(issuer: issuer, subject: subject)
      owners[owner] = max(owners[owner] ?? time, time)
      snapshot = Snapshot(tokens: snapshot.tokens, owners: owners)
    }
  }

  /// Whether the token, or everything of its subject that was issued when it was, is withdrawn.
  public func isRevoked(_ principal: Principal) -> Bool {
    let snapshot = self.snapshot.withLock { $0 }
    if !snapshot.tokens.isEmpty, let id = principal.tokenID,
      snapshot.tokens[Token(issuer: principal.issuer, id: id)] != nil
    {
      return true
    }
    guard !snapshot.owners.isEmpty,
      let time = snapshot.owners[Owner(issuer: principal.issuer, subject: principal.subject)]
    else { return false }
    guard let issuedAt = principal.issuedAt else { return true }
    return issuedAt < time
  }
}
