// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Which methods may be called, and by whom. What no rule names is denied.
///
/// ```swift
/// let policy = try MethodPolicy {
///   Allow("grpc.health.v1.Health/Check", .anonymous)
///   Allow("orders.v1.Orders/Get", .scopes(["orders.read"]))
///   Allow("orders.v1.Orders/*", .roles(["orders-admin"]))
/// }
/// ```
///
/// A rule names one method or, with `/*`, every method of one service; the exact rule wins. There
/// are no other patterns: a prefix `Get*` would also match `GetSecretKey`.
public struct MethodPolicy: Sendable {
  /// Most rules that one policy may have.
  public static let maximumRules = 100_000

  private let exact: [RPCMethod: Requirement]
  // The same rules by their `:path`: a listed method is found without parsing the path again.
  private let byPath: [PathBytes: ListedMethod]
  private let services: [ServiceName: Requirement]

  /// - Throws: ``ConfigurationError`` with every problem: no rules at all, a pattern outside the
  ///   grammar, two rules for the same methods, an empty list, a contradiction.
  public init(@PolicyBuilder _ rules: () -> [Allow]) throws(ConfigurationError) {
    try self.init(rules())
  }

  /// - Throws: ``ConfigurationError`` with every problem, as for rules in a builder.
  public init(_ rules: [Allow]) throws(ConfigurationError) {
    var exact: [RPCMethod: Requirement] = [:]
    var services: [ServiceName: Requirement] = [:]
    var problems: [ConfigurationError.Problem] = []
    if rules.isEmpty {
      problems.append(
        .init(
          path: "policy",
          problem: "there are no rules, so every call would be denied",
          hint: "add a rule for each method that may be called"
        )
      )
    }
    if rules.count > Self.maximumRules {
      problems.append(
        .init(
          path: "policy",
          problem: "\(rules.count) rules are more than \(Self.maximumRules)",
          hint: "use package.Service/* for services whose methods share one requirement"
        )
      )
    }
    for (index, rule) in rules.prefix(Self.maximumRules).enumerated() {
      let path = "policy[\(index)]"
      problems += rule.requirement.problems(at: "\(path).allow")
      let isDuplicate: Bool
      switch MethodPattern(rule.pattern) {
      case .method(let method):
        isDuplicate = exact.updateValue(rule.requirement, forKey: method) != nil
      case .service(let service):
        isDuplicate = services.updateValue(rule.requirement, forKey: service) != nil
      case nil:
        isDuplicate = false
        problems.append(MethodPattern.problem(rule.pattern, at: "\(path).method"))
      }
      if isDuplicate {
        problems.append(
          .init(
            path: "\(path).method",
            problem: "a second rule for \(rule.pattern); which one counts would be a guess",
            hint: "merge the two rules into one"
          )
        )
      }
    }
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    self.exact = exact
    self.byPath = Dictionary(
      uniqueKeysWithValues: exact.map { method, requirement in
        (PathBytes(method.path), ListedMethod(method: method, requirement: requirement))
      }
    )
    self.services = services
  }

  /// The requirement of a method, or nil if no rule names it.
  public func requirement(for method: RPCMethod) -> Requirement? {
    if let requirement = self.exact[method] { return requirement }
    guard !self.services.isEmpty else { return nil }
    return self.services[ServiceName(method.service)]
  }

  /// The method that a `:path` names and its requirement, nil where there is none.
  func find(path: String) -> (method: RPCMethod?, requirement: Requirement?) {
    if let listed = self.byPath[PathBytes(path)] { return (listed.method, listed.requirement) }
    guard let method = RPCMethod(path: path) else { return (nil, nil) }
    return (method, self.requirement(for: method))
  }

  /// Compares the policy with the methods that a server really has.
  public func coverage(of methods: some Sequence<RPCMethod>) -> PolicyCoverage {
    let registered = Set(methods)
    let registeredServices = Set(registered.map { ServiceName($0.service) })
    return PolicyCoverage(
      uncovered: registered.filter { self.requirement(for: $0) == nil }.sorted(),
      unmatched: (self.exact.keys.filter { !registered.contains($0) }.map(\.fullName)
        + self.services.keys.filter { !registeredServices.contains($0) }.map { "\($0.text)/*" })
        .sorted()
    )
  }

  /// Every rule, ordered by its pattern.
  public var rules: [Allow] {
    (self.exact.map { Allow($0.key.fullName, $0.value) }
      + self.services.map { Allow("\($0.key.text)/*", $0.value) })
      .sorted { $0.pattern.utf8.lexicographicallyPrecedes($1.pattern.utf8) }
  }
}

/// One rule of a ``MethodPolicy``.
public struct Allow: Sendable, Hashable {
  /// `package.Service/Method` or `package.Service/*`.
  public let pattern: String
  /// What those methods require.
  public let requirement: Requirement

  /// - Parameters:
  ///   - pattern: `package.Service/Method` or `package.Service/*`, without a leading slash.
  ///   - requirement: what those methods require.
  public init(_ pattern: String, _ requirement: Requirement) {
    self.pattern = pattern
    self.requirement = requirement
  }
}

/// A `:path` as it was received; compared by bytes.
private struct PathBytes: ByteComparedText {
  let text: String
  init(_ text: String) { self.text = text }
}

private struct ListedMethod: Sendable {
  var method: RPCMethod
  var requirement: Requirement
}

/// How a policy and a server's methods differ.
public struct PolicyCoverage: Sendable, Hashable {
  /// Registered methods that no rule names: they could never be called.
  public let uncovered: [RPCMethod]
  /// Rules that name nothing registered: a renamed method, or a typing error.
  public let unmatched: [String]

  /// Whether there is no difference either way.
  public var isComplete: Bool { self.uncovered.isEmpty && self.unmatched.isEmpty }
}

/// Collects the rules of a ``MethodPolicy``.
@resultBuilder
public enum PolicyBuilder {
  /// A rule by itself.
  public static func buildExpression(_ rule: Allow) -> [Allow] { [rule] }
  /// The rules one after the other.
  public static func buildBlock(_ rules: [Allow]...) -> [Allow] { rules.flatMap(\.self) }
  /// The rules of every turn of a loop.
  public static func buildArray(_ rules: [[Allow]]) -> [Allow] { rules.flatMap(\.self) }
  /// The rules behind an `if`, or none.
  public static func buildOptional(_ rules: [Allow]?) -> [Allow] { rules ?? [] }
  /// The rules before an `else`.
  public static func buildEither(first rules: [Allow]) -> [Allow] { rules }
  /// The rules after an `else`.
  public static func buildEither(second rules: [Allow]) -> [Allow] { rules }
}
