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
  /// Records of which is not known what the store has.
  public let doubts: Int
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
      doubts: memory.doubts.count,
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
