// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

extension TokenAuthority {
  /// The record of one API token. Needs ``Permission/readTokens``.
  public func token(
    _ id: TokenID,
    as caller: Caller
  ) async throws(AuthorityError) -> TokenStatus {
    try self.require(.readTokens, of: caller)
    let key = try self.key(id, caller)
    let record = try self.visible(try await self.read([key]).token(id), caller)
    return try await self.statuses(of: [record])[0]
  }

  /// Lists API tokens by id. Needs ``Permission/readTokens``. Without ``Permission/allTenants`` the
  /// query is limited to the caller's tenant.
  public func tokens(
    _ query: TokenQuery,
    as caller: Caller
  ) async throws(AuthorityError) -> [TokenStatus] {
    try self.require(.readTokens, of: caller)
    guard (1 ... AuthorityLimits.largestPage).contains(query.limit) else {
      throw .invalid(field: "limit", problem: "must be 1 to \(AuthorityLimits.largestPage)")
    }
    guard query.labels.count <= AuthorityLimits.mostLabels else {
      throw .invalid(field: "labels", problem: "must be at most \(AuthorityLimits.mostLabels)")
    }
    var query = query
    if query.tenant != nil || !self.may(.allTenants, caller) {
      query.tenant = try self.tenant(query.tenant, of: caller)
    }
    let found: [StoredRecord]
    do {
      found = try await self.store.tokens(query)
    } catch {
      self.memory.withLock { $0.storeFailures &+= 1 }
      throw .unavailable(.store)
    }
    let records = found.compactMap { stored -> TokenRecord? in
      guard case .token(let record) = stored.record else { return nil }
      // A store that mixes tenants up must not become a leak.
      return query.tenant == nil || record.tenant == query.tenant ? record : nil
    }
    return try await self.statuses(of: records)
  }

  private func statuses(of records: [TokenRecord]) async throws(AuthorityError) -> [TokenStatus] {
    let now = self.presentTime
    let reading = try await self.read(
      records.flatMap { [.owner($0.tenant, $0.owner), .tenant($0.tenant)] }
    )
    return records.map { TokenStatus(record: $0, state: reading.state(of: $0, at: now)) }
  }
}
