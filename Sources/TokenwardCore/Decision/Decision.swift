// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// What the guard answers: a grant or a denial, nothing in between.
public enum Decision: Sendable {
  /// The call may proceed as the grant says.
  case allow(Grant)
  /// The call must be answered with the denial's response.
  case deny(Denial)

  /// The grant of an allowed call.
  public var grant: Grant? {
    if case .allow(let grant) = self { grant } else { nil }
  }

  /// The denial of a denied call.
  public var denial: Denial? {
    if case .deny(let denial) = self { denial } else { nil }
  }
}

/// Permission for one call.
public struct Grant: Sendable {
  /// The method that was granted.
  public let method: RPCMethod
  /// Who calls; nil where the policy lets anyone call and no credential was presented.
  public let principal: Principal?
  /// When the permission ends, for streams that outlive it: the expiry that the token states; for a
  /// call that began in the skew granted behind it, the end of the skew. Nil for anonymous calls.
  public let expiresAt: UnixTime?
  /// The instant of the decision on both clocks; deadlines are counted from here.
  public let decidedAt: Moment
}

/// Refusal of one call.
public struct Denial: Error, Sendable {
  /// Why, for audit and metrics.
  public let reason: DenialReason
  /// Who was refused, if the credential was good: only then are its claims worth recording.
  public let principal: Principal?
  /// The configured issuer whose signature was good; nil before that point.
  public let issuer: Issuer?

  package init(_ reason: DenialReason, principal: Principal? = nil, issuer: Issuer? = nil) {
    self.reason = reason
    self.principal = principal
    self.issuer = principal?.issuer ?? issuer
  }

  /// What the caller is told.
  public var response: DenialResponse { self.reason.response }
}
