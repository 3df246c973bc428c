// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Records that were read together, all of the same commit: what one decision is based on.
struct Reading {
  private var records: [StoreKey: StoredRecord?] = [:]
  /// What was taken back of them and is not in the store yet: decisions are made as if it were.
  private let pending: [StoreKey: StoreRecord]

  init(
    _ keys: [StoreKey],
    _ records: [StoredRecord?],
    pending: [StoreKey: StoreRecord] = [:]
  ) {
    self.pending = pending
    for (key, record) in zip(keys, records) { self.records.updateValue(record, forKey: key) }
  }

  /// Whether the store answered each question.
  func answers(_ keys: [StoreKey]) -> Bool { keys.allSatisfy { self.records[$0] != nil } }

  subscript(_ key: StoreKey) -> StoredRecord? { self.records[key] ?? nil }

  /// A record without what is pending of it.
  func record(_ key: StoreKey) -> StoreRecord? {
    let record = self[key]?.record
    guard let taken = self.pending[key] else { return record }
    return taken.applied(to: record)
  }

  /// A transaction that goes through only if nothing of all this has changed meanwhile.
  var transaction: StoreTransaction {
    var transaction = StoreTransaction()
    for (key, record) in self.records { transaction.expect(key, at: record?.version) }
    return transaction
  }

  func version(_ key: StoreKey) -> StoreVersion? { self[key]?.version }

  func token(_ id: TokenID) -> TokenRecord? {
    guard case .token(let record)? = self.record(.token(id)) else { return nil }
    return record
  }

  func owner(_ owner: Owner, _ tenant: Tenant) -> OwnerRecord? {
    guard case .owner(let record)? = self.record(.owner(tenant, owner)) else { return nil }
    return record
  }

  func tenant(_ tenant: Tenant) -> TenantRecord? {
    guard case .tenant(let record)? = self.record(.tenant(tenant)) else { return nil }
    return record
  }

  func receipt(_ key: [UInt8]) -> ReceiptRecord? {
    guard case .receipt(let record)? = self[.receipt(key)]?.record else { return nil }
    return record
  }

  /// Every role that is among them and defined.
  var definitions: [Role: RoleRecord] {
    var definitions: [Role: RoleRecord] = [:]
    for case .role(let record)? in self.records.values.map({ $0?.record }) {
      definitions[record.role] = record
    }
    return definitions
  }

  /// What a token is worth, by everything that is kept about it.
  func state(of record: TokenRecord, at now: UnixTime) -> TokenStatus.State {
    TokenStatus.State(
      record,
      owner: self.owner(record.owner, record.tenant),
      tenant: self.tenant(record.tenant),
      at: now
    )
  }
}

extension TokenStatus.State {
  /// What a token is worth. The strongest reason against it is named: what is for good first.
  init(_ token: TokenRecord, owner: OwnerRecord?, tenant: TenantRecord?, at now: UnixTime) {
    if token.revocation != nil || token.ownerGeneration < owner?.generation ?? 0 {
      self = .revoked
    } else if let cutoff = owner?.issuedBefore, token.createdAt < cutoff {
      self = .revoked
    } else if let cutoff = tenant?.issuedBefore, token.createdAt < cutoff {
      self = .revoked
    } else if now >= token.expiresAt {
      self = .expired
    } else if owner?.isDisabled == true {
      self = .ownerDisabled
    } else if let notBefore = token.notBefore, now < notBefore {
      self = .notYetValid
    } else {
      self = .active
    }
  }
}
