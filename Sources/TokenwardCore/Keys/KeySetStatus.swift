// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// How the keys of one issuer are kept up to date, at one moment: for metrics and for people.
public struct KeySetStatus: Sendable, Hashable {
  /// The issuer.
  public var issuer: Issuer
  /// Whether its tokens can be verified at present.
  public var isUsable: Bool
  /// How many keys can be used; zero if none ever arrived.
  public var keyCount: Int
  /// When the keys were last confirmed by their source; nil if never.
  public var lastSuccess: UnixTime?
  /// How long ago that was; nil if never.
  public var age: Duration?
  /// How long until the source is asked again; zero if that is under way or due.
  public var nextAttempt: Duration
  /// What was wrong with the last attempt; nil if nothing was, or there was none.
  public var lastProblem: KeyFetchProblem?
  /// How often the source was asked, by outcome: nil stands for success. Outcomes that have not
  /// happened are left out.
  public var attempts: [KeyFetchProblem?: UInt64]

  /// The status of an issuer of which nothing is known yet.
  /// - Parameter issuer: the issuer.
  public init(_ issuer: Issuer) {
    self.issuer = issuer
    self.isUsable = false
    self.keyCount = 0
    self.nextAttempt = .zero
    self.attempts = [:]
  }
}

/// Why keys could not be had. A closed list: the raw value is a metric label and what an operator
/// reads; no byte of an answer is in it.
public enum KeyFetchProblem: String, Error, Sendable, Hashable, CaseIterable {
  /// No whole answer in time.
  case deadlineExceeded = "deadline_exceeded"
  /// Nobody listens, the name is unknown, or the connection broke.
  case connectionFailed = "connection_failed"
  /// No TLS 1.2 with a certificate for this host of a trusted authority.
  case tlsFailed = "tls_failed"
  /// The file of trusted authorities cannot be used.
  case rootsUnusable = "roots_unusable"
  /// Longer than 1 MiB.
  case tooLarge = "too_large"
  /// Not HTTP, or a body in an encoding that was not asked for.
  case responseMalformed = "response_malformed"
  /// The answer leads elsewhere. It is not followed (RFC 8725 §3.10).
  case redirected = "redirected"
  /// The issuer refused the request (4xx).
  case statusRefused = "status_refused"
  /// The issuer failed (5xx), or answered with a status that makes no sense.
  case statusFailed = "status_failed"
  /// The discovery document is no strict JSON, or lacks a member.
  case discoveryMalformed = "discovery_malformed"
  /// The discovery document is of another issuer (OpenID Connect Discovery §4.3, RFC 8414 §3.3).
  case discoveryIssuerMismatch = "discovery_issuer_mismatch"
  /// The discovery document places the keys where they are not expected.
  case keysAddressForbidden = "keys_address_forbidden"
  /// The file with the keys, or with the token to fetch them with, cannot be read.
  case fileUnreadable = "file_unreadable"
  /// Not a key set in strict JSON, or more than 100 keys.
  case keysMalformed = "keys_malformed"
  /// Private or symmetric keys are published: the issuer has leaked them.
  case keysPrivate = "keys_private"
  /// Kinds of keys are mixed, or a `kid` is there twice.
  case keysAmbiguous = "keys_ambiguous"
  /// There are no keys, or none can be used.
  case keysUnusable = "keys_unusable"
  /// The attempt was given up.
  case cancelled = "cancelled"
}

extension KeyFetchProblem {
  /// What is wrong with a set that was received.
  package init(_ problem: KeySetProblem) {
    switch problem {
    case .tooLarge: self = .tooLarge
    case .malformed, .tooManyKeys: self = .keysMalformed
    case .privateMaterial: self = .keysPrivate
    case .mixedKeyTypes, .duplicateKeyID: self = .keysAmbiguous
    case .noUsableKeys: self = .keysUnusable
    }
  }
}
