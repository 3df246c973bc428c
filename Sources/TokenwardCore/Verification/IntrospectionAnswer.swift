// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// What an issuer says about an opaque token (RFC 7662 §2.2), judged by the same rules as the claims
/// of a JWT: dates, audience, types of members and bindings are not taken on faith because they came
/// over TLS. An answer about a token of another service is an answer about another token.
package enum IntrospectionAnswer {
  /// The longest accepted answer, in bytes.
  package static let maximumLength = 64 * 1_024

  /// Whether an answer is an object in strict JSON that says yes or no.
  package static func isReadable(_ body: [UInt8]) -> Bool {
    let limits = JSONLimits(bytes: Self.maximumLength)
    guard let document = try? JSONDocument(body, limits: limits),
      let active = document.member("active", of: document.root)
    else { return false }
    let kind = document.kind(of: active)
    return kind == .true || kind == .false
  }

  /// The principal that an answer speaks of.
  /// - Parameters:
  ///   - body: the answer.
  ///   - issuer: whom the answer came from, and what its tokens must look like.
  ///   - now: the moment of the answer.
  /// - Throws: ``DenialReason/tokenUnknown`` for a token that is not active, the reasons of claims,
  ///   and ``DenialReason/dependencyUnavailable`` for an answer that is none.
  package static func principal(
    in body: [UInt8],
    of issuer: TrustedIssuer,
    at now: UnixTime
  ) throws(VerificationFailure) -> Principal {
    let limits = JSONLimits(bytes: Self.maximumLength)
    guard let document = try? JSONDocument(body, limits: limits),
      document.kind(of: document.root) == .object,
      let active = document.member("active", of: document.root)
    else { throw VerificationFailure(.dependencyUnavailable) }
    switch document.kind(of: active) {
    case .true: break
    case .false: throw VerificationFailure(.tokenUnknown, issuer: issuer.issuer)
    // "true" in quotes, 1, null: not the answer to a yes-or-no question.
    default: throw VerificationFailure(.dependencyUnavailable)
    }
    do throws(DenialReason) {
      if let type = document.member("token_type", of: document.root) {
        guard let text = document.string(type) else { throw .claimMalformed }
        // A token that needs a proof of possession is no bearer token (RFC 9449 §6.2).
        guard text.equalsASCIICaseInsensitively("bearer") else { throw .bindingMismatch }
      }
      let claims = ClaimsReader(document)
      if document.member("iss", of: document.root) != nil {
        guard claims.equals(try claims.issuer(), issuer.issuer) else { throw .issuerUnknown }
      }
      return try claims.principal(of: issuer, at: now)
    } catch {
      throw VerificationFailure(error, issuer: issuer.issuer)
    }
  }
}

extension TrustedIssuer {
  /// An issuer that is asked about its tokens instead of signing them. It has no keys, so nothing
  /// that claims to be signed by it is ever accepted.
  package static func introspected(
    _ issuer: Issuer,
    audiences: AudienceRequirement,
    clockSkew: ClockSkew,
    maximumLifetimeSeconds: Int64
  ) throws(ConfigurationError) -> TrustedIssuer {
    try TrustedIssuer(
      issuer,
      audiences: audiences,
      algorithms: [.es256],
      keys: NoKeys(),
      clockSkew: clockSkew,
      maximumLifetimeSeconds: maximumLifetimeSeconds
    )
  }
}

/// Keys of an issuer that signs nothing.
private struct NoKeys: KeySource {
  func current(at now: Moment) -> KeySet? { nil }
}
