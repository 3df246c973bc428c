// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What roles and scopes amount to.
struct Expansion {
  /// Every scope, those of the roles included.
  var scopes: Set<Scope>
  /// The methods that may be called, as patterns; nil for no limit.
  var methods: [String]?

  /// - Parameter definitions: the roles that are defined. A role without a definition stands for no
  ///   scope, and it may have stood for a limit: where one is unknown, nothing is unlimited. So
  ///   removing a role widens no token.
  init(roles: some Sequence<Role>, scopes: some Sequence<Scope>, _ definitions: [Role: RoleRecord])
  {
    self.scopes = Set(scopes)
    var methods: [String] = []
    var isLimited = false
    for role in roles {
      if role == .administrator {
        self.scopes.formUnion(Permission.allCases.map(\.scope))
        continue
      }
      guard let definition = definitions[role] else {
        isLimited = true
        continue
      }
      self.scopes.formUnion(definition.scopes)
      if !definition.methods.isEmpty {
        isLimited = true
        methods += definition.methods
      }
    }
    self.methods = isLimited ? methods : nil
  }
}

extension RoleRecord {
  /// The role that is there from the start and cannot be changed.
  static let administrator = RoleRecord(
    role: .administrator,
    scopes: Permission.allCases.map(\.scope),
    methods: [],
    changedAt: UnixTime(seconds: 0)
  )
}

/// Whether one list of method patterns allows nothing that another one does not.
enum MethodPatterns {
  static func isNarrower(_ inner: [String], than outer: [String]) -> Bool {
    inner.allSatisfy { pattern in
      outer.contains { $0.hasSameBytes(as: pattern) || Self.covers($0, pattern) }
    }
  }

  /// Whether the first is `package.Service/*` and the second a method of that service.
  private static func covers(_ service: String, _ method: String) -> Bool {
    guard service.utf8.suffix(2).elementsEqual("/*".utf8) else { return false }
    let prefix = service.utf8.dropLast(1)
    return method.utf8.count > prefix.count && method.utf8.starts(with: prefix)
  }
}
