// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Chooses between a verifier of JWTs and one of opaque tokens by what a token looks like: two dots
/// make a JWT. Neither is asked about the other's tokens, so a token is never shown to an issuer that
/// did not make it because another one refused it.
public struct TokenVerifiers: TokenVerifier {
  private let jwt: any TokenVerifier
  private let opaque: any TokenVerifier

  /// - Parameters:
  ///   - jwt: verifies tokens with two dots.
  ///   - opaque: verifies all others.
  public init(jwt: any TokenVerifier, opaque: any TokenVerifier) {
    self.jwt = jwt
    self.opaque = opaque
  }

  /// Throws what the verifier of the token's kind throws.
  public func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    try self.verifier(of: token).verify(token, at: now)
  }

  /// What the verifier of the token's kind remembers.
  public func recall(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal? {
    try self.verifier(of: token).recall(token, at: now)
  }

  private func verifier(of token: PresentedToken) -> any TokenVerifier {
    token.dotCount == 2 ? self.jwt : self.opaque
  }
}
