// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// What an authority is told when it is made.
public struct AuthorityConfiguration: Sendable, Hashable {
  /// The `iss` of its access tokens.
  public let issuer: Issuer
  /// The audience of the authority itself: the first token is made for it.
  public let audience: Audience
  /// How long and how many things may be.
  public let limits: AuthorityLimits
  /// The algorithm of access tokens that do not ask for another.
  public let defaultAlgorithm: Algorithm
  /// Whether records from the future are no reason to stop issuing. To be set for one start, by
  /// somebody who knows that the clock was wrong before and is right now.
  public let acceptsRecordsFromFuture: Bool

  /// - Parameters:
  ///   - issuer: the `iss` of its access tokens, at most 1,024 bytes.
  ///   - audience: the audience of the authority itself.
  ///   - limits: how long and how many things may be.
  ///   - defaultAlgorithm: `.es256` or `.eddsa`.
  ///   - acceptsRecordsFromFuture: whether records from the future are no reason to stop issuing.
  /// - Throws: `ConfigurationError` with every problem.
  public init(
    issuer: Issuer,
    audience: Audience = "tokenward",
    limits: AuthorityLimits = AuthorityLimits(),
    defaultAlgorithm: Algorithm = .es256,
    acceptsRecordsFromFuture: Bool = false
  ) throws(ConfigurationError) {
    self.issuer = issuer
    self.audience = audience
    self.limits = limits
    self.defaultAlgorithm = defaultAlgorithm
    self.acceptsRecordsFromFuture = acceptsRecordsFromFuture
    let problems = self.problems
    guard problems.isEmpty else { throw ConfigurationError(problems) }
  }

  private var problems: [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    func check(_ isGood: Bool, _ path: String, _ problem: String, _ hint: String) {
      if !isGood { problems.append(.init(path: path, problem: problem, hint: hint)) }
    }
    check(
      (1 ... 1_024).contains(self.issuer.text.utf8.count),
      "issuer",
      "must have 1 to 1,024 bytes",
      "write the exact value of `iss`"
    )
    check(
      FieldRules.isAudience(self.audience),
      "audience",
      "is no audience",
      "1 to 256 printable ASCII characters without space, quote and backslash"
    )
    check(
      self.defaultAlgorithm == .es256 || self.defaultAlgorithm == .eddsa,
      "algorithm",
      "\(self.defaultAlgorithm.rawValue) cannot be signed with",
      "use ES256 or EdDSA"
    )
    let limits = self.limits
    let century: Int64 = 100 * 366 * 86_400
    check(
      (1 ... century).contains(limits.maximumTokenLifetimeSeconds),
      "max_token_lifetime",
      "is outside 1 s to 100 years",
      "a year suits most"
    )
    check(
      (1 ... max(limits.maximumTokenLifetimeSeconds, 1))
        .contains(limits.defaultTokenLifetimeSeconds),
      "token_lifetime",
      "is outside 1 s to the longest lifetime",
      "90 days suit most"
    )
    check(
      (0 ... century).contains(limits.maximumGraceSeconds),
      "max_grace",
      "is outside 0 s to 100 years",
      "a week suits most"
    )
    check(
      (1 ... 3_600).contains(limits.maximumAccessLifetimeSeconds),
      "max_access_lifetime",
      "is outside 1 s to 1 h",
      "access tokens are taken on their word until they expire"
    )
    check(
      (1 ... max(limits.maximumAccessLifetimeSeconds, 1))
        .contains(limits.defaultAccessLifetimeSeconds),
      "access_lifetime",
      "is outside 1 s to the longest lifetime",
      "5 minutes suit most"
    )
    return problems
  }
}
