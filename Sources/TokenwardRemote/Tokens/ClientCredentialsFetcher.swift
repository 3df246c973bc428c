// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Gets tokens for the client itself with its own secret (RFC 6749 §4.4).
///
/// ```swift
/// let source = CachedTokenSource(
///   ClientCredentialsFetcher(
///     at: try TokenEndpoint(RemoteURL("https://issuer.example.com/token")),
///     as: try OAuthClient(id: "orders", secret: FileSecretSource(path: "/run/orders/secret")),
///     for: try TokenPurpose(scopes: ["orders.read"])
///   )
/// )
/// ```
///
/// The answer has to be a bearer token with status 200 as `application/json`. Its life is the shorter
/// of `expires_in` and, if it is a JWT, its own; five minutes if neither is stated. A server that is
/// down, overloaded or not to be trusted is `unavailable`; one that refuses, or gives anything else, is
/// `unusable`.
public struct ClientCredentialsFetcher: TokenFetcher {
  private let endpoint: TokenEndpoint
  private let client: OAuthClient
  private let purpose: TokenPurpose

  /// - Parameters:
  ///   - endpoint: where tokens are issued.
  ///   - client: who asks.
  ///   - purpose: what the token is for.
  public init(
    at endpoint: TokenEndpoint,
    as client: OAuthClient,
    for purpose: TokenPurpose = .unstated
  ) {
    self.endpoint = endpoint
    self.client = client
    self.purpose = purpose
  }

  /// Gets a token.
  /// - Throws: `TokenSourceError`.
  public func fetch() async throws -> IssuedToken {
    var form = FormText()
    form.add("grant_type", "client_credentials")
    self.purpose.add(to: &form)
    return try await self.endpoint.request(form, client: self.client)
  }
}
