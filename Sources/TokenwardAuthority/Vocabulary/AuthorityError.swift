// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Why the authority did not do what it was asked. It never contains a secret, nor text of the caller
/// beyond names that it may see.
public enum AuthorityError: Error, Sendable, Hashable {
  /// The caller lacks a permission, or asks to grant what it does not hold, or names something of
  /// another tenant. The text says which, and is for verified callers only.
  case forbidden(String)
  /// There is no such thing. Said only to callers who may see every tenant; to others, what does not
  /// exist and what is another tenant's are both ``forbidden(_:)``.
  case notFound(String)
  /// There is such a thing already, or the idempotency key was used for another request.
  case alreadyExists(String)
  /// The thing is not in a state that allows this: a revoked token cannot be rotated.
  case failedPrecondition(String)
  /// A field of the request is unusable.
  case invalid(field: String, problem: String)
  /// A credential was not accepted. Deliberately without a reason.
  case unauthenticated
  /// Store, vault, audit or clock cannot be used; nothing was issued. Trying again may help.
  case unavailable(Dependency)

  /// What the authority could not use.
  public enum Dependency: String, Sendable, Hashable, CaseIterable {
    /// The store of records.
    case store
    /// The vault of secrets, or the signer.
    case secrets
    /// The audit trail.
    case audit
    /// The clock, or it has jumped.
    case clock
    /// None: the API token was exchanged too often. Waiting a second helps.
    case rate
  }
}
