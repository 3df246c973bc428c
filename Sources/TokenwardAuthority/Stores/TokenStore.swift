// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Counts the commits of a store: each has a higher one than all before it.
public struct StoreVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The count.
  public let number: Int64
  /// - Parameter number: the count; 0 is a store in which nothing was ever committed.
  public init(_ number: Int64) { self.number = number }
  /// Whether the first was committed before the second.
  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.number < rhs.number }
  /// The count.
  public var description: String { "\(self.number)" }
}

/// What a store keeps.
public enum StoreRecord: Sendable, Hashable {
  /// An API token.
  case token(TokenRecord)
  /// An owner.
  case owner(OwnerRecord)
  /// A tenant.
  case tenant(TenantRecord)
  /// A role.
  case role(RoleRecord)
  /// A signing key.
  case signingKey(SigningKeyRecord)
  /// The receipt of a request with an idempotency key.
  case receipt(ReceiptRecord)
  /// An access token that was taken back.
  case withdrawn(WithdrawnAccessToken)
}

/// What a record is found by.
public enum StoreKey: Sendable, Hashable {
  /// An API token.
  case token(TokenID)
  /// An owner.
  case owner(Tenant, Owner)
  /// A tenant.
  case tenant(Tenant)
  /// A role.
  case role(Role)
  /// A signing key.
  case signingKey(KeyID)
  /// The receipt of a request with an idempotency key.
  case receipt([UInt8])
  /// An access token that was taken back.
  case withdrawn(TokenID)
}

extension StoreRecord {
  /// What the record is found by.
  public var key: StoreKey {
    switch self {
    case .token(let record): .token(record.id)
    case .owner(let record): .owner(record.tenant, record.owner)
    case .tenant(let record): .tenant(record.tenant)
    case .role(let record): .role(record.role)
    case .signingKey(let record): .signingKey(record.id)
    case .receipt(let record): .receipt(record.key)
    case .withdrawn(let record): .withdrawn(record.id)
    }
  }
}

/// A record and the commit that wrote it.
public struct StoredRecord: Sendable, Hashable {
  /// The record.
  public var record: StoreRecord
  /// The commit that wrote it.
  public var version: StoreVersion

  /// - Parameters:
  ///   - record: the record.
  ///   - version: the commit that wrote it.
  public init(_ record: StoreRecord, version: StoreVersion) {
    self.record = record
    self.version = version
  }
}

/// Changes that happen together or not at all.
public struct StoreTransaction: Sendable, Hashable {
  /// What must still be so: the version of each of these records, nil for "there is none".
  public var expected: [StoreKey: StoreVersion?] = [:]
  /// What is written; each key at most once, and not among ``removed``.
  public var written: [StoreRecord] = []
  /// What is removed; removing what is not there changes nothing.
  public var removed: [StoreKey] = []

  /// A transaction that changes nothing.
  public init() {}

  /// Writes a record if it still has the version that it was read with.
  /// - Parameters:
  ///   - record: the record.
  ///   - version: the version it was read with, nil if there was none.
  public mutating func write(_ record: StoreRecord, replacing version: StoreVersion?) {
    self.expected.updateValue(version, forKey: record.key)
    self.written.append(record)
  }

  /// Goes through only if a record still has the version that it was read with.
  /// - Parameters:
  ///   - key: which record.
  ///   - version: the version it was read with, nil if there was none.
  public mutating func expect(_ key: StoreKey, at version: StoreVersion?) {
    self.expected.updateValue(version, forKey: key)
  }
}

/// Which tokens to list.
public struct TokenQuery: Sendable, Hashable {
  /// Only those of this tenant; nil for all.
  public var tenant: Tenant?
  /// Only those of this owner; nil for all.
  public var owner: Owner?
  /// Only those that have this role; nil for all.
  public var role: Role?
  /// Only those that this token made; nil for all. What a stolen token made outlives it.
  public var createdBy: TokenID?
  /// Only those that have all these labels.
  public var labels: [String: String] = [:]
  /// Those that are revoked by themselves as well (not by an owner's or tenant's record).
  public var includesRevoked = true
  /// Only those that expire later than this; nil for all.
  public var expiresAfter: UnixTime?
  /// Only those whose id comes after this one, in byte order: the last one of the page before.
  public var after: TokenID?
  /// Most that are answered, 1 to ``AuthorityLimits/largestPage``; a limit outside counts as the
  /// nearest one inside.
  public var limit = 100

