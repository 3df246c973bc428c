// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardRemote

extension ConfigurationDecoder {
  func issuers(_ field: ConfigurationField) -> [TrustedIssuer] {
    guard let fields = field.list("- issuer: https://issuer.example.com") else { return [] }
    guard fields.count <= JWTVerifier.maximumIssuers else {
      field.fail(
        "more than \(JWTVerifier.maximumIssuers) issuers",
        "list only issuers whose tokens are accepted here"
      )
      return []
    }
    var seen: Set<Issuer> = []
    return fields.compactMap { field in
      guard let section = field.section(Self.keys) else { return nil }
      if let own = section["authority"] { return self.ownAuthority(own, section, &seen) }
      let name = section.required("issuer", "write the exact value of `iss`")?
        .text("https://issuer.example.com")
      if let name, !seen.insert(Issuer(name)).inserted {
        section["issuer"]?.fail(
          "a second entry for \(ConfigurationError.shown(name)); which one counts would be a guess",
          "merge the two entries"
        )
      }
      return self.issuer(name.map { Issuer($0) }, section)
    }
  }

  private static let keys = [
    "issuer", "profile", "trust_domain", "audiences", "audiences_unchecked_because", "algorithms",
    "jwks", "symmetric", "typ", "typ_unchecked_because", "clock_skew", "max_lifetime", "single_use",
    "subject_prefix", "authority",
  ]

  /// The authority of this process: everything but the audiences is known.
  private func ownAuthority(
    _ field: ConfigurationField,
    _ section: ConfigurationSection,
    _ seen: inout Set<Issuer>
  ) -> TrustedIssuer? {
    for key in Self.keys where !key.hasSameBytes(as: "authority") {
      section[key]?.fail(
        "stands beside authority, which says everything but audiences",
        "remove it, or write issuer and jwks in place of authority"
      )
    }
    guard let parts = field.section(["audiences", "api_tokens"]) else { return nil }
    let names = parts.required("audiences", "write what tokens must be meant for here")?
      .texts("[orders]")
    let acceptsAPITokens = parts["api_tokens"].map { $0.flag() } ?? false
    guard let authority = self.authority else {
      if !self.hasAuthority {
        field.fail("needs the section authority", "add it, or name another issuer and its keys")
      }
      return nil
    }
    guard let names, let acceptsAPITokens else { return nil }
    guard seen.insert(authority.domain.issuer).inserted else {
      field.fail("is the second entry for this issuer", "merge the two entries")
      return nil
    }
    let audiences = AudienceRequirement.oneOf(names.map { Audience($0) })
    let trust = AuthorityTrust(issuer: authority.domain.issuer, audiences: audiences)
    self.trust = trust
    self.acceptsAPITokens = acceptsAPITokens
    do {
      return try TrustedIssuer(
        authority.domain.issuer,
        audiences: audiences,
        algorithms: authority.algorithms,
        keys: trust,
        maximumLifetimeSeconds: authority.domain.limits.maximumAccessLifetimeSeconds
      )
    } catch {
      self.report.add(error, below: field.path)
      return nil
    }
  }

  private func issuer(_ name: Issuer?, _ section: ConfigurationSection) -> TrustedIssuer? {
    // Each part is read even when another one is wrong, so that one run reports them all.
    let profile = self.profile(section)
    let audiences = self.audiences(section)
    let algorithms = self.algorithms(section, profile ?? nil)
    let keys = self.keys(of: name, section, profile ?? nil)
    let type = self.type(section, profile ?? nil)
    let skew = self.clockSkew(section)
    let lifetime =
      section["max_lifetime"].map { $0.seconds() }
      ?? profile??.maximumLifetimeSeconds ?? TrustedIssuer.defaultLifetimeSeconds
    let isSingleUse = section["single_use"].map { $0.flag() } ?? false
    let prefix = self.subjectPrefix(section, profile ?? nil)
    guard let name, profile != nil, let audiences, let algorithms, let keys, let type, let skew,
      let lifetime, let isSingleUse, let prefix
    else { return nil }
    do {
      return try TrustedIssuer(
        name,
        audiences: audiences,
        algorithms: algorithms,
        keys: keys,
        type: type,
        clockSkew: skew,
        maximumLifetimeSeconds: lifetime,
        isSingleUse: isSingleUse,
        subjectPrefix: prefix
      )
    } catch {
      self.report.add(error, below: section.field.path)
      return nil
    }
  }

