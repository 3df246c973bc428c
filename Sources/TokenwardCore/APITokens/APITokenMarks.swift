// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// Which owners and tenants something may have been done to: a few bits that stay in the processor's
/// memory. Of a million tokens, the owner of the one that is presented is not in it, and few owners
/// have anything to say; without this, every verification would wait for one.
///
/// Owners and tenants share places. A place is never cleared: that would save a read, and a mark that
/// was overlooked would let a disabled owner in.
final class APITokenMarks: Sendable {
  /// The places of an owner and of its tenant.
  struct Places: Sendable, Hashable {
    let owner: UInt16
    let tenant: UInt8
  }

  private let owners = InlineArray<1_024, Atomic<UInt64>> { _ in Atomic(0) }
  private let tenants = InlineArray<4, Atomic<UInt64>> { _ in Atomic(0) }

  /// Something is done to an owner. To be called when it can be read, and before its change is
  /// acknowledged.
  func note(owner place: UInt16) {
    let bit: UInt64 = 1 << UInt64(place % 64)
    self.owners[Int(place / 64)].bitwiseOr(bit, ordering: .acquiringAndReleasing)
  }

  /// Something is done to a tenant.
  func note(tenant place: UInt8) {
    let bit: UInt64 = 1 << UInt64(place % 64)
    self.tenants[Int(place / 64)].bitwiseOr(bit, ordering: .acquiringAndReleasing)
  }

  /// False only if nothing was done to owner and tenant.
  func mayHold(_ places: Places) -> Bool {
    let owners = self.owners[Int(places.owner / 64)].load(ordering: .acquiring)
    let tenants = self.tenants[Int(places.tenant / 64)].load(ordering: .acquiring)
    return (owners >> UInt64(places.owner % 64) | tenants >> UInt64(places.tenant % 64)) & 1 == 1
  }
}
