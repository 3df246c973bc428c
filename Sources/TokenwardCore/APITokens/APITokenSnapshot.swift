// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CTokenwardHints
internal import Synchronization

/// Every API token that verification knows, in memory: a million and more of them.
///
/// It is changed in place, one token at a time, and what was changed holds for the next
/// verification. The table has many parts, each behind a lock that is held for a look-up and never
/// for cryptography; owners and grants are objects that tokens share. No secret is in it.
public final class APITokenSnapshot: Sendable {
  private static let shardCount = 256

  private struct Shard: ~Copyable, Sendable {
    let table: Mutex<APITokenShard>
    // Where the table is, for hints without the lock. The two may be of different moments, and of a
    // table that is gone: then the wrong memory is fetched, and nothing else happens.
    private let address: Atomic<UInt>
    private let mask: Atomic<UInt64>

    init() {
      let table = APITokenShard()
      let place = table.place
      self.table = Mutex(table)
      self.address = Atomic(place.address)
      self.mask = Atomic(place.mask)
    }

    /// To be called with the lock held, after a change.
    func note(_ place: (address: UInt, mask: UInt64)) {
      self.address.store(place.address, ordering: .relaxed)
      self.mask.store(place.mask, ordering: .relaxed)
    }

    /// Has the processor fetch the slot that a look-up begins with.
    func prefetch(hash: UInt64) {
      let place = (self.address.load(ordering: .relaxed), self.mask.load(ordering: .relaxed))
      let address = APITokenShard.address(in: place, hash: hash)
      unsafe tokenward_prefetch(UnsafeRawPointer(bitPattern: address), 1)
    }
  }

  private let shards = InlineArray<256, Shard> { _ in Shard() }
  private let marks = APITokenMarks()
  private let directory = Mutex(APITokenDirectory())
  private let rules = Mutex(
    APITokenRules(generation: 0, roles: [:], peppers: [], current: nil)
  )
  // Which ids collide is nobody's business.
  private let seed: (UInt64, UInt64) = (.random(in: 0 ... .max), .random(in: 0 ... .max))
  /// Stands in where there is no token at all.
  private let nobody: APITokenRecord?

  private let mostPerShard: Int

  /// A table without tokens.
  public convenience init() { self.init(mostPerShard: APITokenShard.mostRecords) }

  /// A table without tokens that is full earlier: for tests.
  package init(mostPerShard: Int) {
    self.mostPerShard = min(mostPerShard, APITokenShard.mostRecords)
    let long = String(repeating: "0", count: APITokenFormat.idLength)
    self.nobody = APITokenRecord(
      APITokenEntry(
        id: TokenID(long),
        tenant: .main,
        owner: "",
        audiences: [],
        createdAt: UnixTime(seconds: 0),
        expiresAt: UnixTime(seconds: 0),
        isRevoked: true,
        secret: .init(pepper: 0, code: [UInt8](repeating: 0, count: 32))
      ),
      owner: APITokenOwner(tenant: APITokenTenant(.main), subject: "", place: 0),
      grants: APITokenGrants(
        .init(roles: [], scopes: [], audiences: [], networks: [], certificate: nil)
      )
    )
  }

  private func hash(_ key: APITokenKey) -> UInt64 {
    let first = (key.first ^ self.seed.0).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    let second = (key.second ^ self.seed.1).multipliedFullWidth(by: 0xC2B2_AE3D_27D4_EB4F)
    let mixed = (first.high ^ second.low).multipliedFullWidth(by: first.low ^ second.high | 1)
    return mixed.high ^ mixed.low
  }

  private func number(ofShard hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash >> 48) & (Self.shardCount - 1)
  }
}

// MARK: - Changes

extension APITokenSnapshot {
  /// How many tokens there are.
  public var count: Int {
    var count = 0
    for number in 0 ..< Self.shardCount {
      count += self.shards[number].table.withLock { $0.count }
    }
    return count
  }

