// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// How far a verifier's clock may be from an issuer's: 0 to 60 seconds.
public struct ClockSkew: Sendable, Hashable {
  /// No tolerance: the default.
  public static let none = ClockSkew(unchecked: 0)
  /// Most seconds that may be granted. Every second of skew is a second longer that an expired or
  /// revoked token works.
  public static let maximumSeconds = 60

  package let seconds: Int64

  /// - Throws: ``ConfigurationError`` below 0 and above ``maximumSeconds``.
  public init(seconds: Int) throws(ConfigurationError) {
    guard (0 ... Self.maximumSeconds).contains(seconds) else {
      throw ConfigurationError(
        path: "clock_skew",
        problem: "\(seconds) s is outside 0 to \(Self.maximumSeconds) s",
        hint: "synchronise the clocks (NTP) instead of granting more"
      )
    }
    self.init(unchecked: Int64(seconds))
  }

  private init(unchecked seconds: Int64) { self.seconds = seconds }
}

/// Which audiences a token must be meant for.
public enum AudienceRequirement: Sendable, Hashable {
  /// The token names at least one of these.
  case oneOf([Audience])
  /// Not checked: any token of the issuer works here, whichever service it was made for. The reason
  /// is for the reader of the configuration.
  case unchecked(because: String)
}

/// Which `typ` a token's header must have (RFC 8725 §3.11), so that an ID token or a logout token of
/// the same issuer is not taken for an access token.
public enum TokenType: Sendable, Hashable {
  /// This media type, compared without regard to ASCII letter case, with or without `application/`
  /// (RFC 7515 §4.1.9).
  case mediaType(String)
  /// Not checked: tokens of every kind of this issuer are taken for access tokens. The reason is for
  /// the reader of the configuration.
  case unchecked(because: String)

  /// `at+jwt`, the type of RFC 9068 access tokens: the default.
  public static let accessToken = TokenType.mediaType("at+jwt")
  /// `JWT`, which many issuers put on access tokens and ID tokens alike.
  public static let jwt = TokenType.mediaType("JWT")
}

/// An issuer whose tokens are accepted, with its own keys, audiences, algorithms and limits. Nothing
/// of one issuer is ever used for another's tokens (RFC 8725 §3.8).
public struct TrustedIssuer: Sendable {
  /// Longest permitted lifetime of a token, in seconds: 24 hours. A token that lives longer is a
  /// password.
  public static let longestLifetimeSeconds: Int64 = 86_400
  /// Default of `maximumLifetimeSeconds`: one hour.
  public static let defaultLifetimeSeconds: Int64 = 3_600
  /// Most audiences that one issuer may be configured with, and that one token may name.
  public static let maximumAudiences = 64

  /// The exact value of `iss`.
  public let issuer: Issuer
  /// The audiences.
  public let audiences: AudienceRequirement
  /// The algorithms that this issuer's tokens may use.
  public let algorithms: [Algorithm]
  /// Where the issuer's keys come from.
  public let keys: any KeySource
  /// The header type.
  public let type: TokenType
  /// The tolerated difference of clocks.
  public let clockSkew: ClockSkew
  /// The longest lifetime of a token, in seconds.
  public let maximumLifetimeSeconds: Int64
  /// Whether every token of this issuer works once only and must have a `jti`.
  public let isSingleUse: Bool
  /// What every `sub` of this issuer begins with, byte for byte; nil where it may be anything. With
  /// SPIFFE it is `spiffe://` and the trust domain: an issuer speaks for its own domain only.
  public let subjectPrefix: String?

