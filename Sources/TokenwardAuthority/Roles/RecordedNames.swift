// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// Which owners and tenants have a record. A record is made for any name that somebody who may manage
/// them thinks of, and none of them ever ends.
final class RecordedNames: Sendable {
  private let keys = Mutex<Set<StoreKey>>([])

  func note(_ key: StoreKey) { self.keys.withLock { _ = $0.insert(key) } }
  func forget(_ key: StoreKey) { self.keys.withLock { _ = $0.remove(key) } }
  /// How many there are, beside one.
  func count(without key: StoreKey) -> Int {
    self.keys.withLock { $0.count - ($0.contains(key) ? 1 : 0) }
  }
}

extension TokenAuthority {
  /// Whether there is room for the first record of an owner or tenant. Where there are tokens there
  /// is: nothing that can be taken back is kept by this.
  func requireRoom(
    for owner: Owner?,
    in tenant: Tenant,
    _ key: StoreKey
  ) async throws(AuthorityError) {
    guard self.recordedNames.count(without: key) >= self.configuration.limits.mostIdleNames else {
      return
    }
    var query = TokenQuery()
    query.tenant = tenant
    query.owner = owner
    query.limit = 1
    let found: [StoredRecord]
    do throws(StoreError) {
      found = try await self.store.tokens(query)
    } catch {
      throw .unavailable(.store)
    }
    guard !found.isEmpty else {
      throw .failedPrecondition("there are too many records of owners and tenants without tokens")
    }
  }
}
