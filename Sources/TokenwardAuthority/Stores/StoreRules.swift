// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import TokenwardCore

// What every store does in the same way, written once.

extension StoreVersion {
  /// The version of the next commit.
  package func next() throws(StoreError) -> StoreVersion {
    let (number, overflow) = self.number.addingReportingOverflow(1)
    guard !overflow else { throw .unavailable("the store has no versions left") }
    return StoreVersion(number)
  }
}

extension StoreTransaction {
  /// Whether it changes nothing: then it is no commit.
  package var isEmpty: Bool { self.written.isEmpty && self.removed.isEmpty }

  /// Whether it writes or removes something twice, or both. Which of the two is meant would be a
  /// guess.
  package var contradictsItself: Bool {
    var seen: Set<StoreKey> = []
    for record in self.written where !seen.insert(record.key).inserted { return true }
    for key in self.removed where !seen.insert(key).inserted { return true }
    return false
  }
}

extension TokenQuery {
  /// ``limit``, but within its bounds.
  package var effectiveLimit: Int { min(max(self.limit, 1), AuthorityLimits.largestPage) }

  /// Whether a token is among those asked for; its place in the order is not looked at. Names and
  /// labels are compared by bytes: another spelling of a label is another label.
  package func matches(_ record: TokenRecord) -> Bool {
    if let tenant, record.tenant != tenant { return false }
    if let owner, record.owner != owner { return false }
    if let role, !record.roles.contains(role) { return false }
    if let createdBy {
      guard let maker = record.createdBy, maker.text.hasSameBytes(as: createdBy.text) else {
        return false
      }
    }
    if let expiresAfter, record.expiresAt <= expiresAfter { return false }
    guard self.includesRevoked || record.revocation == nil else { return false }
    return self.labels.allSatisfy { name, value in
      record.labels.contains {
        $0.key.hasSameBytes(as: name) && $0.value.hasSameBytes(as: value)
      }
    }
  }
}

extension TokenRecord {
  /// Takes note of a use.
  /// - Returns: whether anything changed.
  package mutating func take(_ use: TokenUse) -> Bool {
    var hasChanged = false
    if self.lastUsedAt.map({ $0 < use.at }) ?? true {
      self.lastUsedAt = use.at
      hasChanged = true
    }
    if let rekeyed = use.rekeyed {
      // Digests of one secret only replace each other: a rotation in between has other ones.
      if self.secret == rekeyed.old {
        self.secret = rekeyed.new
        hasChanged = true
      }
      if self.previous?.secret == rekeyed.old {
        self.previous?.secret = rekeyed.new
        hasChanged = true
      }
    }
    return hasChanged
  }
}

extension StoreRecord {
  /// The record as it is written over another one: uses are noted without a new version, so whoever
  /// read the record before may not know the last one.
  package func keepingLastUse(of existing: StoreRecord?) -> StoreRecord {
    guard case .token(var record) = self, case .token(let before)? = existing,
      let last = before.lastUsedAt, record.lastUsedAt.map({ $0 < last }) ?? true
    else { return self }
    record.lastUsedAt = last
    return .token(record)
  }

  /// Whether it has expired for so long that it may be forgotten.
  package func isForgettable(
    receiptsBefore receipts: UnixTime,
    tokensBefore tokens: UnixTime
  ) -> Bool {
    switch self {
    case .token(let record): record.expiresAt < tokens
    case .receipt(let record): record.expiresAt < receipts
    case .withdrawn(let record): record.expiresAt < receipts
    case .owner, .tenant, .role, .signingKey: false
    }
  }
}
