// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import TokenwardAuthority
package import TokenwardCore

/// What the faces ask of the authority: exactly the operations of `TokenAuthority`, so that the faces
/// can be tested against one whose every answer is written down.
package protocol AuthorityOperations: Sendable {
  func create(
    _ request: NewToken,
    idempotencyKey: IdempotencyKey?,
    as caller: Caller
  ) async throws(AuthorityError) -> IssuedAPIToken
  func token(_ id: TokenID, as caller: Caller) async throws(AuthorityError) -> TokenStatus
  func tokens(_ query: TokenQuery, as caller: Caller) async throws(AuthorityError) -> [TokenStatus]
  func rotate(
    _ id: TokenID,
    _ rotation: Rotation,
    idempotencyKey: IdempotencyKey?,
    as caller: Caller
  ) async throws(AuthorityError) -> IssuedAPIToken
  func revoke(
    _ id: TokenID,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> TokenStatus
  func revokeAll(
    of owner: Owner,
    in tenant: Tenant?,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord
  func revokeAll(
    issuedBefore time: UnixTime,
    of owner: Owner?,
    in tenant: Tenant?,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError)
  func revoke(presented token: BearerToken, peer: String?) async throws(AuthorityError)
  func owner(
    _ owner: Owner,
    in tenant: Tenant?,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord
  func setOwner(
    _ owner: Owner,
    in tenant: Tenant?,
    isDisabled: Bool,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord
  func roles(as caller: Caller) async throws(AuthorityError) -> [RoleRecord]
  func putRole(_ role: RoleRecord, as caller: Caller) async throws(AuthorityError) -> RoleRecord
  func removeRole(_ role: Role, as caller: Caller) async throws(AuthorityError)
  func signingKeys(as caller: Caller) async throws(AuthorityError) -> [SigningKeyRecord]
  func rotateKeys(
    _ algorithm: Algorithm?,
    isForced: Bool,
    as caller: Caller
  ) async throws(AuthorityError) -> [SigningKeyRecord]
  func exchange(
    _ token: BearerToken,
    for parameters: AccessRequestParameters
  ) async throws(AuthorityError) -> IssuedAccessToken
  func introspect(
    _ token: BearerToken,
    as caller: Caller
  ) async throws(AuthorityError) -> Principal?
  func publicKeys() -> [UInt8]
  /// Whether this is an API token that counts now. Costs a digest; nothing is read or written.
  func isInUse(_ token: BearerToken, at now: UnixTime) -> Bool
  var issuer: Issuer { get }
}

extension TokenAuthority: AuthorityOperations {
  package func isInUse(_ token: BearerToken, at now: UnixTime) -> Bool {
    (try? self.snapshot.match(token.bytes, at: now)) != nil
  }
}
