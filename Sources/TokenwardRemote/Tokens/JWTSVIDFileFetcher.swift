// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Takes a SPIFFE JWT-SVID from the file that a helper of the workload API writes.
///
/// The file belongs to this user or root, nobody else has any right to it, and it holds one token and
/// at most one line end. What the token says about itself is not verified here; the server does that.
/// It is compared with the configuration, so that a token for one service is not sent to another
/// (JWT-SVID §3): `aud` has to name the configured audience, `sub` has to be a SPIFFE ID, and `exp` has
/// to be there.
public struct JWTSVIDFileFetcher: TokenFetcher {
  private let path: String
  private let audience: Audience
  private let time: any TimeSource

  /// - Parameters:
  ///   - path: the file. It is read at every fetch.
  ///   - audience: whom the token is for.
  ///   - time: where the clock is read.
  /// - Throws: `ConfigurationError` if the path names a variable of the environment, or the audience
  ///   is empty.
  public init(
    path: String,
    audience: Audience,
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) {
    try EnvironmentReference.refuse(path, at: "client.svid_file")
    guard !audience.text.isEmpty else {
      throw ConfigurationError(
        path: "client.audience",
        problem: "is empty",
        hint: "name the audience of the service that is called, such as its SPIFFE ID"
      )
    }
    self.path = path
    self.audience = audience
    self.time = time
  }

  /// Reads the token.
  /// - Throws: `TokenSourceError`.
  public func fetch() async throws -> IssuedToken {
    guard let now = self.time.now() else { throw TokenSourceError.clockUnavailable }
    let token = try await SecretTokenFetcher.token(from: FileSecretSource(checked: self.path))
    guard let claims = UnverifiedClaims(token), let expiry = claims.expiry(at: now.unix) else {
      throw self.error("is no JWT with an expiry", "see what writes it")
    }
    guard claims.names(self.audience) else {
      throw self.error(
        "holds a token for another audience",
        "ask the workload API for one for \(self.audience)"
      )
    }
    guard claims.hasSPIFFESubject else {
      throw self.error("holds a token that is no JWT-SVID", "its subject has to be a SPIFFE ID")
    }
    return IssuedToken(token, expiresAt: expiry)
  }

  private func error(_ problem: String, _ hint: String) -> TokenSourceError {
    TokenSourceError(.unusable, problem: "the SVID file \(self.path) \(problem)", hint: hint)
  }
}
