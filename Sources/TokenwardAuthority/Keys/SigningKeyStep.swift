// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// A plan with the keys that were made for it: one transaction, and what is known once it is done.
struct SigningKeyStep {
  private(set) var transaction = StoreTransaction()
  private(set) var changes: [SigningKeyChange] = []
  /// The keys that begin to sign with it.
  private(set) var signing: [HeldSigningKey] = []
  var signers: [KeyID: any TokenSigner] = [:]

  private var kept: [HeldSigningKey]
  /// Written with the transaction; whether the state is another one.
  private var written: [(key: HeldSigningKey, isChanged: Bool)] = []

  init(_ plan: SigningKeyPlan, on keys: [HeldSigningKey], at now: UnixTime) {
    let moved = plan.activated + plan.retired + plan.removed + plan.touched
    let ids = Set(moved.map(\.record.id))
    self.kept = keys.filter { !ids.contains($0.record.id) }
    for var key in plan.activated {
      key.record.state = .active
      key.record.activatedAt = now
      self.write(key, .activated)
      self.signing.append(key)
    }
    for var key in plan.retired {
      key.record.state = .retired
      key.record.retiredAt = now
      self.write(key, .retired)
    }
    for key in plan.touched { self.write(key, nil) }
    for key in plan.removed {
      let name = StoreKey.signingKey(key.record.id)
      self.transaction.expect(name, at: key.version)
      self.transaction.removed.append(name)
      self.changes.append(SigningKeyChange(.removed, key.record))
    }
  }

  private mutating func write(_ key: HeldSigningKey, _ kind: SigningKeyChange.Kind?) {
    self.transaction.write(.signingKey(key.record), replacing: key.version)
    self.written.append((key, kind != nil))
    if let kind { self.changes.append(SigningKeyChange(kind, key.record)) }
  }

  /// - Returns: false for a key that is not what was asked for, or is there already.
  mutating func make(
    _ made: SigningKeyRecord,
    _ wish: SigningKeyPlan.Made,
    at now: Moment
  ) -> Bool {
    var record = made
    record.createdAt = now.unix
    record.retiredAt = nil
    record.state = wish.isActive ? .active : .next
    record.activatedAt = wish.isActive ? now.unix : nil
    let version = StoreVersion(0)
    guard record.algorithm == wish.algorithm,
      let key = HeldSigningKey(record, version: version, since: now.monotonic),
      !self.kept.contains(where: { $0.record.id == record.id }),
      self.transaction.expected.index(forKey: .signingKey(record.id)) == nil
    else { return false }
    self.transaction.write(.signingKey(record), replacing: nil)
    self.written.append((key, true))
    self.changes.append(SigningKeyChange(.made, record))
    if wish.isActive { self.signing.append(key) }
    return true
  }

  /// Every key once the transaction is done.
  func keys(at version: StoreVersion, since: Duration) -> [HeldSigningKey] {
    self.kept
      + self.written.map { entry in
        var key = entry.key
        key.version = version
        if entry.isChanged { key.since = since }
        return key
      }
  }
}
