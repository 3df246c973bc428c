// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Issues, rotates, takes back and exchanges tokens.
public final class TokenAuthority: Sendable {
  /// Makes an API token. Needs `Permission/createTokens`; grants only what the caller holds.
  public func create(
    _ request: NewToken,
    idempotencyKey: IdempotencyKey? = nil,
    as caller: Caller
  ) async throws(AuthorityError) -> IssuedAPIToken { throw .unavailable(.store) }

  /// The record of one API token. Needs `Permission/readTokens`.
  public func token(
    _ id: TokenID,
    as caller: Caller
  ) async throws(AuthorityError) -> TokenStatus { throw .unavailable(.store) }

  /// Lists API tokens. Needs `Permission/readTokens`. Without `Permission/allTenants` the query is
  /// limited to the caller's tenant.
  public func tokens(
    _ query: TokenQuery,
    as caller: Caller
  ) async throws(AuthorityError) -> [TokenStatus] { throw .unavailable(.store) }

  /// Gives an API token a new secret. Needs `Permission/rotateTokens`.
  public func rotate(
    _ id: TokenID,
    _ rotation: Rotation,
    idempotencyKey: IdempotencyKey? = nil,
    as caller: Caller
  ) async throws(AuthorityError) -> IssuedAPIToken { throw .unavailable(.store) }

  /// Takes an API token back, for good. Needs `Permission/revokeTokens`.
  public func revoke(
    _ id: TokenID,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> TokenStatus { throw .unavailable(.store) }

  /// Takes every API token of an owner back that there is now. Needs `Permission/revokeTokens`.
  public func revokeAll(
    of owner: Owner,
    in tenant: Tenant?,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord { throw .unavailable(.store) }

  /// Takes every API token back that was made before a time: of one owner, or of the whole tenant.
  /// Needs `Permission/revokeTokens`.
  public func revokeAll(
    issuedBefore time: UnixTime,
    of owner: Owner?,
    in tenant: Tenant?,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) { throw .unavailable(.store) }

  /// Takes back the token that is presented, whatever kind it is: possession is enough (RFC 7009
  /// §2.1). Unknown tokens are no error.
  /// - Parameter isAllowed: told whose token it is, before it is taken back; nil for everybody's.
  public func revoke(
    presented token: BearerToken,
    peer: String?
  ) async throws(AuthorityError) { throw .unavailable(.store) }

  /// What an owner's record says; one that says nothing special if there is none. Needs
  /// `Permission/readTokens`.
  public func owner(
    _ owner: Owner,
    in tenant: Tenant?,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord { throw .unavailable(.store) }

  /// Disables or enables an owner. Needs `Permission/manageOwners`.
  public func setOwner(
    _ owner: Owner,
    in tenant: Tenant?,
    isDisabled: Bool,
    reason: String,
    as caller: Caller
  ) async throws(AuthorityError) -> OwnerRecord { throw .unavailable(.store) }

  /// Every role, by name. Needs `Permission/readRoles`.
  public func roles(as caller: Caller) async throws(AuthorityError) -> [RoleRecord] {
    throw .unavailable(.store)
  }

  /// Defines or changes a role. Needs `Permission/manageRoles`, and every scope of it.
  public func putRole(
    _ role: RoleRecord,
    as caller: Caller
  ) async throws(AuthorityError) -> RoleRecord { throw .unavailable(.store) }

  /// Removes a role: tokens that have it keep the name and nothing of what it stood for. Needs
  /// `Permission/manageRoles`.
  public func removeRole(
    _ role: Role,
    as caller: Caller
  ) async throws(AuthorityError) { throw .unavailable(.store) }

  /// Every signing key that is published, the active ones first. Needs `Permission/readKeys`.
  public func signingKeys(as caller: Caller) async throws(AuthorityError) -> [SigningKeyRecord] {
    throw .unavailable(.store)
  }

  /// Lets the next key of an algorithm sign from now on, and makes another next one. Needs
  /// `Permission/rotateKeys`.
  /// - Parameter isForced: also if the next key has not been published for long enough, so that some
  ///   verifiers do not have it yet.
  public func rotateKeys(
    _ algorithm: Algorithm?,
    isForced: Bool,
    as caller: Caller
  ) async throws(AuthorityError) -> [SigningKeyRecord] { throw .unavailable(.store) }

  /// Exchanges an API token for an access token (RFC 8693). Needs the API token only.
  public func exchange(
    _ token: BearerToken,
    for parameters: AccessRequestParameters
  ) async throws(AuthorityError) -> IssuedAccessToken { throw .unavailable(.store) }

  /// What a token of this authority is, whatever kind it is; nil if it is not active. Needs
  /// `Permission/introspectTokens`; tokens of other tenants are not active to who may not see them.
  public func introspect(
    _ token: BearerToken,
    as caller: Caller
  ) async throws(AuthorityError) -> Principal? { throw .unavailable(.store) }

  /// The public keys, as a JWK Set (RFC 7517 §5).
  public func publicKeys() -> [UInt8] { [] }

  /// Who issues: the `iss` of access tokens.
  public var issuer: Issuer { "" }

  init() {}
}