  /// Every token, from the first on.
  public init() {}
}

/// That a token was used.
public struct TokenUse: Sendable, Hashable {
  /// Which.
  public var id: TokenID
  /// When.
  public var at: UnixTime
  /// The digest of its secret under the current pepper, if it was kept under a retired one; it
  /// replaces the one it was computed from, and nothing else.
  public var rekeyed: Rekeying?

  /// One digest of a secret for another of the same secret.
  public struct Rekeying: Sendable, Hashable {
    /// The digest that was read.
    public var old: SecretDigest
    /// The digest to keep.
    public var new: SecretDigest

    /// - Parameters:
    ///   - old: the digest that was read.
    ///   - new: the digest to keep.
    public init(old: SecretDigest, new: SecretDigest) {
      self.old = old
      self.new = new
    }
  }

  /// - Parameters:
  ///   - id: which.
  ///   - at: when.
  ///   - rekeyed: the digest of its secret under the current pepper.
  public init(id: TokenID, at: UnixTime, rekeyed: Rekeying? = nil) {
    self.id = id
    self.at = at
    self.rekeyed = rekeyed
  }
}

/// Why a store did not do something. Nothing of a transaction that fails has happened, except for
/// ``unavailable(_:)`` and ``undurable(_:)``: whether it has is not known then. After the first the
/// caller can read; after the second, reading proves nothing.
public enum StoreError: Error, Sendable, Hashable {
  /// Something expected is no longer so: read again, decide again.
  case conflict
  /// The store cannot be reached, is full or read-only. The text is for the log.
  case unavailable(String)
  /// What is kept cannot be read as what was written: somebody has to look. The text is for the log.
  case corrupted(String)
  /// A write may be there to be read and be lost by the next crash. Nothing more is written until the
  /// store is opened again. The text is for the log.
  case undurable(String)
}

/// Where the authority keeps its records.
///
/// A store keeps and finds; it decides nothing and knows no secret. Every operation may be called
/// from many tasks at once. `StoreContract` of the test kit says what all of them have in common.
public protocol TokenStore: Sendable {
  /// Reads records, all of the same commit.
  /// - Parameter keys: which.
  /// - Returns: one for each key, in their order; nil where there is none.
  func read(_ keys: [StoreKey]) async throws(StoreError) -> [StoredRecord?]

  /// Lists tokens by id, in byte order.
  func tokens(_ query: TokenQuery) async throws(StoreError) -> [StoredRecord]

  /// Does all of a transaction or nothing. When it returns, what was written outlasts a crash of the
  /// process and of the machine. Whether the caller's task is cancelled makes no difference.
  ///
  /// A transaction that writes and removes nothing is no commit: it is only checked, and answered with
  /// the last commit. The last use of a token that is there already never moves back, whatever is
  /// written over it, because uses are noted without a new version.
  /// - Returns: the commit; every record written has this version.
  /// - Throws: ``StoreError/conflict`` if something expected is no longer so, or if the transaction
  ///   writes or removes one key twice, or both.
  func commit(_ transaction: StoreTransaction) async throws(StoreError) -> StoreVersion

  /// Hands every record over, all of the same commit. For the start of a process.
  /// - Parameter body: told each record; not concurrently. It must be quick.
  /// - Returns: the commit.
  func forEach(
    _ body: @escaping @Sendable (StoredRecord) -> Void
  ) async throws(StoreError) -> StoreVersion

  /// Takes note of uses, and of digests under the current pepper. A use does not change the version
  /// of a token's record and is not durable at once: a crash may lose some. Uses of unknown tokens,
  /// and those older than what is kept, change nothing. A digest replaces exactly the one that it was
  /// computed from, be it that of the present secret or of the one before.
  func note(_ uses: [TokenUse]) async throws(StoreError)

  /// Forgets receipts and withdrawn access tokens that expired before a time, and API tokens that
  /// expired before another: at most some thousand at a time. What expires at that very time stays.
  /// If anything is forgotten, that is a commit.
  /// - Returns: whether there is more to forget.
  func forget(
    receiptsBefore receipts: UnixTime,
    tokensBefore tokens: UnixTime
  ) async throws(StoreError) -> Bool
}
