// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import TokenwardAuthority
import TokenwardAuthorityAPI
import TokenwardCore

/// An authority whose every answer is written down, and which writes down what it was asked.
final class ScriptedAuthority: AuthorityOperations {
  enum Call: Sendable {
    case create(NewToken, hasKey: Bool, Caller)
    case get(TokenID)
    case list(TokenQuery)
    case rotate(TokenID, Rotation, hasKey: Bool)
    case revoke(TokenID, String)
    case revokeOwner(Owner, Tenant?, String)
    case revokeIssuedBefore(UnixTime, Owner?, Tenant?, String)
    case revokePresented(TokenFingerprint, peer: String?)
    case owner(Owner, Tenant?)
    case setOwner(Owner, Tenant?, isDisabled: Bool, String)
    case roles
    case putRole(RoleRecord)
    case removeRole(Role)
    case keys
    case rotateKeys(Algorithm?, isForced: Bool)
    case exchange(TokenFingerprint, AccessRequestParameters)
    case introspect(TokenFingerprint, Caller)
  }

  struct Script: Sendable {
    var error: AuthorityError?
    var tokens: [TokenStatus] = []
    var roles: [RoleRecord] = []
    var keys: [SigningKeyRecord] = []
    var principal: Principal?
    var inUse: [TokenFingerprint] = []
    var publicKeys = Array("{\"keys\":[]}".utf8)
  }

  static let issuer: Issuer = "https://authority.example"
  let issuer: Issuer
  private let script = Mutex(Script())
  private let log = Mutex<[Call]>([])

  init(issuer: Issuer = ScriptedAuthority.issuer) { self.issuer = issuer }

  var calls: [Call] { self.log.withLock { $0 } }

  func change(_ body: @Sendable (inout Script) -> Void) {
    self.script.withLock { script in body(&script) }
  }

  private func play(_ call: Call) throws(AuthorityError) -> Script {
    self.log.withLock { $0.append(call) }
    let script = self.script.withLock { $0 }
    if let error = script.error { throw error }
    return script
  }

  func create(
    _ request: NewToken,
    idempotencyKey: IdempotencyKey?,
    as caller: Caller
  ) async throws(AuthorityError) -> IssuedAPIToken {
    _ = try self.play(.create(request, hasKey: idempotencyKey != nil, caller))
    return IssuedAPIToken(record: Samples.record, token: Samples.apiToken)
  }

  func token(_ id: TokenID, as caller: Caller) async throws(AuthorityError) -> TokenStatus {
    _ = try self.play(.get(id))
    return TokenStatus(record: Samples.record, state: .active)
  }

  func tokens(
    _ query: TokenQuery,
    as caller: Caller
  ) async throws(AuthorityError) -> [TokenStatus] { try self.play(.list(query)).tokens }

  func rotate(
    _ id: TokenID,
    _ rotation: Rotation,
    idempotencyKey: IdempotencyKey?,
    as caller: Caller
  ) async throws(AuthorityError) -> IssuedAPIToken {
    _ = try self.play(.rotate(id, rotation, hasKey: idempotencyKey != nil))
    return IssuedAPIToken(record: Samples.record, token: Samples.apiToken)
  }

  func revoke(
    _ id: TokenID,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> TokenStatus {
    _ = try self.play(.revoke(id, reason))
    return TokenStatus(record: Samples.record, state: .revoked)
  }

  func revokeAll(
    of owner: Owner,
    in tenant: Tenant?,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord {
    _ = try self.play(.revokeOwner(owner, tenant, reason))
    var record = OwnerRecord(tenant: "main", owner: owner, changedAt: Samples.now)
    record.generation = 7
    return record
  }

  func revokeAll(
    issuedBefore time: UnixTime,
    of owner: Owner?,
    in tenant: Tenant?,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) {
    _ = try self.play(.revokeIssuedBefore(time, owner, tenant, reason))
  }

  func revoke(presented token: BearerToken, peer: String?) async throws(AuthorityError) {
    _ = try self.play(.revokePresented(token.fingerprint, peer: peer))
  }

  func owner(
    _ owner: Owner,
    in tenant: Tenant?,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord {
    _ = try self.play(.owner(owner, tenant))
    return OwnerRecord(tenant: "main", owner: owner, changedAt: UnixTime(seconds: 0))
  }

  func setOwner(
    _ owner: Owner,
    in tenant: Tenant?,
    isDisabled: Bool,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord {
    _ = try self.play(.setOwner(owner, tenant, isDisabled: isDisabled, reason))
    var record = OwnerRecord(tenant: "main", owner: owner, changedAt: Samples.now)
    record.isDisabled = isDisabled
    return record
  }

  func roles(as caller: Caller) async throws(AuthorityError) -> [RoleRecord] {
    try self.play(.roles).roles
  }

  func putRole(_ role: RoleRecord, as caller: Caller) async throws(AuthorityError) -> RoleRecord {
    _ = try self.play(.putRole(role))
    return role
  }

  func removeRole(_ role: Role, as caller: Caller) async throws(AuthorityError) {
    _ = try self.play(.removeRole(role))
  }

  func signingKeys(as caller: Caller) async throws(AuthorityError) -> [SigningKeyRecord] {
    try self.play(.keys).keys
  }

  func rotateKeys(
    _ algorithm: Algorithm?,
    isForced: Bool,
    as caller: Caller
  ) async throws(AuthorityError) -> [SigningKeyRecord] {
    try self.play(.rotateKeys(algorithm, isForced: isForced)).keys
  }

  func exchange(
    _ token: BearerToken,
    for parameters: AccessRequestParameters
  ) async throws(AuthorityError) -> IssuedAccessToken {
    _ = try self.play(.exchange(token.fingerprint, parameters))
    return IssuedAccessToken(
      token: Samples.accessToken,
      id: "jti-1",
      scopes: ["orders.read", "orders.write"],
      expiresAt: Samples.now.adding(seconds: 300),
      lifetimeSeconds: 300
    )
  }

  func introspect(
    _ token: BearerToken,
    as caller: Caller
  ) async throws(AuthorityError) -> Principal? {
    try self.play(.introspect(token.fingerprint, caller)).principal
  }

  func isInUse(_ token: BearerToken, at now: UnixTime) -> Bool {
    self.script.withLock { $0.inUse.contains(token.fingerprint) }
  }

  func publicKeys() -> [UInt8] { self.script.withLock { $0.publicKeys } }
}