  /// Adds a token, or replaces what is known of it.
  /// - Returns: false if its id or a digest is none, or if there is no room: nothing was changed
  ///   then, and the token is unknown unless it was known before.
  @discardableResult
  public func put(_ entry: APITokenEntry) -> Bool {
    let content = APITokenGrants.Content(
      roles: entry.roles,
      scopes: entry.scopes,
      audiences: entry.audiences,
      networks: entry.networks,
      certificate: entry.certificate
    )
    let (owner, grants) = self.directory.withLock { directory in
      let owner = directory.owner(entry.owner, in: entry.tenant)
      let grants = directory.grants(content)
      owner.tokens.add(1, ordering: .relaxed)
      grants.tokens.add(1, ordering: .relaxed)
      return (owner, grants)
    }
    guard let record = APITokenRecord(entry, owner: owner, grants: grants) else {
      self.directory.withLock { $0.release(owner, grants) }
      return false
    }
    let hash = self.hash(record.key)
    let number = self.number(ofShard: hash)
    let (old, isPut) = self.shards[number].table.withLock { table in
      // A full table takes what replaces something: a revocation is that.
      guard table.count < self.mostPerShard || table.has(record.key, hash: hash) else {
        return (nil as APITokenRecord?, false)
      }
      let old = table.put(record, hash: hash)
      self.shards[number].note(table.place)
      return (old, true)
    }
    if let old {
      self.directory.withLock { $0.release(old.owner, old.grants) }
    } else if !isPut {
      self.directory.withLock { $0.release(owner, grants) }
    }
    return isPut
  }

  /// Forgets a token: it is unknown from now on.
  public func remove(_ id: TokenID) {
    guard let key = APITokenKey(id) else { return }
    let hash = self.hash(key)
    let old = self.shards[self.number(ofShard: hash)].table.withLock { $0.remove(key, hash: hash) }
    if let old { self.directory.withLock { $0.release(old.owner, old.grants) } }
  }

  /// Says what holds for all tokens of an owner, those to come included.
  /// - Parameters:
  ///   - owner: the owner.
  ///   - tenant: its tenant.
  ///   - isDisabled: while true, none of its tokens is accepted.
  ///   - generation: tokens of an earlier generation are revoked.
  ///   - issuedBefore: tokens made before this are revoked; nil for none.
  public func setOwner(
    _ owner: Owner,
    in tenant: Tenant,
    isDisabled: Bool,
    generation: Int64,
    issuedBefore: UnixTime?
  ) {
    let mark = APITokenOwner.Mark(
      isDisabled: isDisabled,
      generation: generation,
      issuedBefore: issuedBefore?.packed ?? .min
    )
    self.directory.withLock { directory in
      let owner = directory.owner(owner, in: tenant)
      owner.set(mark.saysNothing ? nil : mark)
      if !mark.saysNothing { self.marks.note(owner: owner.place) }
      directory.forgetIfIdle(owner)
    }
  }

  /// Says what holds for all tokens of a tenant, those to come included.
  /// - Parameters:
  ///   - tenant: the tenant.
  ///   - issuedBefore: tokens made before this are revoked; nil for none.
  public func setTenant(_ tenant: Tenant, issuedBefore: UnixTime?) {
    self.directory.withLock { directory in
      let tenant = directory.tenant(tenant)
      tenant.issuedBefore = issuedBefore?.packed ?? .min
      if issuedBefore != nil { self.marks.note(tenant: tenant.place) }
    }
  }

  /// Defines or changes a role, at once for every token that has it.
  /// - Parameters:
  ///   - role: the role.
  ///   - scopes: the scopes that it stands for.
  ///   - methods: the patterns of methods that it is limited to; empty for no limit of its own. A
  ///     token may call the methods that any of its roles names, if one names any.
  public func setRole(_ role: Role, scopes: [Scope], methods: [String]) {
    self.replaceRules { old in
      var roles = old.roles
      roles[role] = .init(scopes: scopes, methods: methods)
      return (roles, old.peppers, old.current)
    }
  }

  /// Removes a role: it stands for nothing from now on.
  public func removeRole(_ role: Role) {
    self.replaceRules { old in
      var roles = old.roles
      roles[role] = nil
      return (roles, old.peppers, old.current)
    }
  }

  /// Says under which peppers digests were made.
  /// - Parameters:
  ///   - peppers: all of them, retired ones included.
  ///   - current: the one that new digests are made under. Without it among `peppers` no token is
  ///     accepted (``DenialReason/dependencyUnavailable``).
  public func setPeppers(_ peppers: [Pepper], current: UInt32) {
    self.replaceRules { old in (old.roles, peppers, peppers.first { $0.id == current }) }
  }

  private func replaceRules(
    _ next: (APITokenRules) -> ([Role: APITokenRules.Definition], [Pepper], Pepper?)
  ) {
    self.rules.withLock { rules in
      let (roles, peppers, current) = next(rules)
      rules = APITokenRules(
        generation: rules.generation &+ 1,
        roles: roles,
        peppers: peppers,
        current: current
      )
    }
  }
}

// MARK: - Verification

