// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Verifies JWT access tokens (RFC 7519, RFC 9068) of trusted issuers by the rules of RFC 8725.
///
/// What the token says of itself chooses nothing but which trusted issuer is asked: keys, algorithms,
/// audiences, type and limits are that issuer's. Header members that carry or point to keys are
/// refused. No network and no file is touched: keys are snapshots in memory.
public final class JWTVerifier: TokenVerifier {
  /// Most issuers of one verifier.
  public static let maximumIssuers = 256

  private let issuers: [TrustedIssuer]
  private let algorithms: [AlgorithmSet]
  private let memos: HeaderMemo
  private let cache: VerifiedTokenCache?
  private let hits = Atomic<UInt64>(0)
  private let misses = Atomic<UInt64>(0)
  private let refusals = Atomic<UInt64>(0)

  /// How many tokens a verifier remembers, and for how long.
  public struct Cache: Sendable, Hashable {
    /// Most verified tokens remembered.
    public var verifiedTokens: Int
    /// Most tokens with a bad signature remembered.
    public var refusedTokens: Int
    /// How long either is remembered, in seconds: 1 to 5. A revocation of keys takes effect at once
    /// whatever this says; it bounds how long a mistake could live.
    public var seconds: Int

    /// - Parameters:
    ///   - verifiedTokens: most verified tokens remembered.
    ///   - refusedTokens: most tokens with a bad signature remembered.
    ///   - seconds: how long either is remembered: 1 to 5.
    public init(verifiedTokens: Int = 65_536, refusedTokens: Int = 8_192, seconds: Int = 5) {
      self.verifiedTokens = verifiedTokens
      self.refusedTokens = refusedTokens
      self.seconds = seconds
    }
  }

  /// - Parameters:
  ///   - issuers: the trusted issuers; at least one, each name once.
  ///   - cache: how many tokens are remembered; nil verifies each one again.
  /// - Throws: ``ConfigurationError`` with every problem.
  public init(
    issuers: [TrustedIssuer],
    cache: Cache? = Cache()
  ) throws(ConfigurationError) {
    let problems = Self.problems(of: issuers, cache: cache)
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    self.issuers = issuers
    self.algorithms = issuers.map { AlgorithmSet($0.algorithms) }
    self.memos = HeaderMemo()
    self.cache = cache.map { cache in
      VerifiedTokenCache(
        verified: cache.verifiedTokens,
        refused: cache.refusedTokens,
        age: .seconds(cache.seconds)
      )
    }
  }

  /// How often the cache answered.
  public var cacheStatistics: TokenCacheStatistics {
    TokenCacheStatistics(
      hits: self.hits.load(ordering: .relaxed),
      misses: self.misses.load(ordering: .relaxed),
      refusals: self.refusals.load(ordering: .relaxed)
    )
  }

  /// Throws every reason from ``DenialReason/tokenMalformed`` to ``DenialReason/claimMalformed``,
  /// ``DenialReason/tokenExpired``, ``DenialReason/bindingMismatch`` for a `cnf` that cannot be
  /// proven here, and ``DenialReason/dependencyUnavailable`` while the issuer has no usable keys.
  public func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    guard let cache else { return try self.verifyWithoutCache(token, at: now).principal }
    let fingerprint = token.fingerprint
    if let known = try self.recall(fingerprint, in: cache, at: now) { return known }
    self.misses.wrappingAdd(1, ordering: .relaxed)

