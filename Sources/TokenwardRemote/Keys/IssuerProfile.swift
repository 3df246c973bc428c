// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// What is known of the tokens of a kind of issuer, so that a configuration needs to say only what is
/// particular to one: its name and the audiences.
public struct IssuerProfile: Sendable, Hashable {
  /// The name in a configuration.
  public let name: String
  /// What it signs with.
  public let algorithms: [Algorithm]
  /// The type in its tokens' headers.
  public let type: TokenType
  /// The longest lifetime of its tokens, in seconds.
  public let maximumLifetimeSeconds: Int64
  /// Which discovery document it publishes.
  public let discovery: KeyLocation.Discovery
  /// Where it keeps its keys besides its own host.
  public let keyHosts: [String]

  /// An issuer of OAuth 2.0 access tokens after RFC 9068 with a discovery document: Keycloak, Zitadel,
  /// Ory, Entra and most others, if they are told to issue that kind.
  public static let openIDConnect = IssuerProfile(
    name: "oidc",
    algorithms: [.es256, .es384, .es512, .eddsa, .ps256, .rs256],
    type: .accessToken,
    maximumLifetimeSeconds: 3_600,
    discovery: .any
  )

  /// Projected service-account tokens of a Kubernetes cluster. They have no `typ`.
  public static let kubernetes = IssuerProfile(
    name: "kubernetes",
    algorithms: [.rs256, .es256],
    type: .unchecked(because: "service-account tokens have no typ"),
    // An hour is the default, to which the kubelet adds seven seconds.
    maximumLifetimeSeconds: 3_607,
    discovery: .openID
  )

  /// SPIFFE JWT-SVIDs from the OIDC discovery provider of SPIRE. Their `typ` is optional (JWT-SVID
  /// §2.3). Together with it a configuration has to name the trust domain.
  public static let spiffe = IssuerProfile(
    name: "spiffe",
    algorithms: [.es256, .es384, .es512, .rs256, .rs384, .rs512, .ps256, .ps384, .ps512],
    type: .unchecked(because: "JWT-SVIDs need not have a typ"),
    maximumLifetimeSeconds: 3_600,
    discovery: .openID
  )

  /// Identity tokens of OpenBao. They have no `typ`, and their subject is the id of an entity.
  public static let openBao = IssuerProfile(
    name: "openbao",
    algorithms: [.es256, .es384, .es512, .eddsa, .rs256, .rs384, .rs512],
    type: .unchecked(because: "identity tokens have no typ"),
    maximumLifetimeSeconds: 86_400,
    discovery: .openID
  )

  /// ID tokens of Google service accounts. Google's access tokens are opaque, and only Google can
  /// read them.
  public static let google = IssuerProfile(
    name: "google",
    algorithms: [.rs256],
    type: .jwt,
    maximumLifetimeSeconds: 3_600,
    discovery: .openID,
    keyHosts: ["www.googleapis.com"]
  )

  /// Access tokens of Auth0, in its own form. The audience tells them from ID tokens, whose audience
  /// is a client.
  public static let auth0 = IssuerProfile(
    name: "auth0",
    algorithms: [.rs256],
    type: .jwt,
    maximumLifetimeSeconds: 86_400,
    discovery: .openID
  )

  /// All of them.
  public static let all = [openIDConnect, kubernetes, spiffe, openBao, google, auth0]

  private init(
    name: String,
    algorithms: [Algorithm],
    type: TokenType,
    maximumLifetimeSeconds: Int64,
    discovery: KeyLocation.Discovery,
    keyHosts: [String] = []
  ) {
    self.name = name
    self.algorithms = algorithms
    self.type = type
    self.maximumLifetimeSeconds = maximumLifetimeSeconds
    self.discovery = discovery
    self.keyHosts = keyHosts
  }
}

extension IssuerProfile {
  /// The issuer as this profile trusts it.
  ///
  /// ```swift
  /// let keys = try RemoteKeySet(of: name, from: IssuerProfile.kubernetes.location)
  /// let issuer = try IssuerProfile.kubernetes.trusted(name, audiences: ["orders"], keys: keys)
  /// ```
  /// - Parameters:
  ///   - issuer: the exact value of `iss`.
  ///   - audiences: the values of `aud` that are for this service.
  ///   - keys: where its keys come from.
  ///   - trustDomain: the SPIFFE trust domain that the issuer speaks for; nil for other issuers.
  /// - Throws: `ConfigurationError` with every problem.
  public func trusted(
    _ issuer: Issuer,
    audiences: [Audience],
    keys: any KeySource,
    trustDomain: String? = nil
  ) throws(ConfigurationError) -> TrustedIssuer {
    let prefix = try self.subjectPrefix(ofTrustDomain: trustDomain)
    return try TrustedIssuer(
      issuer,
      audiences: .oneOf(audiences),
      algorithms: self.algorithms,
      keys: keys,
      type: self.type,
      maximumLifetimeSeconds: self.maximumLifetimeSeconds,
      subjectPrefix: prefix
    )
  }

  /// What the subjects of a trust domain begin with; nil for issuers that have none.
  package func subjectPrefix(
    ofTrustDomain domain: String?
  ) throws(ConfigurationError) -> String? {
    let problem: String
    switch (self == .spiffe, domain) {
    case (false, nil): return nil
    case (true, let domain?) where Self.isTrustDomain(domain): return "spiffe://\(domain)/"
    case (true, nil): problem = "is missing"
    case (true, .some): problem = "is no trust domain"
    case (false, .some): problem = "is for profile spiffe only"
    }
    throw ConfigurationError([
      .init(
        path: "trust_domain",
        problem: problem,
        hint: "an issuer of JWT-SVIDs speaks for one trust domain: example.org"
      )
    ])
  }

  /// Lower-case letters, digits, dots, hyphens and underscores (SPIFFE-ID §2.1).
  private static func isTrustDomain(_ text: String) -> Bool {
    (1 ... 200).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a") ... UInt8(ascii: "z")).contains(byte)
          || (UInt8(ascii: "0") ... UInt8(ascii: "9")).contains(byte)
          || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
      }
  }

  /// Where an issuer of this kind publishes its keys.
  public var location: KeyLocation { .discovery(self.discovery, hosts: self.keyHosts) }
}
