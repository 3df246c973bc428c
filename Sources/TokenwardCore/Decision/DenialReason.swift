// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Why a call was denied. A closed list: the raw value is the label in metrics and the field in
/// audit records. The caller never reads it; what the caller reads is ``DenialReason/response``.
public enum DenialReason: String, Error, Sendable, Hashable, CaseIterable {
  /// The call breaks a rule of the gRPC protocol that has to be settled before anything else, such
  /// as a malformed or repeated `grpc-timeout`.
  case requestMalformed
  /// No `authorization` value.
  case credentialMissing
  /// More than one credential: two `authorization` values, or an `authorization-bin` twin.
  case credentialConflicting
  /// One `authorization` value that is not `Bearer`, one space and one token (RFC 6750 §2.1).
  case credentialMalformed
  /// Not a compact JWS with a strict JSON header and claims (RFC 7515 §3.1, RFC 7519 §7.2).
  case tokenMalformed
  /// Longer than ``BearerToken/maximumLength``.
  case tokenTooLarge
  /// The algorithm is not in the list of its issuer, or not one that its key is for (RFC 8725 §3.1).
  case algorithmForbidden
  /// No key of this issuer fits. Never answered by trying other keys.
  case keyUnknown
  /// The signature does not verify.
  case signatureInvalid
  /// `iss` is no trusted issuer (RFC 8725 §3.8).
  case issuerUnknown
  /// `aud` does not name this service (RFC 8725 §3.9).
  case audienceMismatch
  /// `typ` is not the type that this issuer's tokens must have (RFC 8725 §3.11).
  case typeMismatch
  /// `nbf` or `iat` lies in the future.
  case tokenNotYetValid
  /// Valid for longer than its issuer's tokens may be.
  case lifetimeExceeded
  /// A mandatory claim is absent.
  case claimMissing
  /// A claim has the wrong type, is out of range or carries control characters.
  case claimMalformed
  /// Withdrawn before its expiry, or a single-use token that was used.
  case tokenRevoked
  /// A token that no store knows, or that its issuer says is not active (RFC 7662 §2.2).
  case tokenUnknown
  /// An API token whose checksum is wrong.
  case checksumInvalid
  /// Bound to a certificate or key that the caller did not prove (RFC 8705 §3).
  case bindingMismatch
  /// Presented from an address that the token does not allow.
  case addressForbidden
  /// `exp` has passed. Told apart only after a good signature.
  case tokenExpired
  /// Verified, but a scope that the method requires is not granted.
  case scopeInsufficient
  /// Verified, but a role that the method requires is not assigned.
  case roleMissing
  /// No rule names the method. Told only to a verified caller.
  case methodUnlisted
  /// The caller is over its rate.
  case rateLimited
  /// Something that the decision needs cannot be reached: no usable keys, a store that is down.
  case dependencyUnavailable
  /// The clock cannot be read or is implausible.
  case clockUnavailable
  /// The call's own deadline passed while the decision waited for somebody else.
  case deadlineExceeded
  /// The caller gave up while the decision waited for somebody else. Nobody reads the answer.
  case callCancelled
  /// A rule that the guard holds for itself does not hold.
  case internalInvariant
}

/// What a caller is told about a denial: a constant sentence and a coarse reason, the same through
/// every front door. No byte of the request is in it, so it can be no oracle and carry no injection.
public struct DenialResponse: Sendable, Hashable {
  /// The gRPC status code.
  public let grpcStatus: Int
  /// The HTTP status code.
  public let httpStatus: Int
  /// `google.rpc.ErrorInfo.reason`, in the domain `tokenward.dev`; nil where none is sent.
  public let errorInfoReason: String?
  /// The value of `www-authenticate` (RFC 6750 §3); nil where none is sent.
  public let wwwAuthenticate: String?
  /// The status message.
  public let message: String
  /// Seconds after which a retry makes sense (`google.rpc.RetryInfo`); nil where none is sent.
  public let retryAfterSeconds: Int?

