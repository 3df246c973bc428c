// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// One thing that happened to a signing key, for the audit trail.
public struct SigningKeyChange: Sendable, Hashable {
  /// What happened.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// It was made, and is published from now on.
    case made
    /// It signs from now on.
    case activated
    /// It signs no more, and stays published until its last token has expired.
    case retired
    /// It is no longer published.
    case removed
  }

  /// What happened.
  public let kind: Kind
  /// The key as it is now; for one that was removed, as it was.
  public let key: SigningKeyRecord

  package init(_ kind: Kind, _ key: SigningKeyRecord) {
    self.kind = kind
    self.key = key
  }
}

/// The signing keys of an authority: published, then signing, then published until their last token
/// has expired.
public final class SigningKeys: Sendable {
  private let store: any TokenStore
  private let keyring: any SigningKeyring
  private let time: any TimeSource
  /// How long keys are published, sign, and stay published.
  public let schedule: KeySchedule
  /// What is signed with; the first one unless a caller asks for another.
  public let algorithms: [Algorithm]

  /// - Parameters:
  ///   - store: where the keys are kept.
  ///   - keyring: makes them and signs with them.
  ///   - schedule: how long they are published, sign, and stay published.
  ///   - algorithms: `.es256`, `.eddsa` or both, the default one first.
  ///   - time: the clocks.
  /// - Throws: `ConfigurationError` for other algorithms, none, or one twice.
  public init(
    store: any TokenStore,
    keyring: any SigningKeyring,
    schedule: KeySchedule,
    algorithms: [Algorithm],
    time: any TimeSource
  ) throws(ConfigurationError) {
    self.store = store
    self.keyring = keyring
    self.schedule = schedule
    self.algorithms = algorithms
    self.time = time
  }

  /// Continues with the keys that the store has, or makes the first ones.
  /// - Parameter loaded: every signing key of the store (other records are ignored).
  /// - Returns: what happened to keys.
  @discardableResult
  public func start(
    loaded: [StoredRecord]
  ) async throws(AuthorityError) -> [SigningKeyChange] { throw .unavailable(.store) }

  /// Does what is due by the schedule. To be called about once a minute.
  /// - Returns: what happened to keys.
  @discardableResult
  public func advance(at now: Moment) async throws(AuthorityError) -> [SigningKeyChange] {
    throw .unavailable(.store)
  }

  /// Lets the next key of an algorithm sign from now on, and makes another next one.
  /// - Returns: the keys that changed: those that sign now, those that no longer do, the new ones.
  @discardableResult
  public func rotate(
    algorithm: Algorithm?,
    isForced: Bool,
    at now: Moment
  ) async throws(AuthorityError) -> [SigningKeyRecord] { throw .unavailable(.store) }

  /// The keys that are published, the active ones first.
  public var published: [SigningKeyRecord] { [] }

  /// The public keys, as a JWK Set (RFC 7517 §5).
  public func publicKeys() -> [UInt8] { [] }

  /// Signs an access token: a compact JWS (RFC 7515 §7.1).
  public func sign(
    _ claims: AccessTokenClaims,
    algorithm: Algorithm? = nil
  ) async throws(AuthorityError) -> [UInt8] { throw .unavailable(.secrets) }
}
