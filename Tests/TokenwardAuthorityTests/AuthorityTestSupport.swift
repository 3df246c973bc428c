// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// A secret in memory.
final class KeptInMemory: SecretKeeper {
  private let state = Mutex<(bytes: [UInt8], version: Int64)?>(nil)

  func read() async throws(SecretError) -> KeptSecret? {
    guard let (bytes, version) = self.state.withLock({ $0 }) else { return nil }
    return KeptSecret(SecretBytes(bytes), version: version)
  }

  func write(
    _ secret: borrowing SecretBytes,
    replacing version: Int64?
  ) async throws(SecretError) -> Bool {
    let bytes = secret.withExposedBytes { span in span.indices.map { span[$0] } }
    return self.state.withLock { state in
      guard state?.version == version else { return false }
      state = (bytes, (version ?? 0) + 1)
      return true
    }
  }
}

/// What happened, in its order, to the audit trail and to the store.
final class Journal: Sendable {
  private let entries = Mutex<[String]>([])
  func add(_ entry: String) { self.entries.withLock { $0.append(entry) } }
  var all: [String] { self.entries.withLock { $0 } }
  func clear() { self.entries.withLock { $0 = [] } }
}

/// Remembers audit records, and fails when told to.
final class RecordingTrail: AuditTrail {
  private let journal: Journal
  private let state = Mutex<(events: [AuditEvent], isBroken: Bool)>(([], false))

  init(_ journal: Journal) { self.journal = journal }

  func record(_ event: AuditEvent) async throws(AuditTrailError) {
    let isBroken = self.state.withLock { state in
      if !state.isBroken { state.events.append(event) }
      return state.isBroken
    }
    guard !isBroken else { throw AuditTrailError("no space left") }
    self.journal.add("audit \(event.action.rawValue) \(event.outcome.rawValue)")
  }

  func setBroken(_ isBroken: Bool) { self.state.withLock { $0.isBroken = isBroken } }
  var events: [AuditEvent] { self.state.withLock { $0.events } }
}

/// A store in memory that fails as it is told, one commit after the other.
final class ScriptedStore: TokenStore {
  enum Fault {
    /// The commit does not happen, and says so.
    case conflict
    /// The commit does not happen, and nobody knows.
    case lost
    /// The commit happens, and nobody knows.
    case unanswered
    /// The commit does not happen because something cannot be read.
    case corrupted
    /// The commit can be read and would be lost by a crash.
    case undurable
  }

  let memory = InMemoryTokenStore()
  private let journal: Journal
  private struct State {
    var faults: [Fault] = []
    var readFailures = 0
    var before: (@Sendable () async -> Void)?
  }
  private let state = Mutex(State())

  init(_ journal: Journal) { self.journal = journal }

  /// The next commits fail like this; afterwards so many readings fail.
  func fail(_ faults: [Fault], readings: Int = 0) {
    self.state.withLock { state in
      state.faults = faults
      state.readFailures = faults.isEmpty ? readings : 0
      self.pendingReadings.withLock { $0 = readings }
    }
  }
  private let pendingReadings = Mutex(0)

  /// Runs once, right before the next commit.
  func beforeNextCommit(_ body: @escaping @Sendable () async -> Void) {
    self.state.withLock { $0.before = body }
  }

  func read(_ keys: [StoreKey]) async throws(StoreError) -> [StoredRecord?] {
    let fails = self.state.withLock { state in
      guard state.readFailures > 0 else { return false }
      state.readFailures -= 1
      return true
    }
    if fails { throw .unavailable("down") }
    return try await self.memory.read(keys)
  }

  func tokens(_ query: TokenQuery) async throws(StoreError) -> [StoredRecord] {
    try await self.memory.tokens(query)
  }

  func commit(_ transaction: StoreTransaction) async throws(StoreError) -> StoreVersion {
    let before = self.state.withLock { state in
      defer { state.before = nil }
      return state.before
    }
    await before?()
    let fault = self.state.withLock { state -> Fault? in
      guard !state.faults.isEmpty else { return nil }
      let fault = state.faults.removeFirst()
      if fault != .conflict { state.readFailures = self.pendingReadings.withLock { $0 } }
      return fault
    }
    switch fault {
    case .conflict: throw .conflict
    case .lost: throw .unavailable("lost")
    case .unanswered:
      _ = try await self.memory.commit(transaction)
      throw .unavailable("unanswered")
    case .corrupted: throw .corrupted("a page")
    case .undurable:
      _ = try await self.memory.commit(transaction)
      throw .undurable("a sync failed")
    case nil:
      let version = try await self.memory.commit(transaction)
      self.journal.add("commit")
      return version
    }
  }

  func forEach(
    _ body: @escaping @Sendable (StoredRecord) -> Void
  ) async throws(StoreError) -> StoreVersion { try await self.memory.forEach(body) }

  func note(_ uses: [TokenUse]) async throws(StoreError) { try await self.memory.note(uses) }

  func forget(
    receiptsBefore receipts: UnixTime,
    tokensBefore tokens: UnixTime
  ) async throws(StoreError) -> Bool {
    try await self.memory.forget(receiptsBefore: receipts, tokensBefore: tokens)
  }
}

