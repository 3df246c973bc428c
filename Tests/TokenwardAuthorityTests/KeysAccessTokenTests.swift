// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("Access tokens")
struct KeysAccessTokenTests {
  let clock = ManualClock()

  static func claims(
    at now: UnixTime = ManualClock.defaultStart,
    lifetime: Int64 = 300
  ) -> AccessTokenClaims {
    var claims = AccessTokenClaims(
      issuer: "https://authority.test",
      subject: "main/shop",
      clientID: "main/shop",
      audiences: ["orders"],
      id: "jti-1",
      issuedAt: now,
      lifetimeSeconds: lifetime,
      tenant: "main",
      grantID: "0123456789abcdef"
    )
    claims.scopes = ["orders.read", "orders.write"]
    claims.roles = ["reader"]
    return claims
  }

  private func keys(_ algorithms: [Algorithm] = [.es256]) async throws -> SigningKeys {
    let keys = try SigningKeys(
      store: InMemoryTokenStore(),
      keyring: LocalSigningKeyring(secrets: try await freshSecrets().0),
      schedule: KeySchedule(),
      algorithms: algorithms,
      time: self.clock
    )
    try await keys.start(loaded: [])
    return keys
  }

  private func verifier(_ keys: SigningKeys) throws -> JWTVerifier {
    try JWTVerifier(issuers: [
      TrustedIssuer(
        "https://authority.test",
        audiences: .oneOf(["orders"]),
        algorithms: keys.algorithms,
        keys: StaticKeys(try KeySet(jwks: keys.publicKeys(), trust: .publicKeys))
      )
    ])
  }

  private func payload(_ token: [UInt8]) throws -> [String: Any] {
    let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    #expect(parts.count == 3)
    let payload = try #require(Base64URL.decode(Array(parts[1])))
    return try #require(try JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any])
  }

  private func refusedField(_ claims: AccessTokenClaims) async throws -> String? {
    let keys = try await self.keys()
    do throws(AuthorityError) {
      _ = try await keys.sign(claims)
      return nil
    } catch .invalid(let field, _) {
      return field
    } catch {
      return "\(error)"
    }
  }

