// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// The kind of a token in an exchange (RFC 8693 §3). Compared by bytes.
public struct TokenTypeURI: ByteComparedText {
  /// The URI.
  public let text: String
  /// Takes the URI as it is.
  public init(_ text: String) { self.text = text }

  /// An OAuth access token, whatever its form.
  public static let accessToken: Self = "urn:ietf:params:oauth:token-type:access_token"
  /// A JWT.
  public static let jwt: Self = "urn:ietf:params:oauth:token-type:jwt"
  /// An OpenID Connect ID token.
  public static let idToken: Self = "urn:ietf:params:oauth:token-type:id_token"
}

/// Exchanges one token for another (RFC 8693): a long-lived one from a vault for one that lives
/// minutes, or a workload's identity for a token of the service it calls.
///
/// ```swift
/// let source = CachedTokenSource(
///   TokenExchangeFetcher(
///     of: .token(from: identity, type: .jwt),
///     at: try TokenEndpoint(RemoteURL("https://issuer.example.com/token")),
///     for: try TokenPurpose(audiences: ["orders"])
///   )
/// )
/// ```
///
/// The answer is read as ``ClientCredentialsFetcher`` reads it, and has to state an
/// `issued_token_type`: the one that was asked for, or an access token or JWT.
public struct TokenExchangeFetcher: TokenFetcher {
  /// What is exchanged.
  public struct Subject: Sendable {
    enum Origin: Sendable {
      case token(any TokenSource)
      case secret(any SecretSource)
    }

    let origin: Origin
    let type: TokenTypeURI

    /// A token of another source, asked for at every exchange.
    public static func token(
      from source: any TokenSource,
      type: TokenTypeURI = .accessToken
    ) -> Self {
      Self(origin: .token(source), type: type)
    }

    /// A token that is kept as a secret, asked for at every exchange.
    public static func secret(
      from source: any SecretSource,
      type: TokenTypeURI = .accessToken
    ) -> Self {
      Self(origin: .secret(source), type: type)
    }
  }

  private let subject: Subject
  private let endpoint: TokenEndpoint
  private let client: OAuthClient?
  private let purpose: TokenPurpose
  private let requestedType: TokenTypeURI?

  /// - Parameters:
  ///   - subject: what is exchanged.
  ///   - endpoint: where.
  ///   - client: who asks; nobody in particular if the subject says enough.
  ///   - purpose: what the new token is for.
  ///   - requestedType: what kind of token is wanted; the server's choice if nil.
  public init(
    of subject: Subject,
    at endpoint: TokenEndpoint,
    as client: OAuthClient? = nil,
    for purpose: TokenPurpose = .unstated,
    requesting requestedType: TokenTypeURI? = nil
  ) {
    self.subject = subject
    self.endpoint = endpoint
    self.client = client
    self.purpose = purpose
    self.requestedType = requestedType
  }

  /// Exchanges the token. If the endpoint refuses it and its source has another one, that one is
  /// exchanged: a token that was withdrawn must not block every exchange until it expires.
  /// - Throws: `TokenSourceError`; of the subject's source, too.
  public func fetch() async throws -> IssuedToken {
    let subject = try await self.subjectToken()
    do {
      return try await self.exchange(subject)
    } catch let error as TokenSourceError where error.kind == .unusable {
      guard case .token(let source) = self.subject.origin,
        let other = try? await source.replacement(for: subject),
        other.fingerprint != subject.fingerprint
      else { throw error }
      try TokenSourceError.check(other)
      return try await self.exchange(other)
    }
  }

  private func exchange(_ subject: BearerToken) async throws -> IssuedToken {
    var form = FormText()
    form.add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
    form.add("subject_token", subject.bytes)
    form.add("subject_token_type", self.subject.type.text)
    if let requestedType { form.add("requested_token_type", requestedType.text) }
    self.purpose.add(to: &form)
    return try await self.endpoint.request(
      form,
      client: self.client,
      issuedType: self.requestedType,
      needsIssuedType: true
    )
  }

  private func subjectToken() async throws -> BearerToken {
    switch self.subject.origin {
    case .token(let source):
      let token = try await source.token()
      try TokenSourceError.check(token)
      return token
    case .secret(let source):
      return try await SecretTokenFetcher.token(from: source)
    }
  }
}

extension TokenExchangeFetcher: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// What it is, and nothing that it holds.
  public var description: String { "<token exchange>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing: what lies behind it may hold secrets and not hide them.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension TokenExchangeFetcher.Subject: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// What it is, and nothing that it holds.
  public var description: String { "<subject of a token exchange>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing: what lies behind it may hold secrets and not hide them.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
