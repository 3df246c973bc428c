// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Verifies API tokens against a table in memory. What is changed there holds for the next call; no
/// outcome is remembered.
public struct APITokenVerifier: TokenVerifier {
  /// Told about each token that was accepted: its id, when, and the digest to keep instead of the
  /// one that it was found by. Called on the path of the request, so it must not block.
  public typealias UseObserver =
    @Sendable (_ id: TokenID, _ at: UnixTime, _ rekey: APITokenMatch.Rekey?) -> Void

  private let snapshot: APITokenSnapshot
  private let issuer: Issuer
  private let audiences: AudienceRequirement
  private let onUse: UseObserver?

  /// - Parameters:
  ///   - snapshot: the tokens.
  ///   - issuer: the authority that they are of.
  ///   - audiences: which audiences a token must be meant for.
  ///   - onUse: told about each token that was accepted.
  public init(
    snapshot: APITokenSnapshot,
    issuer: Issuer,
    audiences: AudienceRequirement,
    onUse: UseObserver? = nil
  ) {
    self.snapshot = snapshot
    self.issuer = issuer
    self.audiences = audiences
    self.onUse = onUse
  }

  /// Throws what ``APITokenSnapshot/match(_:at:)-(Span<UInt8>,_)`` throws, and
  /// ``DenialReason/audienceMismatch``. The principal's subject is `tenant/owner`, and so is its
  /// client: an API token speaks for a program, never for an end user.
  public func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal {
    do throws(DenialReason) {
      let match = try token.withBytes { bytes throws(DenialReason) in
        try self.snapshot.match(bytes, at: now.unix)
      }
      guard self.isMeant(for: match.audiences) else { throw .audienceMismatch }
      let id = match.id
      self.onUse?(id, now.unix, match.rekey)
      return self.principal(of: match, id)
    } catch {
      // Only who has the secret is told of the token, and so is the record.
      throw VerificationFailure(error, issuer: error.isAboutProvenAPIToken ? self.issuer : nil)
    }
  }

  private func isMeant(for audiences: [Audience]) -> Bool {
    switch self.audiences {
    case .oneOf(let accepted): accepted.contains(where: audiences.contains)
    case .unchecked: true
    }
  }

  private func principal(of match: APITokenMatch, _ id: TokenID) -> Principal {
    let subject = match.subject
    var assertion = Principal.Assertion(
      issuer: self.issuer,
      subject: subject,
      expiresAt: match.expiresAt
    )
    assertion.tokenID = id
    assertion.clientID = ClientID(subject.text)
    assertion.scopes = match.scopes
    assertion.roles = match.roles
    assertion.issuedAt = match.createdAt
    assertion.notBefore = match.notBefore
    assertion.certificate = match.certificate
    assertion.tenant = match.tenant
    assertion.methods = match.methods
    assertion.networks = match.networks
    assertion.audiences = match.audiences
    assertion.usesPreviousSecret = match.usesPreviousSecret
    return Principal(assertingVerified: assertion)
  }
}

extension DenialReason {
  /// Whether the secret of an API token was presented, although it was refused.
  fileprivate var isAboutProvenAPIToken: Bool {
    switch self {
    case .tokenRevoked, .tokenExpired, .tokenNotYetValid, .audienceMismatch: true
    default: false
    }
  }
}