    let verified = try self.verifyWithoutCache(token, at: now) { issuer, generation in
      let entry = VerifiedTokenCache.Entry(
        issuer: issuer,
        keyGeneration: generation,
        outcome: .signatureInvalid
      )
      cache.insert(entry, for: fingerprint, at: now)
    }
    let entry = VerifiedTokenCache.Entry(
      issuer: verified.issuer,
      keyGeneration: verified.keyGeneration,
      outcome: .verified(verified.principal)
    )
    cache.insert(entry, for: fingerprint, at: now)
    return verified.principal
  }

  /// A token that was verified in the last seconds, under the keys that its issuer has now. Throws
  /// ``DenialReason/signatureInvalid`` for one that was found bad.
  public func recall(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal? {
    guard let cache else { return nil }
    return try self.recall(token.fingerprint, in: cache, at: now)
  }

  private func recall(
    _ fingerprint: TokenFingerprint,
    in cache: VerifiedTokenCache,
    at now: Moment
  ) throws(VerificationFailure) -> Principal? {
    guard let entry = cache.find(fingerprint, at: now),
      self.issuers[entry.issuer].keys.current(at: now)?.generation == entry.keyGeneration
    else { return nil }
    switch entry.outcome {
    case .verified(let principal):
      self.hits.wrappingAdd(1, ordering: .relaxed)
      return principal
    case .signatureInvalid:
      self.refusals.wrappingAdd(1, ordering: .relaxed)
      throw VerificationFailure(.signatureInvalid)
    }
  }

  private struct Verified {
    var principal: Principal
    var issuer: Int
    var keyGeneration: UInt64
  }

  private func verifyWithoutCache(
    _ token: PresentedToken,
    at now: Moment,
    onBadSignature: (_ issuer: Int, _ keyGeneration: UInt64) -> Void = { _, _ in }
  ) throws(VerificationFailure) -> Verified {
    let jws: CompactJWS
    do {
      jws = try CompactJWS(parsing: token.bytes, memo: self.memos)
    } catch {
      throw VerificationFailure(error.denialReason)
    }
    // A token that brings its own key, or says where to fetch one, comes from nobody we trust to
    // behave (CVE-2018-0114, CVE-2026-27962).
    guard !jws.header.embedsKeyMaterial else { throw VerificationFailure(.tokenMalformed) }

    let claims = try ClaimsReader(unverified: jws.unverifiedPayload)
    let index = try self.issuer(of: claims)
    let issuer = self.issuers[index]
    guard let keys = issuer.keys.current(at: now) else {
      throw VerificationFailure(.dependencyUnavailable)
    }
    do {
      _ = try jws.verify(keys: keys, allowed: self.algorithms[index])
    } catch {
      if error == .signatureInvalid { onBadSignature(index, keys.generation) }
      guard error == .keyUnknown, let lookup = issuer.keys.lookup(for: jws.header.keyID, at: now)
      else { throw VerificationFailure(error.denialReason) }
      let again = TokenLookup {
        await lookup.wait() ? nil : .failure(VerificationFailure(.dependencyUnavailable))
      }
      throw VerificationFailure(error.denialReason, lookup: again)
    }
    // Only a signed header is remembered, so strangers cannot push others out.
    if !jws.isHeaderRemembered { self.memos.remember(jws) }

    // From here on the claims are the issuer's own words.
    do throws(DenialReason) {
      try issuer.type.check(jws.header.type)
      let principal = try claims.principal(of: issuer, at: now.unix)
      return Verified(principal: principal, issuer: index, keyGeneration: keys.generation)
    } catch {
      throw VerificationFailure(error, issuer: issuer.issuer)
    }
  }

  private func issuer(of claims: ClaimsReader) throws(VerificationFailure) -> Int {
    do throws(DenialReason) {
      let name = try claims.issuer()
      for index in self.issuers.indices where claims.equals(name, self.issuers[index].issuer) {
        return index
      }
    } catch {
      throw VerificationFailure(error)
    }
    throw VerificationFailure(.issuerUnknown)
  }
}

/// How often a verifier's cache answered, since it was made.
public struct TokenCacheStatistics: Sendable, Hashable {
  /// Tokens found verified.
  public let hits: UInt64
  /// Tokens not found.
  public let misses: UInt64
  /// Tokens found refused.
  public let refusals: UInt64
}

extension JWTVerifier {
  private static func problems(
    of issuers: [TrustedIssuer],
    cache: Cache?
  ) -> [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    if issuers.isEmpty || issuers.count > Self.maximumIssuers {
      problems.append(
        .init(
          path: "issuers",
          problem: "\(issuers.count) issuers, where 1 to \(Self.maximumIssuers) make sense",
          hint: "list each issuer whose tokens are accepted"
        )
      )
    }
    var seen: Set<Issuer> = []
    for (index, issuer) in issuers.enumerated() where !seen.insert(issuer.issuer).inserted {
      problems.append(
        .init(
          path: "issuers[\(index)].issuer",
          problem: "\(issuer.issuer) a second time; which one counts would be a guess",
          hint: "merge the two entries"
        )
      )
    }
    if let cache, !(1 ... 5).contains(cache.seconds) {
      problems.append(
        .init(
          path: "cache.seconds",
          problem: "\(cache.seconds) s is outside 1 s to 5 s",
          hint: "5 s saves nearly every signature; pass no cache to switch it off"
        )
      )
    }
    if let cache,
      !(1 ... 10_000_000).contains(cache.verifiedTokens)
        || !(1 ... 10_000_000).contains(cache.refusedTokens)
    {
      problems.append(
        .init(
          path: "cache",
          problem: "a size outside 1 to 10,000,000 tokens",
          hint: "leave the default, 65,536 good and 8,192 bad tokens"
        )
      )
    }
    return problems
  }
}

extension JWSProblem {
  /// The reason with the same meaning.
  package var denialReason: DenialReason {
    switch self {
    case .malformed: .tokenMalformed
    case .tooLarge: .tokenTooLarge
    case .algorithmForbidden: .algorithmForbidden
    case .keyUnknown: .keyUnknown
    case .signatureInvalid: .signatureInvalid
    }
  }
}
