// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// How an authority is doing, for metrics and health checks. Cheap to ask for; no names in it but
/// those of keys, which are public.
public struct AuthorityStatus: Sendable, Hashable {
  /// Whether everything was loaded.
  public let isStarted: Bool
  /// API tokens in memory, whatever they are worth.
  public let tokens: Int
  /// Access tokens that were taken back and have not expired.
  public let withdrawnAccessTokens: Int
  /// What the clock is worth; nothing is issued unless it is good.
  public let clock: ClockWatch.State
  /// Audit records that could not be written.
  public let auditFailures: UInt64
  /// When the last one could not be.
  public let lastAuditFailure: UnixTime?
  /// Questions and changes that the store could not answer or do.
  public let storeFailures: UInt64
  /// Whether the store could not make a write durable. Nothing is issued until a start of the
  /// process has found out what the store has.
  public let isStoreBroken: Bool
  /// Records of which is not known what the store has.
  public let doubts: Int
  /// Withdrawals that hold in this process and are not in the store yet: they are tried again. A
  /// crash would forget them.
  public let pendingWithdrawals: Int
  /// Tokens that were presented to be taken back and had been before. Nothing is written of them.
  public let repeatedWithdrawals: UInt64
  /// Exchanges that were refused because their API token had been exchanged too often.
  public let limitedExchanges: UInt64
  /// Refusals that were not written down because there were too many with the same token.
  public let unwrittenRefusals: UInt64
  /// Uses of tokens that the store was not told of yet.
  public let pendingUses: Int
  /// The published signing keys.
  public let keys: [SigningKey]

  /// The age of one signing key.
  public struct SigningKey: Sendable, Hashable {
    /// Its public name.
    public let id: KeyID
    /// What it signs with.
    public let algorithm: Algorithm
    /// Where it is in its life.
    public let state: SigningKeyRecord.State
    /// Since when it has existed, in seconds.
    public let ageSeconds: Int64
  }
}

extension TokenAuthority {
  /// How it is doing.
  public func status() -> AuthorityStatus {
    let reading = self.time.now()
    let clock = self.watch.judge(reading)
    let now = reading?.unix ?? self.presentTime
    let memory = self.memory.withLock { $0 }
    return AuthorityStatus(
      isStarted: memory.isStarted,
      tokens: self.snapshot.count,
      withdrawnAccessTokens: self.withdrawn.count,
      clock: clock,
      auditFailures: memory.auditFailures,
      lastAuditFailure: memory.lastAuditFailure,
      storeFailures: memory.storeFailures,
      isStoreBroken: memory.isStoreBroken,
      doubts: memory.doubts.count,
      pendingWithdrawals: self.pending.count,
      repeatedWithdrawals: memory.repeatedWithdrawals,
      limitedExchanges: memory.limitedExchanges,
      unwrittenRefusals: memory.unwrittenRefusals,
      pendingUses: self.uses.count,
      keys: self.keys.published.map { key in
        AuthorityStatus.SigningKey(
          id: key.id,
          algorithm: key.algorithm,
          state: key.state,
          ageSeconds: key.createdAt.duration(to: now).components.seconds
        )
      }
    )
  }
}
