// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardAuthority
internal import TokenwardCore

/// Lets guards of the same process verify an authority's tokens without asking anybody: its keys, its
/// API tokens and what it has taken back, as they are at the moment of the request. Before the
/// authority is open nothing can be decided, and everything is denied as unavailable.
final class AuthorityTrust: KeySource, TokenVerifier, RevocationChecker {
  /// Whose tokens.
  let issuer: Issuer
  /// Which audiences a token must be meant for.
  private let audiences: AudienceRequirement
  private let state = Mutex(State())

  private struct State {
    var opened: Opened?
    var document: [UInt8] = []
    var keys: KeySet?
  }

  private struct Opened {
    let authority: TokenAuthority
    let verifier: APITokenVerifier
    let revocation: AuthorityRevocation
  }

  init(issuer: Issuer, audiences: AudienceRequirement) {
    self.issuer = issuer
    self.audiences = audiences
  }

  /// From now on tokens are verified against this authority, which has started.
  func open(_ authority: TokenAuthority) {
    let opened = Opened(
      authority: authority,
      verifier: APITokenVerifier(
        snapshot: authority.snapshot,
        issuer: self.issuer,
        audiences: self.audiences,
        onUse: { authority.noteUse($0, at: $1, $2) }
      ),
      revocation: AuthorityRevocation(authority)
    )
    self.state.withLock { $0.opened = opened }
  }

  func current(at now: Moment) -> KeySet? {
    guard let authority = self.state.withLock({ $0.opened })?.authority else { return nil }
    let document = authority.publicKeys()
    return self.state.withLock { state in
      if state.document != document {
        state.document = document
        state.keys = try? KeySet(jwks: document, trust: .publicKeys)
      }
      return state.keys
    }
  }

  func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    guard let opened = self.state.withLock({ $0.opened }) else {
      throw VerificationFailure(.dependencyUnavailable)
    }
    return try opened.verifier.verify(token, at: now)
  }

  func isRevoked(_ principal: Principal) -> Bool? {
    // Of other issuers nothing is said here, open or not.
    guard principal.issuer == self.issuer else { return false }
    return self.state.withLock { $0.opened }?.revocation.isRevoked(principal)
  }
}

/// Opaque tokens of two kinds, told apart by how they begin: neither verifier is shown the other's.
struct OpaqueTokenVerifiers: TokenVerifier {
  /// Of the authority in this process.
  let own: any TokenVerifier
  /// Of somebody else, who is asked.
  let other: any TokenVerifier

  func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    try self.verifier(of: token).verify(token, at: now)
  }

  func recall(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal? {
    try self.verifier(of: token).recall(token, at: now)
  }

  private func verifier(of token: PresentedToken) -> any TokenVerifier {
    token.bytes.starts(with: APITokenFormat.prefix.utf8) ? self.own : self.other
  }
}