  /// - Parameters:
  ///   - issuer: the exact value of `iss`, at most 1,024 bytes.
  ///   - audiences: which audiences a token must be meant for.
  ///   - algorithms: the algorithms that tokens may use; HMAC only together with a key source of an
  ///     explicitly local symmetric issuer.
  ///   - keys: where the issuer's keys come from.
  ///   - type: the header type; `at+jwt` unless said otherwise.
  ///   - clockSkew: the tolerated difference of clocks; none unless said otherwise.
  ///   - maximumLifetimeSeconds: the longest lifetime of a token, up to
  ///     ``longestLifetimeSeconds``; one hour unless said otherwise.
  ///   - isSingleUse: whether every token works once only.
  ///   - subjectPrefix: what every `sub` begins with; anything unless given.
  /// - Throws: ``ConfigurationError`` with every problem.
  public init(
    _ issuer: Issuer,
    audiences: AudienceRequirement,
    algorithms: [Algorithm],
    keys: any KeySource,
    type: TokenType = .accessToken,
    clockSkew: ClockSkew = .none,
    maximumLifetimeSeconds: Int64 = TrustedIssuer.defaultLifetimeSeconds,
    isSingleUse: Bool = false,
    subjectPrefix: String? = nil
  ) throws(ConfigurationError) {
    self.issuer = issuer
    self.audiences = audiences
    self.algorithms = algorithms
    self.keys = keys
    self.type = type
    self.clockSkew = clockSkew
    self.maximumLifetimeSeconds = maximumLifetimeSeconds
    self.isSingleUse = isSingleUse
    self.subjectPrefix = subjectPrefix
    let problems = self.problems
    guard problems.isEmpty else { throw ConfigurationError(problems) }
  }
}

extension TrustedIssuer {
  private var problems: [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    func report(_ path: String, _ problem: String, _ hint: String) {
      problems.append(.init(path: path, problem: problem, hint: hint))
    }
    if self.issuer.text.isEmpty || self.issuer.text.utf8.count > 1_024 {
      report("issuer", "must have 1 to 1,024 bytes", "write the exact value of `iss`")
    }
    switch self.audiences {
    case .oneOf(let audiences):
      if audiences.isEmpty || audiences.contains(where: \.text.isEmpty) {
        report(
          "audiences",
          "names no audience, or an empty one",
          "write the value of `aud` that the issuer puts into tokens for this service"
        )
      }
      if audiences.count > Self.maximumAudiences {
        report("audiences", "more than \(Self.maximumAudiences)", "one service rarely needs two")
      }
    case .unchecked(let reason):
      self.checkReason(reason, "audiences_unchecked_because", report)
    }
    if self.algorithms.isEmpty {
      report("algorithms", "is empty", "name what the issuer signs with, for example ES256")
    }
    if Set(self.algorithms).count != self.algorithms.count {
      report("algorithms", "an algorithm twice", "remove one of them")
    }
    if self.algorithms.contains(where: \.isSymmetric),
      !self.algorithms.allSatisfy(\.isSymmetric)
    {
      report(
        "algorithms",
        "symmetric and asymmetric algorithms of one issuer",
        "give an HMAC issuer a name and a list of its own (RFC 8725 §2.1)"
      )
    }
    switch self.type {
    case .mediaType(let type):
      if type.isEmpty || !type.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
        report("typ", "is no media type", "write at+jwt or JWT")
      }
    case .unchecked(let reason):
      self.checkReason(reason, "typ_unchecked_because", report)
    }
    if let prefix = self.subjectPrefix, !(1 ... 256).contains(prefix.utf8.count) {
      report(
        "subject_prefix",
        "must have 1 to 256 bytes",
        "write what every `sub` begins with, or leave it out"
      )
    }
    if !(1 ... Self.longestLifetimeSeconds).contains(self.maximumLifetimeSeconds) {
      report(
        "max_lifetime",
        "\(self.maximumLifetimeSeconds) s is outside 1 s to \(Self.longestLifetimeSeconds) s",
        "let clients fetch short-lived tokens instead"
      )
    }
    return problems
  }

  private func checkReason(
    _ reason: String,
    _ path: String,
    _ report: (String, String, String) -> Void
  ) {
    if !reason.utf8.contains(where: { $0 > 0x20 }) {
      report(path, "has no reason", "say why, for whoever reads the configuration next year")
    }
  }
}
