// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

extension Owner {
  /// How the owner is named in tokens: owners of two tenants may have the same name, so that of the
  /// tenant is part of it. Neither contains a slash (``AuthorityLimits/isName(_:)``).
  public func subject(in tenant: Tenant) -> Subject { Subject("\(tenant.text)/\(self.text)") }
}

/// One thing that a caller may do to the authority. Permissions are scopes: a token has those of its
/// roles and its own.
public enum Permission: String, Sendable, Hashable, CaseIterable {
  /// Make API tokens.
  case createTokens = "tokenward.tokens.create"
  /// Read records of API tokens; secrets cannot be read by anybody.
  case readTokens = "tokenward.tokens.read"
  /// Give API tokens new secrets.
  case rotateTokens = "tokenward.tokens.rotate"
  /// Take tokens back.
  case revokeTokens = "tokenward.tokens.revoke"
  /// Ask what a token is (RFC 7662).
  case introspectTokens = "tokenward.tokens.introspect"
  /// Make tokens that live longer than the one that makes them.
  case outlive = "tokenward.tokens.outlive"
  /// Make and rotate tokens that speak for somebody else than the caller does.
  case anyOwner = "tokenward.tokens.any_owner"
  /// Disable and enable owners.
  case manageOwners = "tokenward.owners.manage"
  /// Read roles.
  case readRoles = "tokenward.roles.read"
  /// Narrow and remove roles that one has; to define and widen them takes an administrator.
  case manageRoles = "tokenward.roles.manage"
  /// Read the states of signing keys; the public keys are public.
  case readKeys = "tokenward.keys.read"
  /// Rotate signing keys.
  case rotateKeys = "tokenward.keys.rotate"
  /// Do what the other permissions allow for every tenant, not only for one's own.
  case allTenants = "tokenward.tenants.all"

  /// The permission as it is granted.
  public var scope: Scope { Scope(self.rawValue) }

  /// Those by which something is made that outlasts whoever made it.
  static let lasting: Set<Scope> = [
    Permission.createTokens.scope, Permission.rotateTokens.scope, Permission.manageRoles.scope,
  ]
}

extension Role {
  /// The one role that holds every permission and may grant what it does not hold: roles that it does
  /// not have among it, so services may trust the names of roles. Only the first
  /// token of an authority has it unless somebody who has it passes it on.
  public static let administrator: Role = "tokenward-admin"
}
