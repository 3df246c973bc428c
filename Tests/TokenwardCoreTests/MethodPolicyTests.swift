// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardTestKit

@Suite("method policy")
struct MethodPolicyTests {
  private static func method(_ name: String) throws -> RPCMethod {
    try #require(RPCMethod(fullName: name))
  }

  @Test("the exact rule wins over the rule of its service, in either order")
  func exactWins() throws {
    let exact = Allow("a.S/Get", .roles(["admin"]))
    let service = Allow("a.S/*", .anonymous)
    for rules in [[exact, service], [service, exact]] {
      let policy = try MethodPolicy(rules)
      #expect(policy.requirement(for: try Self.method("a.S/Get")) == .roles(["admin"]))
      #expect(policy.requirement(for: try Self.method("a.S/Put")) == .anonymous)
    }
  }

  @Test(
    "what no rule names has no requirement",
    arguments: [
      "a.S/get", "a.S/Gets", "a.S/Ge", "a.s/Get", "b.S/Get", "a.S2/Get", "a.SS/Get", "S/Get",
    ]
  )
  func unlisted(name: String) throws {
    let policy = try MethodPolicy { Allow("a.S/Get", .authenticated) }
    #expect(policy.requirement(for: try Self.method(name)) == nil)
    #expect(policy.requirement(for: try Self.method("a.S/Get")) == .authenticated)
  }

  @Test("a service's rule is for that service alone", arguments: ["a.SS/Get", "a.S2/Get", "a/Get"])
  func serviceBoundary(name: String) throws {
    let policy = try MethodPolicy { Allow("a.S/*", .authenticated) }
    #expect(policy.requirement(for: try Self.method(name)) == nil)
    #expect(policy.requirement(for: try Self.method("a.S/Get")) == .authenticated)
  }

  static let senseless: [(String, Requirement, String)] = [
    ("empty scopes", .scopes([]), "policy[0].allow.scopes"),
    ("empty any scopes", .anyScope([]), "policy[0].allow.any_scopes"),
    ("empty roles", .roles([]), "policy[0].allow.roles"),
    ("an empty scope", .scopes([""]), "policy[0].allow.scopes"),
    ("a scope with a space", .scopes(["a b"]), "policy[0].allow.scopes"),
    ("a scope with a quote", .anyScope(["a\"b"]), "policy[0].allow.any_scopes"),
    ("a scope with a backslash", .scopes(["a\\b"]), "policy[0].allow.scopes"),
    ("a scope that is not ASCII", .scopes(["\u{212A}"]), "policy[0].allow.scopes"),
    ("a scope with DEL", .scopes(["a\u{7F}"]), "policy[0].allow.scopes"),
    ("an empty role", .roles([""]), "policy[0].allow.roles"),
    ("a scope twice", .scopes(["a", "a"]), "policy[0].allow.scopes"),
    ("a role twice", .roles(["a", "b", "a"]), "policy[0].allow.roles"),
    ("no subjects", .subjects([], of: "a"), "policy[0].allow.subjects"),
    ("an empty subject", .subjects([""], of: "a"), "policy[0].allow.subjects"),
    (
      "two lists of subjects", .subjects(["b"], of: "a").and(.subjects(["c"], of: "a")),
      "policy[0].allow"
    ),
    ("anonymous with subjects", .anonymous.and(.subjects(["b"], of: "a")), "policy[0].allow"),
    ("anonymous end users", .anonymous.forEndUsers, "policy[0].allow"),
    ("anonymous with a scope", .anonymous.and(.scopes(["a"])), "policy[0].allow"),
    ("anonymous with authenticated", .anonymous.and(.authenticated), "policy[0].allow"),
    ("two lists of roles", .roles(["a"]).and(.roles(["b"])), "policy[0].allow"),
    ("two lists of any scope", .anyScope(["a"]).and(.anyScope(["b"])), "policy[0].allow"),
    (
      "a contradiction within a combination",
      .scopes(["a"]).and(.roles(["a"]).and(.roles(["b"]))), "policy[0].allow"
    ),
  ]

  @Test("a requirement that nobody can have meant is refused", arguments: Self.senseless)
  func unusable(name: String, requirement: Requirement, path: String) {
    do throws(ConfigurationError) {
      _ = try MethodPolicy([Allow("a.S/Get", requirement)])
      Issue.record("accepted \(name)")
    } catch {
      #expect(error.problems.map(\.path) == [path], "\(name): \(error)")
    }
  }

  @Test(
    "requirements that make sense together are accepted",
    arguments: [
      Requirement.authenticated, .anonymous, .scopes(["a", "b"]), .anyScope(["a"]),
      .roles(["a b", "c"]),
      .scopes(["a"]).and(.scopes(["a", "b"])), .scopes(["a"]).and(.roles(["r"])).forEndUsers,
      .anonymous.and(.anonymous), .scopes(["!#[]~"]), .roles(["\u{212A}"]),
      .scopes(["a"]).and(.anyScope(["b", "c"])).and(.roles(["r"])),
    ]
  )
  func usable(requirement: Requirement) throws {
    let policy = try MethodPolicy([Allow("a.S/Get", requirement)])
    #expect(policy.requirement(for: try Self.method("a.S/Get")) == requirement)
  }

