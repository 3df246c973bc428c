// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// What one method requires of its caller.
///
/// An empty list is no requirement that anyone could have meant, so it is refused when the
/// ``MethodPolicy`` is made, never read as "everyone".
public struct Requirement: Sendable, Hashable {
  package enum Access: Sendable, Hashable {
    case anonymous
    case verified
  }

  package var access: Access
  package var allScopes: [Scope]?
  package var anyScopes: [Scope]?
  package var anyRoles: [Role]?
  package var callers: [Caller]?
  package var needsEndUser = false

  /// A subject belongs to its issuer: another one may call somebody else by the same name.
  package struct Caller: Sendable, Hashable {
    package var issuer: Issuer
    package var subject: Subject
  }

  private init(
    access: Access = .verified,
    allScopes: [Scope]? = nil,
    anyScopes: [Scope]? = nil,
    anyRoles: [Role]? = nil
  ) {
    self.access = access
    self.allScopes = allScopes
    self.anyScopes = anyScopes
    self.anyRoles = anyRoles
  }

  /// Anyone may call. A credential that is presented all the same must be good: a caller who means
  /// to be somebody is never let in as nobody (CVE-2021-21378).
  public static let anonymous = Requirement(access: .anonymous)

  /// Any verified caller, whatever it is granted.
  public static let authenticated = Requirement()

  /// Every one of these scopes.
  public static func scopes(_ scopes: [Scope]) -> Requirement { Requirement(allScopes: scopes) }

  /// At least one of these scopes.
  public static func anyScope(_ scopes: [Scope]) -> Requirement { Requirement(anyScopes: scopes) }

  /// At least one of these roles.
  public static func roles(_ roles: [Role]) -> Requirement { Requirement(anyRoles: roles) }

  /// One of these subjects, with a token of this issuer: for issuers whose tokens have no scopes and
  /// no roles, such as those of workloads.
  public static func subjects(_ subjects: [Subject], of issuer: Issuer) -> Requirement {
    var requirement = Requirement()
    requirement.callers = subjects.map { Caller(issuer: issuer, subject: $0) }
    return requirement
  }

  /// Both requirements.
  public func and(_ other: Requirement) -> Requirement {
    var both = self
    if other.access == .verified { both.access = .verified }
    both.allScopes = Self.joined(self.allScopes, other.allScopes)
    // Two "any of" lists cannot be merged into one without changing their meaning, so the second is
    // kept only where there was none; MethodPolicy refuses the rest.
    both.anyScopes = self.anyScopes ?? other.anyScopes
    both.anyRoles = self.anyRoles ?? other.anyRoles
    both.callers = self.callers ?? other.callers
    both.needsEndUser = self.needsEndUser || other.needsEndUser
    both.isContradictory =
      self.isContradictory || other.isContradictory
      || (self.anyScopes != nil && other.anyScopes != nil)
      || (self.anyRoles != nil && other.anyRoles != nil)
      || (self.callers != nil && other.callers != nil)
      || (self.access != other.access)
    return both
  }

  /// The caller must act for a person: a token whose subject is the client itself is not enough
  /// (RFC 9068 §5, client credentials), nor is one that names no client.
  public var forEndUsers: Requirement {
    var requirement = self
    requirement.needsEndUser = true
    return requirement
  }

  package var isContradictory = false

  private static func joined(_ left: [Scope]?, _ right: [Scope]?) -> [Scope]? {
    guard let left else { return right }
    guard let right else { return left }
    return left + right.filter { !left.contains($0) }
  }

  /// Nil if the principal meets the requirement.
  package func refusal(of principal: Principal) -> DenialReason? {
    if let allScopes, !allScopes.allSatisfy(principal.scopes.contains) { return .scopeInsufficient }
    if let anyScopes, !anyScopes.contains(where: principal.scopes.contains) {
      return .scopeInsufficient
    }
    if let anyRoles, !anyRoles.contains(where: principal.roles.contains) { return .roleMissing }
    if let callers {
      let caller = Caller(issuer: principal.issuer, subject: principal.subject)
      guard callers.contains(caller) else { return .roleMissing }
    }
    // Without `client_id`, which RFC 9068 §2.2 requires, nobody can tell a person from a program.
    if self.needsEndUser, principal.clientID == nil || principal.isClientActingForItself {
      return .roleMissing
    }
    return nil
  }
}

extension Requirement: CustomStringConvertible {
  /// The requirement in words, as `policy check` prints it.
  public var description: String {
    guard self.access == .verified else { return "anonymous" }
    var parts: [String] = []
    if let allScopes { parts.append("scopes \(Self.list(allScopes))") }
    if let anyScopes { parts.append("any scope of \(Self.list(anyScopes))") }
    if let anyRoles { parts.append("any role of \(Self.list(anyRoles))") }
    if let callers { parts.append("any subject of \(Self.list(callers.map(\.subject)))") }
    if self.needsEndUser { parts.append("an end user") }
    return parts.isEmpty ? "authenticated" : parts.joined(separator: " and ")
  }

  private static func list<Name: ByteComparedText>(_ names: [Name]) -> String {
    "[\(names.map(\.text).joined(separator: ", "))]"
  }
}
