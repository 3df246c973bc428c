// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

// Positions in tables. Switches without a default: a new case does not compile until it has a
// series, and no look-up by text happens on the path of a request.

extension Door {
  /// The position in `allCases`.
  var ordinal: Int {
    switch self {
    case .grpc: 0
    case .gateway: 1
    case .extAuthz: 2
    case .command: 3
    }
  }
}

extension DenialReason {
  /// The position in `allCases`.
  var ordinal: Int {
    switch self {
    case .requestMalformed: 0
    case .credentialMissing: 1
    case .credentialConflicting: 2
    case .credentialMalformed: 3
    case .tokenMalformed: 4
    case .tokenTooLarge: 5
    case .algorithmForbidden: 6
    case .keyUnknown: 7
    case .signatureInvalid: 8
    case .issuerUnknown: 9
    case .audienceMismatch: 10
    case .typeMismatch: 11
    case .tokenNotYetValid: 12
    case .lifetimeExceeded: 13
    case .claimMissing: 14
    case .claimMalformed: 15
    case .tokenRevoked: 16
    case .tokenUnknown: 17
    case .checksumInvalid: 18
    case .bindingMismatch: 19
    case .addressForbidden: 20
    case .tokenExpired: 21
    case .scopeInsufficient: 22
    case .roleMissing: 23
    case .methodUnlisted: 24
    case .rateLimited: 25
    case .dependencyUnavailable: 26
    case .clockUnavailable: 27
    case .deadlineExceeded: 28
    case .callCancelled: 29
    case .internalInvariant: 30
    }
  }

  /// Whether a denial for this reason can come after a good signature, and so name an issuer.
  var mayNameIssuer: Bool {
    switch self {
    case .requestMalformed, .credentialMissing, .credentialConflicting, .credentialMalformed,
      .tokenMalformed, .tokenTooLarge, .algorithmForbidden, .keyUnknown, .signatureInvalid,
      .issuerUnknown, .tokenUnknown, .checksumInvalid, .clockUnavailable, .deadlineExceeded,
      .callCancelled:
      false
    case .audienceMismatch, .typeMismatch, .tokenNotYetValid, .lifetimeExceeded, .claimMissing,
      .claimMalformed, .tokenRevoked, .bindingMismatch, .addressForbidden, .tokenExpired,
      .scopeInsufficient, .roleMissing, .methodUnlisted, .rateLimited, .dependencyUnavailable,
      .internalInvariant:
      true
    }
  }
}

extension Duration {
  /// Whole nanoseconds, between zero and 292 years.
  var clampedNanoseconds: Int64 {
    let (seconds, attoseconds) = self.components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflowOfSum) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return overflow || overflowOfSum ? .max : sum
  }
}