  /// `google.rpc.ErrorInfo.domain` of every denial.
  public static let errorDomain = "tokenward.dev"
}

extension DenialReason {
  /// What the caller is told.
  public var response: DenialResponse {
    switch self {
    case .requestMalformed: .malformedRequest
    case .credentialMissing: .missingCredential
    case .credentialConflicting, .credentialMalformed: .invalidRequest
    case .tokenMalformed, .tokenTooLarge, .algorithmForbidden, .keyUnknown, .signatureInvalid,
      .issuerUnknown, .audienceMismatch, .typeMismatch, .tokenNotYetValid, .lifetimeExceeded,
      .claimMissing, .claimMalformed, .tokenRevoked, .tokenUnknown, .checksumInvalid,
      .bindingMismatch, .addressForbidden:
      .invalidToken
    case .tokenExpired: .expiredToken
    case .scopeInsufficient, .roleMissing, .methodUnlisted: .insufficientScope
    case .rateLimited: .rateLimited
    case .dependencyUnavailable, .clockUnavailable: .unavailable
    case .deadlineExceeded: .deadlineExceeded
    case .callCancelled: .callCancelled
    case .internalInvariant: .internalError
    }
  }
}

extension DenialResponse {
  private static func unauthenticated(_ reason: String, _ challenge: String) -> DenialResponse {
    DenialResponse(
      grpcStatus: 16,
      httpStatus: 401,
      errorInfoReason: reason,
      wwwAuthenticate: challenge,
      message: "request is not authenticated",
      retryAfterSeconds: nil
    )
  }

  static let missingCredential = unauthenticated("CREDENTIALS_MISSING", "Bearer")
  static let invalidRequest =
    unauthenticated("ACCESS_TOKEN_INVALID", "Bearer error=\"invalid_request\"")
  static let invalidToken =
    unauthenticated("ACCESS_TOKEN_INVALID", "Bearer error=\"invalid_token\"")
  static let expiredToken =
    unauthenticated("ACCESS_TOKEN_EXPIRED", "Bearer error=\"invalid_token\"")

  static let malformedRequest = DenialResponse(
    grpcStatus: 3,
    httpStatus: 400,
    errorInfoReason: "REQUEST_MALFORMED",
    wwwAuthenticate: nil,
    message: "request is malformed",
    retryAfterSeconds: nil
  )
  static let insufficientScope = DenialResponse(
    grpcStatus: 7,
    httpStatus: 403,
    errorInfoReason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    wwwAuthenticate: "Bearer error=\"insufficient_scope\"",
    message: "permission denied",
    retryAfterSeconds: nil
  )
  static let rateLimited = DenialResponse(
    grpcStatus: 8,
    httpStatus: 429,
    errorInfoReason: "RATE_LIMIT_EXCEEDED",
    wwwAuthenticate: nil,
    message: "too many requests",
    retryAfterSeconds: 1
  )
  static let unavailable = DenialResponse(
    grpcStatus: 14,
    httpStatus: 503,
    errorInfoReason: "AUTH_BACKEND_UNAVAILABLE",
    wwwAuthenticate: nil,
    message: "authentication is temporarily unavailable",
    retryAfterSeconds: 1
  )
  static let deadlineExceeded = DenialResponse(
    grpcStatus: 4,
    httpStatus: 504,
    errorInfoReason: nil,
    wwwAuthenticate: nil,
    message: "deadline exceeded",
    retryAfterSeconds: nil
  )
  static let callCancelled = DenialResponse(
    grpcStatus: 1,
    httpStatus: 499,
    errorInfoReason: nil,
    wwwAuthenticate: nil,
    message: "call cancelled",
    retryAfterSeconds: nil
  )
  static let internalError = DenialResponse(
    grpcStatus: 13,
    httpStatus: 500,
    errorInfoReason: nil,
    wwwAuthenticate: nil,
    message: "internal error",
    retryAfterSeconds: nil
  )
}
