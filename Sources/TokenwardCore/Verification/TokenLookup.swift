// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Something outside this process that a verification has to wait for: the answer of an issuer about
/// an opaque token, or keys that it has just published.
public struct TokenLookup: Sendable {
  /// What became known.
  public typealias Outcome = Result<Principal, VerificationFailure>

  private let body: @Sendable () async -> Outcome?

  /// - Parameter body: waits, bounded in time, and returns early if its task is cancelled. It answers
  ///   what became known of the token, or nil if the token is to be verified again.
  public init(_ body: @escaping @Sendable () async -> Outcome?) { self.body = body }

  /// Waits for the answer.
  public func run() async -> Outcome? { await self.body() }
}

/// Why a credential proves nothing.
public struct VerificationFailure: Error, Sendable {
  /// The reason.
  public let reason: DenialReason
  /// The issuer, once its signature was good: only then may a record name it.
  public let issuer: Issuer?
  /// What could change the outcome, for callers that can wait; nil if nothing could.
  public let lookup: TokenLookup?

  /// - Parameters:
  ///   - reason: why.
  ///   - issuer: the issuer, only if its signature was good.
  ///   - lookup: what could change the outcome.
  public init(_ reason: DenialReason, issuer: Issuer? = nil, lookup: TokenLookup? = nil) {
    self.reason = reason
    self.issuer = issuer
    self.lookup = lookup
  }
}

extension VerificationFailure: Hashable {
  /// Compares reason and issuer.
  public static func == (lhs: Self, rhs: Self) -> Bool {
    lhs.reason == rhs.reason && lhs.issuer == rhs.issuer
  }

  /// Hashes reason and issuer.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(self.reason)
    hasher.combine(self.issuer)
  }
}
