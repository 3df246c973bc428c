// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import GRPCCore
import GRPCInProcessTransport
import Testing
import TokenwardAuthority
import TokenwardAuthorityAPI
import TokenwardCore

@Suite("The policy of the authority's services")
struct PolicyTests {
  private static var registered: [RPCMethod] {
    var router = RPCRouter<InProcessTransport.Server>()
    for service in AuthorityServices.all(operations: ScriptedAuthority()) {
      service.registerMethods(with: &router)
    }
    return router.methods.compactMap { RPCMethod(fullName: $0.fullyQualifiedMethod) }
  }

  @Test("its rules name every method that is served, and no other")
  func coverage() throws {
    let policy = try MethodPolicy(AuthorityPolicy.rules)
    let coverage = policy.coverage(of: Self.registered)
    #expect(Self.registered.count == 19)
    #expect(coverage.isComplete)
    #expect(coverage.uncovered == [])
    #expect(coverage.unmatched == [])
    // The twin: one rule less is seen.
    let less = try MethodPolicy(Array(AuthorityPolicy.rules.dropFirst()))
    #expect(less.coverage(of: Self.registered).uncovered.count == 1)
  }

  @Test("nothing of it is for anonymous callers, and only possession does without a permission")
  func requirements() {
    let withoutScopes = AuthorityPolicy.rules.filter { $0.requirement == .authenticated }
    #expect(
      withoutScopes.map(\.pattern) == [
        "tokenward.authority.v1.Tokens/RevokeSelf", "tokenward.authority.v1.Tokens/Exchange",
      ]
    )
    for rule in AuthorityPolicy.rules where rule.requirement != .authenticated {
      let needsOne = Permission.allCases.contains { rule.requirement == .scopes([$0.scope]) }
      #expect(needsOne, "\(rule.pattern)")
    }
  }
}
