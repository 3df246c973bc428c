// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Synchronization
import Testing
import TokenwardCore
import TokenwardTestKit

/// API tokens, networks and limits of methods, decided by the guard.
@Suite("API tokens at the guard")
struct APITokenGuardTests {
  private typealias Fixture = APITokenFixture
  private static let method = "orders.v1.Orders/Get"

  private static func decide(
    _ fixture: APITokenFixture,
    peer: String? = nil,
    method: String = APITokenGuardTests.method,
    audiences: AudienceRequirement = .oneOf(["orders"]),
    requirement: Requirement = .scopes(["orders.read"]),
    onUse: APITokenVerifier.UseObserver? = nil
  ) throws -> Decision {
    let guarded = RequestGuard(
      policy: try MethodPolicy {
        Allow(Self.method, requirement)
        Allow("orders.v1.Orders/List", requirement)
        Allow("status.v1.Status/*", .anonymous)
      },
      verifier: APITokenVerifier(
        snapshot: fixture.snapshot,
        issuer: "https://authority.test",
        audiences: audiences,
        onUse: onUse
      ),
      time: ManualClock()
    )
    var request = AccessRequest(path: "/\(method)", door: .grpc, peer: peer)
    let token = String(decoding: Fixture.token(), as: UTF8.self)
    request.add(header: "authorization", value: "Bearer \(token)")
    return guarded.decide(request)
  }

  @Test("an API token becomes a principal that is no end user")
  func principal() throws {
    let fixture = Fixture()
    fixture.snapshot.put(Fixture.entry())
    let uses = Uses()
    let decision = try Self.decide(fixture) { id, _, rekey in
      uses.note(id)
      #expect(rekey == nil)
    }
    let principal = try #require(decision.grant?.principal)
    #expect(principal.issuer == "https://authority.test" && principal.subject == "acme/shop")
    #expect(principal.tokenID == Fixture.id(1) && principal.clientID == "acme/shop")
    #expect(principal.isClientActingForItself && principal.tenant == "acme")
    #expect(decision.grant?.expiresAt == Fixture.entry().expiresAt)
    #expect(uses.ids == [Fixture.id(1)])
    let denial = try Self.decide(fixture, requirement: .authenticated.forEndUsers).denial
    #expect(denial?.reason == .roleMissing)
  }

  @Test("an API token of another audience is refused, and is no use")
  func audience() throws {
    let fixture = Fixture()
    fixture.snapshot.put(Fixture.entry())
    let uses = Uses()
    let denial = try Self.decide(fixture, audiences: .oneOf(["billing"])) { id, _, _ in
      uses.note(id)
    }.denial
    #expect(denial?.reason == .audienceMismatch && denial?.issuer == "https://authority.test")
    #expect(uses.ids.isEmpty)
    #expect(try Self.decide(fixture, audiences: .unchecked(because: "a test")).grant != nil)
  }

  @Test("an unknown token names nobody, a revoked one its issuer")
  func issuer() throws {
    let fixture = Fixture()
    let unknown = try Self.decide(fixture).denial
    #expect(unknown?.reason == .tokenUnknown && unknown?.issuer == nil)
    var entry = Fixture.entry()
    entry.isRevoked = true
    fixture.snapshot.put(entry)
    let revoked = try Self.decide(fixture).denial
    #expect(revoked?.reason == .tokenRevoked && revoked?.issuer == "https://authority.test")
  }

  @Test(
    "a token that is limited to networks is refused from elsewhere and from nowhere",
    arguments: [
      ("ipv4:10.1.2.3:4", nil), ("ipv6:[::ffff:10.1.2.3]:4", nil), ("ipv6:[2001:db8::9]:4", nil),
      ("ipv4:11.1.2.3:4", .addressForbidden), ("ipv6:[2001:db9::9]:4", .addressForbidden),
      ("unix:/run/a.sock", .addressForbidden), ("<unknown>", .addressForbidden),
      ("10.1.2.3", .addressForbidden), (nil, .addressForbidden),
    ] as [(String?, DenialReason?)]
  )
  func networks(peer: String?, expected: DenialReason?) throws {
    let fixture = Fixture()
    fixture.snapshot.put(Fixture.entry())
    #expect(try Self.decide(fixture, peer: peer).grant != nil)
    var entry = Fixture.entry()
    entry.networks = ["10.0.0.0/8", "2001:db8::/32"].compactMap { NetworkPrefix($0) }
    fixture.snapshot.put(entry)
    let decision = try Self.decide(fixture, peer: peer)
    #expect(decision.denial?.reason == expected)
    #expect((decision.grant != nil) == (expected == nil))
  }

  @Test("the address is judged before what was withdrawn, and after the certificate")
  func order() throws {
    let fixture = Fixture()
    var entry = Fixture.entry()
    entry.networks = ["10.0.0.0/8"].compactMap { NetworkPrefix($0) }
    entry.certificate = CertificateThumbprint(der: [1])
    fixture.snapshot.put(entry)
    #expect(try Self.decide(fixture).denial?.reason == .bindingMismatch)
  }

