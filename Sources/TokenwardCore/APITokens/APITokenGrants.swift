// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

/// What a token is granted and bound to. Tokens with the same grants share one object.
final class APITokenGrants: Sendable {
  /// The grants as they were made.
  struct Content: Hashable, Sendable {
    var roles: [Role]
    var scopes: [Scope]
    var audiences: [Audience]
    var networks: [NetworkPrefix]
    var certificate: CertificateThumbprint?
  }

  /// The grants with what their roles stand for at present.
  final class Effective: Sendable {
    let generation: UInt64
    let roles: [Role]
    let scopes: [Scope]
    let methods: MethodLimit?

    init(_ content: Content, _ rules: APITokenRules) {
      self.generation = rules.generation
      // A role that does not exist stands for nothing, not even for its name: a policy may ask for it.
      let known = content.roles.filter { rules.roles[$0] != nil }
      self.roles = known
      var seen: Set<Scope> = []
      let definitions = known.compactMap { rules.roles[$0] }
      self.scopes = (content.scopes + definitions.flatMap(\.scopes)).filter {
        seen.insert($0).inserted
      }
      let patterns = definitions.flatMap(\.methods)
      // A role that does not exist may have been a limit before it was removed: its end must not
      // widen a token, so only what other roles name may be called.
      let isUnlimited = patterns.isEmpty && known.count == content.roles.count
      self.methods = isUnlimited ? nil : MethodLimit(patterns: patterns)
    }
  }

  let content: Content
  /// Tokens with it in the table, counted under the lock of the directory.
  let tokens = Atomic<Int>(0)
  private let cached = Mutex<Effective?>(nil)

  init(_ content: Content) { self.content = content }

  /// The grants under these rules. Worked out once for each change of a role.
  func effective(under rules: APITokenRules) -> Effective {
    if let known = self.cached.withLock({ $0 }), known.generation == rules.generation {
      return known
    }
    let effective = Effective(self.content, rules)
    self.cached.withLock { cached in
      // Somebody with newer rules may have been here meanwhile.
      if cached.map({ $0.generation < effective.generation }) ?? true { cached = effective }
    }
    return effective
  }
}

/// What all tokens have in common: the roles, and the peppers of their digests. Immutable; replaced
/// whole.
final class APITokenRules: Sendable {
  struct Definition: Sendable {
    var scopes: [Scope]
    var methods: [String]
  }

  let generation: UInt64
  let roles: [Role: Definition]
  let peppers: [Pepper]
  /// The pepper that new digests are made under; nil while there is none.
  let current: Pepper?

  init(
    generation: UInt64,
    roles: [Role: Definition],
    peppers: [Pepper],
    current: Pepper?
  ) {
    self.generation = generation
    self.roles = roles
    self.peppers = peppers
    self.current = current
  }

  /// The digests of a message; nil while there is no current pepper.
  func codes(of message: APITokenMessage) -> APITokenCodes? {
    guard let current else { return nil }
    return APITokenCodes(of: message, current, self.peppers)
  }
}