  @Test("all problems are reported together, with their places")
  func problemsTogether() {
    let rules = [
      Allow("/a.S/Get", .authenticated), Allow("a.S/Get", .scopes([])),
      Allow("a.S/Get", .authenticated), Allow("a.S/G*", .roles([])),
    ]
    do throws(ConfigurationError) {
      _ = try MethodPolicy(rules)
      Issue.record("accepted")
    } catch {
      #expect(
        error.problems.map(\.path) == [
          "policy[0].method", "policy[1].allow.scopes", "policy[2].method",
          "policy[3].allow.roles", "policy[3].method",
        ]
      )
      #expect(error.problems.allSatisfy { !$0.hint.isEmpty && !$0.problem.isEmpty })
    }
  }

  @Test("no rules and too many rules are refused")
  func count() throws {
    #expect(throws: ConfigurationError.self) { try MethodPolicy([]) }
    let rules = (0 ... MethodPolicy.maximumRules).map { Allow("a.S/M\($0)", .authenticated) }
    #expect(throws: ConfigurationError.self) { try MethodPolicy(rules) }
    let policy = try MethodPolicy(rules.dropLast())
    #expect(policy.rules.count == MethodPolicy.maximumRules)
  }

  @Test("coverage names what differs either way")
  func coverage() throws {
    let policy = try MethodPolicy {
      Allow("a.S/Get", .authenticated)
      Allow("a.S/Gone", .authenticated)
      Allow("b.S/*", .authenticated)
      Allow("c.S/*", .authenticated)
    }
    let coverage = policy.coverage(of: [
      try Self.method("a.S/Get"), try Self.method("a.S/New"), try Self.method("b.S/Any"),
    ])
    #expect(coverage.uncovered.map(\.fullName) == ["a.S/New"])
    #expect(coverage.unmatched == ["a.S/Gone", "c.S/*"])
    #expect(!coverage.isComplete)
    let complete = try MethodPolicy { Allow("a.S/*", .authenticated) }
      .coverage(of: [try Self.method("a.S/Get")])
    #expect(complete.isComplete)
    let onlyUnmatched = try MethodPolicy { Allow("a.S/*", .authenticated) }.coverage(of: [])
    #expect(!onlyUnmatched.isComplete)
  }

  @Test("the rules can be listed, in the order of their patterns")
  func listing() throws {
    let policy = try MethodPolicy {
      Allow("b.S/*", .anonymous)
      Allow("a.S/Get", .scopes(["x", "y"]))
      for name in ["One", "Two"] { Allow("c.S/\(name)", .authenticated) }
    }
    #expect(policy.rules.map(\.pattern) == ["a.S/Get", "b.S/*", "c.S/One", "c.S/Two"])
    #expect(policy.rules[0].requirement.description == "scopes [x, y]")
    #expect(policy.rules[1].requirement.description == "anonymous")
    #expect(
      Requirement.scopes(["x"]).and(.roles(["r"])).forEndUsers.description
        == "scopes [x] and any role of [r] and an end user"
    )
    #expect(Requirement.anyScope(["x", "y"]).description == "any scope of [x, y]")
    #expect(Requirement.authenticated.description == "authenticated")
  }

  static let cases: [(Requirement, [Scope], [Role], DenialReason?)] = [
    (.authenticated, [], [], nil),
    (.scopes(["a", "b"]), ["b", "a"], [], nil),
    (.scopes(["a", "b"]), ["a"], [], .scopeInsufficient),
    (.scopes(["a"]), [], ["a"], .scopeInsufficient),
    (.anyScope(["a", "b"]), ["b"], [], nil),
    (.anyScope(["a", "b"]), ["c"], [], .scopeInsufficient),
    (.anyScope(["a", "b"]), [], [], .scopeInsufficient),
    (.roles(["r", "s"]), [], ["s"], nil),
    (.roles(["r", "s"]), [], ["t"], .roleMissing),
    (.roles(["r"]), ["r"], [], .roleMissing),
    (.scopes(["a"]).and(.roles(["r"])), ["a"], ["r"], nil),
    (.scopes(["a"]).and(.roles(["r"])), ["a"], [], .roleMissing),
    (.scopes(["a"]).and(.roles(["r"])), [], ["r"], .scopeInsufficient),
    (.scopes(["a"]).and(.scopes(["b"])), ["a"], [], .scopeInsufficient),
    (.scopes(["a"]).and(.anyScope(["b", "c"])), ["a", "c"], [], nil),
    (.scopes(["a"]).and(.anyScope(["b", "c"])), ["a"], [], .scopeInsufficient),
    (.scopes(["a"]), ["A"], [], .scopeInsufficient),
    (.roles(["K"]), [], ["\u{212A}"], .roleMissing),
    (.roles(["caf\u{E9}"]), [], ["cafe\u{301}"], .roleMissing),
    (.roles(["caf\u{E9}"]), [], ["caf\u{E9}"], nil),
  ]

  @Test("a requirement is met exactly by what it asks for", arguments: Self.cases)
  func grant(
    requirement: Requirement,
    scopes: [Scope],
    roles: [Role],
    expected: DenialReason?
  ) {
    var assertion = Principal.Assertion(
      issuer: "https://issuer.test",
      subject: "alice",
      expiresAt: ManualClock.defaultStart
    )
    assertion.scopes = scopes
    assertion.roles = roles
    #expect(requirement.refusal(of: Principal(assertingVerified: assertion)) == expected)
  }

  @Test("an end user is one whose subject is not the client that the token names")
  func endUser() {
    var assertion = Principal.Assertion(
      issuer: "https://issuer.test",
      subject: "K",
      expiresAt: ManualClock.defaultStart
    )
    func refusal() -> DenialReason? {
      Requirement.authenticated.forEndUsers.refusal(of: Principal(assertingVerified: assertion))
    }
    #expect(refusal() == .roleMissing)
    assertion.clientID = "shop"
    #expect(refusal() == nil)
    assertion.clientID = "K"
    #expect(refusal() == .roleMissing)
    assertion.clientID = "\u{212A}"
    #expect(refusal() == nil)
    #expect(
      Requirement.authenticated.refusal(of: Principal(assertingVerified: assertion)) == nil
    )
  }
}