  @Test("a token that is limited to methods may call those only, open ones included")
  func methods() throws {
    let fixture = Fixture()
    var entry = Fixture.entry()
    entry.roles = ["getter"]
    fixture.snapshot.put(entry)
    let list = "orders.v1.Orders/List"
    let open = "status.v1.Status/Check"
    // A role that is not defined, or no longer, may have been a limit.
    #expect(try Self.decide(fixture, method: list).denial?.reason == .roleMissing)
    fixture.snapshot.setRole("getter", scopes: [], methods: [])
    #expect(try Self.decide(fixture, method: list).grant != nil)
    fixture.snapshot.setRole("getter", scopes: [], methods: [Self.method])
    #expect(try Self.decide(fixture).grant != nil)
    #expect(try Self.decide(fixture, method: list).denial?.reason == .roleMissing)
    #expect(try Self.decide(fixture, method: open).denial?.reason == .roleMissing)
    fixture.snapshot.setRole("getter", scopes: [], methods: ["orders.v1.Orders/*"])
    #expect(try Self.decide(fixture, method: list).grant != nil)
    fixture.snapshot.setRole("getter", scopes: [], methods: ["orders.v1.Orders/G*"])
    #expect(try Self.decide(fixture).denial?.reason == .roleMissing)
  }

  static let limits: [(String, String, DenialReason?)] = [
    ("tokenward_methods", "[\"orders.v1.Orders/Get\"]", nil),
    ("tokenward_methods", "[\"orders.v1.Orders/*\",\"a.B/C\"]", nil),
    ("tokenward_methods", "[\"orders.v1.Orders/List\"]", .roleMissing),
    ("tokenward_methods", "[\"orders.v1.Order/*\"]", .roleMissing),
    ("tokenward_methods", "[]", .claimMalformed), ("tokenward_methods", "null", .claimMalformed),
    ("tokenward_methods", "\"orders.v1.Orders/Get\"", .claimMalformed),
    ("tokenward_methods", "[\"*\"]", .claimMalformed),
    ("tokenward_methods", "[\"orders.v1.Orders/Get\",\"\"]", .claimMalformed),
    ("tokenward_methods", "[\"orders.v1.Orders/Get\",1]", .claimMalformed),
    ("tokenward_methods", "[\"/orders.v1.Orders/Get\"]", .claimMalformed),
    ("tokenward_networks", "[\"10.0.0.0/8\"]", nil),
    ("tokenward_networks", "[\"11.0.0.0/8\",\"10.1.2.3\"]", nil),
    ("tokenward_networks", "[\"::ffff:10.1.2.3\"]", nil),
    ("tokenward_networks", "[\"11.0.0.0/8\"]", .addressForbidden),
    ("tokenward_networks", "[]", .claimMalformed),
    ("tokenward_networks", "null", .claimMalformed),
    ("tokenward_networks", "\"10.0.0.0/8\"", .claimMalformed),
    ("tokenward_networks", "[\"10.0.0.0/8\",\"x\"]", .claimMalformed),
    ("tokenward_networks", "[\"10.0.0.0/8\",null]", .claimMalformed),
    ("tokenward_networks", "[\"10.0.0.1/8\"]", .claimMalformed),
    ("tenant", "\"acme\"", nil), ("tenant", "\"\"", .claimMalformed),
    ("tenant", "1", .claimMalformed), ("tenant", "null", .claimMalformed),
  ]

  static let manyNetworks: [(String, String, DenialReason?)] = [63, 64, 65].map { count in
    let networks = (0 ..< count).map { "\"10.1.2.\($0 + 3)\"" }.joined(separator: ",")
    return ("tokenward_networks", "[\(networks)]", count > 64 ? .claimMalformed : nil)
  }

  @Test(
    "limits in a JWT are kept, and what cannot be read in full is refused",
    arguments: Self.limits + Self.manyNetworks
  )
  func claims(name: String, value: String, expected: DenialReason?) throws {
    let fixture = try GuardFixture()
    var request = AccessRequest(
      path: "/\(GuardFixture.method)",
      door: .grpc,
      peer: "ipv4:10.1.2.3:4"
    )
    let token = try fixture.token([(name, value)])
    request.add(header: "authorization", value: "Bearer \(token)")
    // Twice: the second decision comes out of the cache.
    for _ in 0 ..< 2 {
      let decision = fixture.requestGuard.decide(request)
      #expect(decision.denial?.reason == expected)
      #expect((decision.grant != nil) == (expected == nil))
    }
    request.peer = nil
    let isAboutNetworks = name == "tokenward_networks"
    let elsewhere = fixture.requestGuard.decide(request).denial?.reason
    #expect(elsewhere == (expected ?? (isAboutNetworks ? .addressForbidden : nil)))
    if expected == nil, name == "tenant" {
      #expect(fixture.decide(token).grant?.principal?.tenant == "acme")
    }
  }
}

/// Which tokens were used.
private final class Uses: Sendable {
  private let state = Mutex<[TokenID]>([])

  var ids: [TokenID] { self.state.withLock { $0 } }

  func note(_ id: TokenID) { self.state.withLock { $0.append(id) } }
}
