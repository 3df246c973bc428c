// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
public import TokenwardCore

/// What the guard in front of the authority's gRPC services requires of their callers.
///
/// The authority checks permissions itself, and more of them than a rule can: these rules keep a call
/// without permission away from it, and every refusal in the metrics of the guard.
public enum AuthorityPolicy {
  /// A rule for each method of the authority's services; none for any other.
  ///
  /// `RevokeSelf` and `Exchange` need no permission, because their requests carry the token that they
  /// are about and whoever has it may do that. They need a verified caller all the same: nobody can
  /// try tokens there without having one.
  public static let rules: [Allow] = [
    Self.rule("Tokens/Create", .createTokens),
    Self.rule("Tokens/Get", .readTokens),
    Self.rule("Tokens/List", .readTokens),
    Self.rule("Tokens/Rotate", .rotateTokens),
    Self.rule("Tokens/Revoke", .revokeTokens),
    Self.rule("Tokens/RevokeOwner", .revokeTokens),
    Self.rule("Tokens/RevokeIssuedBefore", .revokeTokens),
    Allow("\(Self.package).Tokens/RevokeSelf", .authenticated),
    Allow("\(Self.package).Tokens/Exchange", .authenticated),
    Self.rule("Tokens/Introspect", .introspectTokens),
    Self.rule("Owners/Get", .readTokens),
    Self.rule("Owners/Disable", .manageOwners),
    Self.rule("Owners/Enable", .manageOwners),
    Self.rule("Roles/List", .readRoles),
    Self.rule("Roles/Get", .readRoles),
    Self.rule("Roles/Put", .manageRoles),
    Self.rule("Roles/Delete", .manageRoles),
    Self.rule("Keys/List", .readKeys),
    Self.rule("Keys/Rotate", .rotateKeys),
  ]

  /// The `:path` by which the HTTP introspection endpoint is judged: one rule for both faces.
  static let introspectionPath = "/\(Self.package).Tokens/Introspect"

  private static let package = "tokenward.authority.v1"

  private static func rule(_ method: String, _ permission: Permission) -> Allow {
    Allow("\(Self.package).\(method)", .scopes([permission.scope]))
  }
}