/// An authority with its surroundings, an administrator, and callers.
struct TestAuthority {
  let clock: ManualClock
  let journal: Journal
  let store: ScriptedStore
  let trail: RecordingTrail
  let keeper: KeptInMemory
  let authority: TokenAuthority
  /// The first token.
  let administrator: BearerToken

  static let issuer: Issuer = "https://authority.test"

  init(_ limits: (inout AuthorityLimits) -> Void = { _ in }) async throws {
    self.clock = ManualClock()
    self.journal = Journal()
    self.store = ScriptedStore(self.journal)
    self.trail = RecordingTrail(self.journal)
    self.keeper = KeptInMemory()
    var own = AuthorityLimits()
    limits(&own)
    self.authority = try await Self.make(
      self.clock,
      self.store,
      self.trail,
      self.keeper,
      limits: own
    )
    let written = Mutex<BearerToken?>(nil)
    _ = try await self.authority.bootstrap(
      lifetimeSeconds: 30 * 86_400,
      isForced: false,
      find: { () throws(OwnerOnlyFileError) in nil },
      write: { (token: BearerToken) throws(OwnerOnlyFileError) in written.withLock { $0 = token } }
    )
    self.administrator = try #require(written.withLock { $0 })
    self.journal.clear()
  }

  static func make(
    _ clock: ManualClock,
    _ store: any TokenStore,
    _ trail: any AuditTrail,
    _ keeper: KeptInMemory,
    limits: AuthorityLimits = AuthorityLimits(),
    acceptsRecordsFromFuture: Bool = false
  ) async throws -> TokenAuthority {
    let now = try #require(clock.now())
    let secrets = try await AuthoritySecrets.load(from: keeper, isFirstStart: true, at: now.unix)
    let keys = try SigningKeys(
      store: store,
      keyring: LocalSigningKeyring(secrets: secrets),
      schedule: KeySchedule(),
      algorithms: [.es256, .eddsa],
      time: clock
    )
    let authority = try TokenAuthority(
      AuthorityConfiguration(
        issuer: Self.issuer,
        limits: limits,
        acceptsRecordsFromFuture: acceptsRecordsFromFuture
      ),
      store: store,
      secrets: secrets,
      keys: keys,
      audit: trail,
      time: clock
    )
    try await authority.start()
    return authority
  }

  /// The same store, opened by another process.
  func restarted(acceptsRecordsFromFuture: Bool = false) async throws -> TokenAuthority {
    try await Self.make(
      self.clock,
      self.store,
      self.trail,
      self.keeper,
      acceptsRecordsFromFuture: acceptsRecordsFromFuture
    )
  }

  /// What the guard would say of a token.
  func denial(_ token: BearerToken, in authority: TokenAuthority? = nil) -> DenialReason? {
    do throws(DenialReason) {
      _ = try (authority ?? self.authority).snapshot.match(token.bytes, at: self.clock.moment.unix)
      return nil
    } catch {
      return error
    }
  }

  /// The caller that a token makes.
  func caller(_ token: BearerToken) throws -> Caller {
    let match = try self.authority.snapshot.match(token.bytes, at: self.clock.moment.unix)
    return Caller(
      token: match.id,
      subject: match.subject,
      tenant: match.tenant,
      scopes: Set(match.scopes),
      roles: Set(match.roles),
      methods: match.methods?.patterns,
      expiresAt: match.expiresAt,
      peer: "ipv4:127.0.0.1:4711",
      usesPreviousSecret: match.usesPreviousSecret
    )
  }

  var admin: Caller { get throws { try self.caller(self.administrator) } }

  /// A token made by the administrator.
  func token(
    _ owner: Owner = "orders",
    tenant: Tenant? = nil,
    scopes: [Scope] = ["orders.read"],
    _ edit: (inout NewToken) -> Void = { _ in }
  ) async throws -> IssuedAPIToken {
    var request = NewToken(name: "test", owner: owner, audiences: ["orders"])
    request.tenant = tenant
    request.scopes = scopes
    edit(&request)
    return try await self.authority.create(request, as: self.admin)
  }

  /// A caller with some permissions and some scopes to give.
  func caller(
    _ permissions: [Permission],
    scopes: [Scope] = [],
    tenant: Tenant? = nil,
    _ edit: (inout NewToken) -> Void = { _ in }
  ) async throws -> Caller {
    let issued = try await self.token(
      "operator",
      tenant: tenant,
      scopes: permissions.map(\.scope) + scopes,
      edit
    )
    return try self.caller(issued.token)
  }

  /// Every record of a token that the store has.
  func records() async throws -> [TokenRecord] {
    try await self.store.memory.tokens(TokenQuery()).compactMap { stored in
      guard case .token(let record) = stored.record else { return nil }
      return record
    }
  }
}

/// The error of something that must not go through; nil if it does.
func failure<Result>(
  _ body: () async throws -> Result
) async -> AuthorityError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? AuthorityError
  }
}

extension AuthorityError {
  var isForbidden: Bool { if case .forbidden = self { true } else { false } }
  var isPrecondition: Bool { if case .failedPrecondition = self { true } else { false } }
  var field: String? { if case .invalid(let field, _) = self { field } else { nil } }
}
