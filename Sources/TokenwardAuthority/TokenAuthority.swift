// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// Issues, rotates, takes back and exchanges tokens.
///
/// One authority writes to a store. It keeps everything that verification needs in memory, and reads
/// records for management from the store.
///
/// Issuing writes its audit record first, then the store, and answers last: no secret is handed out
/// that is not on record, and none that a crash could forget. Taking away writes the store first and
/// the audit record behind it: where that record cannot be written the answer is
/// ``AuthorityError/unavailable(_:)``, and the revocation holds all the same. Trying again is always
/// right.
///
/// What is taken away holds in this process before the store is written. If it cannot be written, it
/// goes on to hold, the answer is ``AuthorityError/unavailable(_:)``, and ``run()`` tries again until
/// the store has it.
///
/// Where the store does not say whether another change has happened and cannot be read either, what is
/// verified against is what both outcomes allow. The record is read again before the next change of
/// it and once a second by ``run()``.
public final class TokenAuthority: Sendable {
  /// What it was told when it was made.
  public let configuration: AuthorityConfiguration
  /// Every API token as it is now, for verification.
  public let snapshot: APITokenSnapshot

  let store: any TokenStore
  let keys: SigningKeys
  let audit: any AuditTrail
  let time: any TimeSource
  let ownTokens: JWTVerifier
  let turns = RecordTurns()
  let watch = ClockWatch()
  let withdrawn = WithdrawnTokens()
  let administrators = Administrators()
  let recordedNames = RecordedNames()
  let uses = PendingUses()
  let pending = PendingWithdrawals()
  let exchangeRates: TokenRates
  let refusalRates: TokenRates
  let memory = Mutex(Memory())
  private let kept: Mutex<AuthoritySecrets>
  let definedRoles = Mutex<[Role: RoleRecord]>([:])

  /// What is remembered between calls, beside the tokens.
  struct Memory {
    var isStarted = false
    /// Records of which is not known what the store has.
    var doubts: Set<StoreKey> = []
    var auditFailures: UInt64 = 0
    var lastAuditFailure: UnixTime?
    var storeFailures: UInt64 = 0
    /// Set for good once the store could not make a write durable.
    var isStoreBroken = false
    var repeatedWithdrawals: UInt64 = 0
    var limitedExchanges: UInt64 = 0
    var unwrittenRefusals: UInt64 = 0
  }

  /// - Parameters:
  ///   - configuration: issuer, audience and limits.
  ///   - store: where its records are. Nobody else writes to it.
  ///   - secrets: the peppers.
  ///   - keys: the signing keys, made for the same store; not started yet.
  ///   - audit: where it is written down what was done.
  ///   - time: the clocks.
  /// - Throws: `ConfigurationError`.
  public init(
    _ configuration: AuthorityConfiguration,
    store: any TokenStore,
    secrets: AuthoritySecrets,
    keys: SigningKeys,
    audit: any AuditTrail,
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) {
    self.configuration = configuration
    self.store = store
    self.kept = Mutex(secrets)
    self.keys = keys
    self.audit = audit
    self.time = time
    self.snapshot = APITokenSnapshot()
    let limits = configuration.limits
    self.exchangeRates = TokenRates(
      perSecond: limits.exchangesPerSecond,
      burst: limits.exchangeBurst
    )
    self.refusalRates = TokenRates(
      perSecond: AuthorityLimits.refusalsPerSecond,
      burst: AuthorityLimits.refusalBurst
    )
    let trusted = try TrustedIssuer(
      configuration.issuer,
      audiences: .unchecked(because: "an authority answers for every audience that it issues for"),
      algorithms: [.es256, .eddsa],
      keys: PublishedKeys(keys),
      maximumLifetimeSeconds: 3_600
    )
    self.ownTokens = try JWTVerifier(issuers: [trusted], cache: nil)
  }

  /// Who issues: the `iss` of access tokens.
  public var issuer: Issuer { self.configuration.issuer }

  /// The peppers of this moment.
  var secrets: AuthoritySecrets { self.kept.withLock { $0 } }

  /// Uses other secrets from now on: after a pepper was rotated. Tokens whose digests are under a
  /// pepper that is not among them are not accepted any more.
  public func use(_ secrets: AuthoritySecrets) {
    self.kept.withLock { kept in
      kept = secrets
      self.snapshot.setPeppers(secrets.peppers, current: secrets.current.id)
    }
  }

  /// The public keys, as a JWK Set (RFC 7517 §5).
  public func publicKeys() -> [UInt8] { self.keys.publicKeys() }
}
