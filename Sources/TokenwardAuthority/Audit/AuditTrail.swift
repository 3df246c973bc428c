// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// What somebody did to the authority, or tried to.
public struct AuditEvent: Sendable, Hashable {
  /// When.
  public var at: UnixTime
  /// What.
  public var action: Action
  /// How it ended.
  public var outcome: Outcome
  /// The token that did it; nil for the authority itself.
  public var actor: TokenID?
  /// Whom that token speaks for.
  public var actorSubject: Subject?
  /// The tenant it was done to.
  public var tenant: Tenant?
  /// The owner it was done to.
  public var owner: Owner?
  /// The token it was done to, or that it made.
  public var token: TokenID?
  /// The role or key it was done to.
  public var target: String?
  /// Why, in the words of who did it, or why it was refused.
  public var reason: String?
  /// Where the caller came from, as the transport names it.
  public var peer: String?
  /// Further facts, by name. Never a secret.
  public var details: [String: String] = [:]

  /// What can be done to an authority.
  public enum Action: String, Sendable, Hashable, CaseIterable {
    /// The first token was made.
    case bootstrap = "authority.bootstrap"
    /// An API token was made.
    case createToken = "token.create"
    /// An API token was given a new secret.
    case rotateToken = "token.rotate"
    /// An API token or an access token was taken back.
    case revokeToken = "token.revoke"
    /// Every token of an owner was taken back.
    case revokeOwner = "token.revoke_owner"
    /// Every token made before a time was taken back.
    case revokeIssuedBefore = "token.revoke_issued_before"
    /// An owner was disabled.
    case disableOwner = "owner.disable"
    /// An owner was enabled.
    case enableOwner = "owner.enable"
    /// An API token was exchanged for an access token.
    case exchange = "token.exchange"
    /// A role was defined or changed.
    case putRole = "role.put"
    /// A role was removed.
    case removeRole = "role.remove"
    /// A signing key was made, began to sign, ceased to, or was forgotten.
    case rotateKey = "key.rotate"
    /// The pepper was replaced.
    case rotatePepper = "pepper.rotate"
    /// A start took a database that was put back: what was revoked since it was copied works again.
    case acceptRestored = "store.accept_restored"
    /// A start was told that records from the future are no reason to stop issuing.
    case acceptRecordsFromFuture = "clock.accept_future"
  }

  /// How it ended.
  public enum Outcome: String, Sendable, Hashable, CaseIterable {
    /// It was allowed, and is done unless a record behind this one says ``failed``.
    case allowed
    /// It was refused.
    case refused
    /// It was allowed and did not happen.
    case failed
  }

  /// - Parameters:
  ///   - action: what.
  ///   - outcome: how it ended.
  ///   - at: when.
  public init(_ action: Action, _ outcome: Outcome, at: UnixTime) {
    self.action = action
    self.outcome = outcome
    self.at = at
  }
}

/// That an audit record could not be written. The text is for the log.
public struct AuditTrailError: Error, Sendable, Hashable {
  /// What is wrong.
  public let problem: String
  /// - Parameter problem: what is wrong.
  public init(_ problem: String) { self.problem = problem }
}

/// Where the authority writes down what was done to it.
public protocol AuditTrail: Sendable {
  /// Writes a record. When it returns, the record outlasts a crash: nothing is handed out before.
  /// - Throws: ``AuditTrailError`` if it cannot be written, or not within a few seconds.
  func record(_ event: AuditEvent) async throws(AuditTrailError)
}