  @Test("A token verifies with the published keys", arguments: [Algorithm.es256, .eddsa])
  func roundTrip(_ algorithm: Algorithm) async throws {
    let keys = try await self.keys([.es256, .eddsa])
    let token = try await keys.sign(Self.claims(), algorithm: algorithm)
    let principal = try self.verifier(keys).verify(
      PresentedToken(BearerToken(bytes: token)),
      at: self.clock.moment
    )
    #expect(principal.subject == "main/shop" && principal.issuer == "https://authority.test")
    #expect(principal.clientID == "main/shop" && principal.isClientActingForItself)
    #expect(principal.scopes == ["orders.read", "orders.write"] && principal.roles == ["reader"])
    #expect(principal.tokenID == "jti-1")
    #expect(principal.expiresAt == ManualClock.defaultStart.adding(seconds: 300))
    #expect(principal.claims.string("tenant") == "main")
    #expect(principal.claims.string("grant_id") == "0123456789abcdef")
    #expect(principal.claims.strings("tokenward_methods") == nil)

    var changed = token
    changed[changed.count - 10] ^= 1
    #expect(throws: VerificationFailure.self) {
      try self.verifier(keys).verify(
        PresentedToken(BearerToken(bytes: changed)),
        at: self.clock.moment
      )
    }
  }

  @Test("The header names algorithm, key and type, and nothing else (RFC 9068)")
  func header() async throws {
    let keys = try await self.keys()
    let token = try await keys.sign(Self.claims())
    let segment = try #require(Base64URL.decode(Array(token.prefix { $0 != UInt8(ascii: ".") })))
    #expect(
      String(decoding: segment, as: UTF8.self)
        == #"{"alg":"ES256","kid":"\#(keys.published[0].id)","typ":"at+jwt"}"#
    )
  }

  @Test("Every claim is written, and dates in whole seconds that never reach further")
  func everyClaim() async throws {
    let keys = try await self.keys()
    var claims = Self.claims(at: UnixTime(seconds: 1_800_000_000, nanoseconds: 999_999_999))
    claims.audiences = ["orders", "stock"]
    claims.notBefore = UnixTime(seconds: 1_800_000_010, nanoseconds: 1)
    claims.methods = ["orders.v1.Orders/Get", "stock.v1.Stock/*"]
    claims.networks = [
      try #require(NetworkPrefix(address: [192, 0, 2, 0], length: 24)),
      try #require(
        NetworkPrefix(
          address: [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 12),
          length: 32
        )
      ),
    ]
    claims.certificate = CertificateThumbprint(der: [1, 2, 3])
    let payload = try self.payload(try await keys.sign(claims))
    let expected: [String: Any] = [
      "iss": "https://authority.test", "sub": "main/shop", "client_id": "main/shop",
      "aud": ["orders", "stock"], "iat": 1_800_000_000, "exp": 1_800_000_300,
      "nbf": 1_800_000_011, "jti": "jti-1", "tenant": "main", "grant_id": "0123456789abcdef",
      "scope": "orders.read orders.write", "roles": ["reader"],
      "tokenward_methods": ["orders.v1.Orders/Get", "stock.v1.Stock/*"],
      "tokenward_networks": ["192.0.2.0/24", "2001:db8:0:0:0:0:0:0/32"],
      "cnf": ["x5t#S256": "A5BYxvLAy0ksUzsKTRTvd8wPeKvMztUofYShogEc-4E"],
    ]
    #expect(NSDictionary(dictionary: payload) == NSDictionary(dictionary: expected))
    #expect(claims.expiresAt == UnixTime(seconds: 1_800_000_300))

    var few = Self.claims()
    few.scopes = []
    few.roles = []
    let names = try self.payload(try await keys.sign(few)).keys.sorted()
    #expect(
      names == ["aud", "client_id", "exp", "grant_id", "iat", "iss", "jti", "sub", "tenant"]
    )
  }

  @Test("Text cannot end a string and begin a claim")
  func escaping() async throws {
    let keys = try await self.keys()
    for text in [#"a","sub":"root"#, #"\"#, #"\u0022"#, "ä\u{202E}x", "\u{2028}", "😀", "e\u{301}"] {
      var claims = Self.claims()
      claims.subject = Subject(text)
      claims.roles = [Role(text)]
      claims.audiences = ["orders", Audience(text)]
      let token = try await keys.sign(claims)
      let principal = try self.verifier(keys).verify(
        PresentedToken(BearerToken(bytes: token)),
        at: self.clock.moment
      )
      #expect(principal.subject == Subject(text) && principal.roles == [Role(text)])
    }
  }

  @Test("What no verifier would accept, or another would read as more, is not signed")
  func refused() async throws {
    func field(_ change: (inout AccessTokenClaims) -> Void) async throws -> String? {
      var claims = Self.claims()
      change(&claims)
      return try await self.refusedField(claims)
    }
    #expect(try await field { _ in } == nil)
    #expect(try await field { $0.lifetimeSeconds = 1 } == nil)
    #expect(try await field { $0.lifetimeSeconds = 3_600 } == nil)
    for lifetime in [0, -1, .min, .max, 3_601] as [Int64] {
      #expect(try await field { $0.lifetimeSeconds = lifetime } == "lifetime")
    }
    #expect(try await field { $0.issuedAt = UnixTime(seconds: -1) } == "lifetime")
    #expect(try await field { $0.notBefore = $0.expiresAt.adding(seconds: -1) } == nil)
    #expect(try await field { $0.notBefore = $0.expiresAt } == "not_before")
    #expect(try await field { $0.notBefore = UnixTime(seconds: .max) } == "not_before")
    #expect(
      try await field {
        $0.notBefore = UnixTime(seconds: $0.expiresAt.seconds - 1, nanoseconds: 1)
      } == "not_before"
    )
    #expect(try await field { $0.audiences = [] } == "audiences")
    #expect(try await field { $0.audiences = [""] } == "audiences")
    #expect(
      try await field { $0.audiences = (0 ..< 64).map { Audience("a\($0)") } } == nil
    )
    #expect(
      try await field { $0.audiences = (0 ..< 65).map { Audience("a\($0)") } } == "audiences"
    )
    for scope in ["a b", "", "a\"", "a\\", "ä", "a\t", "\u{7F}"] {
      #expect(try await field { $0.scopes = [Scope(scope)] } == "scopes")
    }
    #expect(try await field { $0.roles = ["a\nb"] } == "roles")
    #expect(try await field { $0.roles = [""] } == "roles")
    #expect(try await field { $0.subject = "" } == "subject")
    #expect(try await field { $0.subject = "a\u{0}" } == "subject")
    #expect(try await field { $0.subject = Subject(String(repeating: "a", count: 256)) } == nil)
    #expect(
      try await field { $0.subject = Subject(String(repeating: "a", count: 257)) } == "subject"
    )
    #expect(try await field { $0.issuer = "" } == "issuer")
    #expect(try await field { $0.clientID = "" } == "client_id")
    #expect(try await field { $0.id = "" } == "id")
    #expect(try await field { $0.tenant = "" } == "tenant")
    #expect(try await field { $0.grantID = "" } == "grant_id")
    #expect(try await field { $0.methods = [] } == "methods")
    #expect(try await field { $0.methods = ["*"] } == "methods")
    #expect(try await field { $0.methods = ["a.B/C"] } == nil)
  }

  @Test("A token of 8,192 bytes is signed and accepted; one that would be longer is not signed")
  func size() async throws {
    let keys = try await self.keys()
    func token(_ padding: Int) async throws -> [UInt8] {
      var claims = Self.claims()
      claims.audiences = ["orders", Audience(String(repeating: "a", count: padding))]
      return try await keys.sign(claims)
    }
    // The longest that fits: three bytes of claims are four of token.
    var padding = 5_000
    var longest = try await token(padding)
    while let next = try? await token(padding + 1) {
      padding += 1
      longest = next
    }
    #expect((8_190 ... 8_192).contains(longest.count))
    _ = try self.verifier(keys).verify(
      PresentedToken(BearerToken(bytes: longest)),
      at: self.clock.moment
    )
    var claims = Self.claims()
    claims.audiences = ["orders", Audience(String(repeating: "a", count: padding + 1))]
    #expect(try await self.refusedField(claims) == "scopes")
  }

  @Test("A token comes from the present: a clock that stepped or cannot be read signs nothing")
  func clock() async throws {
    let keys = try await self.keys()
    let start = ManualClock.defaultStart
    _ = try await keys.sign(Self.claims(at: start.adding(seconds: 60)))
    await #expect(throws: AuthorityError.unavailable(.clock)) {
      try await keys.sign(Self.claims(at: start.adding(seconds: 61)))
    }
    self.clock.setFailed()
    await #expect(throws: AuthorityError.unavailable(.clock)) { try await keys.sign(Self.claims()) }
    self.clock.setFailed(false)
    _ = try await keys.sign(Self.claims())
  }

  @Test("A service that acts for itself is no end user (C20)")
  func notAnEndUser() async throws {
    let keys = try await self.keys()
    let guarding = RequestGuard(
      policy: try MethodPolicy {
        Allow("orders.v1.Orders/Get", .authenticated)
        Allow("orders.v1.Orders/Confirm", .authenticated.forEndUsers)
      },
      verifier: try self.verifier(keys),
      time: self.clock
    )
    func reason(_ method: String, _ claims: AccessTokenClaims) async throws -> DenialReason? {
      let token = String(decoding: try await keys.sign(claims), as: UTF8.self)
      var request = AccessRequest(path: "/\(method)", door: .grpc)
      request.add(header: "authorization", value: "Bearer \(token)")
      return guarding.decide(request).denial?.reason
    }
    let own = Self.claims()
    #expect(try await reason("orders.v1.Orders/Get", own) == nil)
    #expect(try await reason("orders.v1.Orders/Confirm", own) == .roleMissing)
    var delegated = own
    delegated.clientID = "main/console"
    #expect(try await reason("orders.v1.Orders/Confirm", delegated) == nil)
  }
}
