// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The token in use, by the monotonic clock of this process.
struct HeldLease: Sendable {
  /// Tells this login from those before it.
  let generation: UInt64
  let token: HeldSecret
  /// The lease that the login gave, in seconds. Renewals give less near the end of a token's life.
  let granted: Int64
  let isRenewable: Bool
  /// When to renew, or to log in again: after two thirds of the lease.
  let renewAt: Duration
  /// When it ends unless it is renewed.
  let lapsesAt: Duration

  /// - Parameters:
  ///   - asked: monotonic time before the request was sent: the lease may have begun then.
  ///   - granted: what the login gave, if this is a renewal.
  init(_ lease: Lease, generation: UInt64, asked: Duration, granted: Int64? = nil) {
    self.generation = generation
    self.token = lease.token
    self.granted = granted ?? lease.seconds
    // Less than half of what was given at first: the end that no renewal moves is near.
    self.isRenewable = lease.isRenewable && lease.seconds >= self.granted / 2
    // Not more than one request a second, however short the lease.
    self.renewAt = asked + max(.milliseconds(lease.seconds * 2_000 / 3), .seconds(1))
    self.lapsesAt = asked + .seconds(lease.seconds)
  }
}