extension APITokenSnapshot {
  /// What a token is worth, found by its id alone: for what was made with it and outlives its
  /// secret, such as an access token that it was exchanged for.
  public func state(of id: TokenID, at now: UnixTime) -> APITokenState {
    guard let key = APITokenKey(id) else { return .unknown }
    let hash = self.hash(key)
    let record = self.shards[self.number(ofShard: hash)].table.withLock { $0.find(key, hash: hash) }
    return record?.state(at: now, marks: self.marks) ?? .unknown
  }

  /// What a token that works now is granted at this moment, found by its id alone: what was made with
  /// it must not do more than it may do itself, whatever it could do then.
  /// - Returns: nil unless the token is active.
  package func granted(
    to id: TokenID,
    at now: UnixTime
  ) -> (scopes: [Scope], roles: [Role], methods: MethodLimit?)? {
    guard let key = APITokenKey(id) else { return nil }
    let rules = self.rules.withLock { $0 }
    let hash = self.hash(key)
    let number = self.number(ofShard: hash)
    guard let record = self.shards[number].table.withLock({ $0.find(key, hash: hash) }),
      record.state(at: now, marks: self.marks) == .active
    else { return nil }
    let effective = record.grants.effective(under: rules)
    return (effective.scopes, effective.roles, effective.methods)
  }

  /// Proves a token.
  ///
  /// An unknown id takes the same path as a known one, with another token's record in its place, and
  /// ends like a known id with a wrong secret (CWE-208). What a token is, revoked or expired, is told
  /// only to who has its secret. A digest under each pepper is computed for every token, whichever it
  /// needs.
  ///
  /// The memory that is needed is fetched while that is computed which does not need it: a slot of the
  /// table during the check of the form, the record during the digest. One of a million tokens is not
  /// in the processor's memory, and to wait for it twice takes longer than all of the rest.
  /// - Parameters:
  ///   - token: the text of the token.
  ///   - now: the present time.
  /// - Throws: ``DenialReason/tokenMalformed`` and ``DenialReason/checksumInvalid`` without looking
  ///   anything up; ``DenialReason/tokenUnknown``; ``DenialReason/tokenRevoked``, also for a previous
  ///   secret whose grace is over; ``DenialReason/tokenExpired``;
  ///   ``DenialReason/tokenNotYetValid``; ``DenialReason/dependencyUnavailable`` without a current
  ///   pepper.
  public func match(
    _ token: Span<UInt8>,
    at now: UnixTime
  ) throws(DenialReason) -> APITokenMatch {
    guard token.count == APITokenFormat.length else { throw .tokenMalformed }
    let key = APITokenKey(token: token)
    let hash = self.hash(key)
    let shard = self.number(ofShard: hash)
    self.shards[shard].prefetch(hash: hash)
    try APITokenFormat.check(token)
    let rules = self.rules.withLock { $0 }
    self.shards[shard].table.withLock { $0.prefetch(hash: hash) }
    guard let codes = rules.codes(of: APITokenMessage(token: token)) else {
      throw .dependencyUnavailable
    }
    let found = self.shards[shard].table.withLock { $0.findOrDecoy(key, hash: hash) }
    guard let record = found ?? self.nobody else { throw .internalInvariant }
    return try self.judge(record, key, codes, rules, at: now)
  }

  // Not inlined: what is only lent to a function is not counted again for each use.
  @inline(never)
  private func judge(
    _ record: APITokenRecord,
    _ key: APITokenKey,
    _ codes: APITokenCodes,
    _ rules: APITokenRules,
    at now: UnixTime
  ) throws(DenialReason) -> APITokenMatch {
    let isCurrent = codes.under(record.pepper).matches(record.code)
    let isPrevious = codes.under(record.previousPepper).matches(record.previousCode)
    guard record.key == key, isCurrent || isPrevious else { throw .tokenUnknown }
    guard isCurrent || now.packed < record.previousUntil else { throw .tokenRevoked }
    switch record.state(at: now, marks: self.marks) {
    case .active: break
    case .expired: throw .tokenExpired
    case .notYetValid: throw .tokenNotYetValid
    case .revoked, .ownerDisabled, .unknown: throw .tokenRevoked
    }
    let matched = isCurrent ? record.pepper : record.previousPepper
    return APITokenMatch(
      record: record,
      effective: record.grants.effective(under: rules),
      usesPreviousSecret: !isCurrent,
      rekey: matched == codes.pepper ? nil : codes.rekey(from: matched)
    )
  }

  /// Proves a token.
  public func match(
    _ token: [UInt8],
    at now: UnixTime
  ) throws(DenialReason) -> APITokenMatch {
    try self.match(token.span, at: now)
  }
}
