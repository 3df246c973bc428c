// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import TokenwardCore
internal import TokenwardHTTP

/// Why OpenBao gave nothing. A closed list, because it becomes a metric label and what an operator
/// reads; no word of it comes from the other side.
public enum OpenBaoFailure: String, Error, Sendable, Hashable, CaseIterable {
  /// Nobody listens, the name cannot be resolved, or the connection broke.
  case unreachable
  /// The server's certificate is not for this host, not valid now, or of no trusted authority.
  case tlsFailed = "tls_failed"
  /// No whole answer within five seconds.
  case deadlineExceeded = "deadline_exceeded"
  /// The file of certificate authorities cannot be used any more.
  case authoritiesUnusable = "authorities_unusable"
  /// Status 503: OpenBao is sealed, not initialised, or down for maintenance.
  case sealed
  /// Status 472 or 473: a standby that serves no requests.
  case standby
  /// Status 429: a rate limit, or a standby.
  case throttled
  /// Status 412: this node has not yet seen what another one has written.
  case behind
  /// A redirect, which is not followed: it may lead the token to somebody else.
  case redirected
  /// Any other status of 500 and above.
  case serverError = "server_error"
  /// Status 400 for a login, in the form of OpenBao: the credentials are wrong, used up or expired.
  case loginRefused = "login_refused"
  /// Status 403, or 401: not allowed, or the token is not valid any more.
  case denied
  /// Status 404 with nothing in it: no such secret, version, mount or namespace.
  case notFound = "not_found"
  /// The version of the secret was deleted or destroyed.
  case deleted
  /// The answer is not what the interface of OpenBao promises.
  case unusableAnswer = "unusable_answer"
  /// The answer, or the secret in it, is longer than accepted.
  case tooLarge = "too_large"
  /// A response-wrapping token had been used before, or has expired: somebody else may have the
  /// secret that was in it. An alarm.
  case wrappedTokenReused = "wrapped_token_reused"
  /// A response-wrapping token does not hold what OpenBao wrapped for this login: somebody may have
  /// opened the right one and wrapped its content again. An alarm.
  case wrappedTokenForeign = "wrapped_token_foreign"
  /// A file with a credential cannot be read, is open to others, or has no usable content.
  case credentialFile = "credential_file"
  /// The clock cannot be read, so nobody knows whether a token is still valid.
  case clockUnavailable = "clock_unavailable"
  /// Whoever asked gave up.
  case cancelled

  /// Whether a secret may be in the wrong hands, and somebody should be woken.
  public var isAlarm: Bool {
    self == .wrappedTokenReused || self == .wrappedTokenForeign
  }
}

extension OpenBaoFailure {
  init(_ failure: HTTPFailure) {
    self =
      switch failure {
      case .deadlineExceeded: .deadlineExceeded
      case .connectionFailed: .unreachable
      case .tlsFailed: .tlsFailed
      case .tooLarge: .tooLarge
      case .malformed: .unusableAnswer
      case .rootsUnusable: .authoritiesUnusable
      case .cancelled: .cancelled
      }
  }

  /// What a status other than 200 means, whatever was asked; nil for 200. The error texts of the
  /// answer are not looked at: they are no interface, and may quote what was sent.
  init?(status: Int) {
    switch status {
    case 200: return nil
    case 300 ..< 400: self = .redirected
    case 401, 403: self = .denied
    case 404: self = .notFound
    case 412: self = .behind
    case 429: self = .throttled
    case 472, 473: self = .standby
    case 503: self = .sealed
    case 500 ..< 600: self = .serverError
    default: self = .unusableAnswer
    }
  }

  package var kind: SecretError.Kind {
    switch self {
    case .unreachable, .tlsFailed, .deadlineExceeded, .authoritiesUnusable, .sealed, .standby,
      .throttled, .behind, .redirected, .serverError, .clockUnavailable, .cancelled:
      .unavailable
    case .loginRefused, .denied, .notFound, .credentialFile: .refused
    case .deleted, .unusableAnswer, .tooLarge: .unusable
    case .wrappedTokenReused, .wrappedTokenForeign: .alreadyUnwrapped
    }
  }
}

/// A failure with what a person needs to mend it.
struct Trouble: Error, Sendable {
  let failure: OpenBaoFailure
  let error: SecretError

  /// - Parameters:
  ///   - failure: what happened.
  ///   - subject: what was asked for, in words; no secret.
  init(_ failure: OpenBaoFailure, _ subject: String) {
    self.failure = failure
    let (problem, hint) = failure.explanation
    self.error = SecretError(failure.kind, problem: "\(subject): \(problem)", hint: hint)
  }

  init(_ failure: OpenBaoFailure, problem: String, hint: String) {
    self.failure = failure
    self.error = SecretError(failure.kind, problem: problem, hint: hint)
  }
}