  /// The profile, or nil within if the issuer has none; nil if it cannot be read.
  private func profile(_ section: ConfigurationSection) -> IssuerProfile?? {
    guard let field = section["profile"] else { return .some(nil) }
    guard let name = field.text("oidc") else { return nil }
    guard let profile = IssuerProfile.all.first(where: { $0.name.hasSameBytes(as: name) }) else {
      let known = IssuerProfile.all.map(\.name).joined(separator: ", ")
      field.fail("\(ConfigurationError.shown(name)) is no profile", "known: \(known)")
      return nil
    }
    return profile
  }

  /// What subjects begin with, or nil within if they may be anything; nil if it cannot be read.
  private func subjectPrefix(
    _ section: ConfigurationSection,
    _ profile: IssuerProfile?
  ) -> String?? {
    guard section["trust_domain"] != nil || profile == .spiffe else {
      guard let field = section["subject_prefix"] else { return .some(nil) }
      return field.text("system:serviceaccount:").map { .some($0) }
    }
    if let field = section["subject_prefix"] {
      field.fail("stands beside trust_domain, which says the same", "remove one of them")
      return nil
    }
    let domain = section.required("trust_domain", "name the trust domain: example.org")?
      .text("example.org")
    guard let domain else { return nil }
    do throws(ConfigurationError) {
      return .some(try (profile ?? .openIDConnect).subjectPrefix(ofTrustDomain: domain))
    } catch {
      self.report.add(error, below: section.field.path)
      return nil
    }
  }

  func audiences(_ section: ConfigurationSection) -> AudienceRequirement? {
    let field = section.either(
      "audiences",
      or: "audiences_unchecked_because",
      "write the value of `aud` that the issuer puts into tokens for this service"
    )
    guard let field else { return nil }
    if section["audiences"] != nil {
      return field.texts("[orders]").map { .oneOf($0.map { Audience($0) }) }
    }
    return self.reason(field).map { .unchecked(because: $0) }
  }

  private func type(_ section: ConfigurationSection, _ profile: IssuerProfile?) -> TokenType? {
    guard section["typ"] != nil || section["typ_unchecked_because"] != nil else {
      return profile?.type ?? .accessToken
    }
    guard let field = section.either("typ", or: "typ_unchecked_because", "write at+jwt") else {
      return nil
    }
    if section["typ"] != nil { return field.text("at+jwt").map { .mediaType($0) } }
    return self.reason(field).map { .unchecked(because: $0) }
  }

  func clockSkew(_ section: ConfigurationSection) -> ClockSkew? {
    guard let field = section["clock_skew"] else { return ClockSkew.none }
    guard let seconds = field.seconds() else { return nil }
    do {
      return try ClockSkew(seconds: Int(clamping: seconds))
    } catch {
      self.report.add(error, below: section.field.path)
      return nil
    }
  }

  private func algorithms(
    _ section: ConfigurationSection,
    _ profile: IssuerProfile?
  ) -> [Algorithm]? {
    if let profile, section["algorithms"] == nil { return profile.algorithms }
    let field = section.required("algorithms", "name what the issuer signs with: [ES256]")
    guard let fields = field?.list("[ES256]") else { return nil }
    let isLocal = section["symmetric"] != nil
    let algorithms = fields.map { field -> Algorithm? in
      guard let name = field.text("ES256") else { return nil }
      guard let algorithm = Algorithm(rawValue: name) else {
        let known = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
        field.fail("\(ConfigurationError.shown(name)) is no algorithm", "known: \(known)")
        return nil
      }
      guard algorithm.isSymmetric == isLocal else {
        field.fail(
          isLocal ? "is not for a shared secret" : "is for a shared secret, not for public keys",
          "HS256, HS384 and HS512 go with `symmetric`, the others with `jwks` (RFC 8725 §2.1)"
        )
        return nil
      }
      return algorithm
    }
    return algorithms.contains(nil) ? nil : algorithms.compactMap(\.self)
  }
}
