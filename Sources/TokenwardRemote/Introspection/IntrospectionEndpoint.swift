// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore
public import TokenwardHTTP

/// Whom to ask about opaque tokens, as whom, and what the tokens must look like.
public struct IntrospectionEndpoint: Sendable {
  /// The longest time for which an answer may be remembered: five seconds.
  public static let longestAge: Duration = .seconds(5)

  /// The issuer that made the tokens. An answer that names another one is refused.
  public var issuer: Issuer
  /// The address of its introspection endpoint (RFC 7662 §2).
  public var url: RemoteURL
  /// The name of this service at the issuer.
  public var clientID: String
  /// The secret that goes with it, asked for on every request.
  public var clientSecret: any SecretSource
  /// Which audiences a token must be meant for.
  public var audiences: AudienceRequirement
  /// The tolerated difference of clocks.
  public var clockSkew: ClockSkew
  /// The longest lifetime of a token, in seconds.
  public var maximumLifetimeSeconds: Int64
  /// For how long an answer is remembered: at most five seconds.
  public var age: Duration
  /// Who may vouch for the issuer's certificate.
  public var roots: HTTPRoots

  /// - Parameters:
  ///   - issuer: the issuer that made the tokens.
  ///   - url: the address of its introspection endpoint.
  ///   - clientID: the name of this service at the issuer.
  ///   - clientSecret: the secret that goes with it.
  ///   - audiences: which audiences a token must be meant for.
  public init(
    issuer: Issuer,
    url: RemoteURL,
    clientID: String,
    clientSecret: any SecretSource,
    audiences: AudienceRequirement
  ) {
    self.issuer = issuer
    self.url = url
    self.clientID = clientID
    self.clientSecret = clientSecret
    self.audiences = audiences
    self.clockSkew = .none
    self.maximumLifetimeSeconds = TrustedIssuer.defaultLifetimeSeconds
    self.age = Self.longestAge
    self.roots = .system
  }

  func checkedAge() throws(ConfigurationError) -> Duration {
    guard self.age > .zero, self.age <= Self.longestAge else {
      throw ConfigurationError([
        .init(
          path: "cache",
          problem: "is outside 1 s to 5 s",
          hint: "5s is how long a withdrawn token may go on working"
        )
      ])
    }
    return self.age
  }
}
