// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import Crypto
internal import TokenwardCore

/// A table of API tokens, some of the tokens in it, and as many that are not.
final class TokensSubject {
  private let snapshot = APITokenSnapshot()
  private let pepper: Pepper
  private var known: [[UInt8]] = []
  private var unknown: [[UInt8]] = []
  /// The ids of known tokens with other secrets.
  private var wrong: [[UInt8]] = []
  /// The same ids with secrets that differ in their last character only.
  private var near: [[UInt8]] = []
  private let message = [UInt8](repeating: 65, count: 60)

  private static let now = UnixTime(seconds: 1_800_000_000)
  private static let bytesPerToken = 112
  private static let digits = Array(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8
  )

  /// - Parameters:
  ///   - total: how many tokens there are.
  ///   - tokensPerOwner: how many of them each owner has.
  ///   - kept: how many can be presented.
  init(total: Int, tokensPerOwner: Int, kept: Int) throws {
    guard let pepper = Pepper(id: 1, key: SecretBytes([UInt8](repeating: 7, count: 32))) else {
      throw BenchFailure("no pepper")
    }
    self.pepper = pepper
    self.snapshot.setPeppers([pepper], current: 1)
    for role in 0 ..< 20 {
      self.snapshot.setRole(
        Role("role-\(role)"),
        scopes: [Scope("scope-\(role).read"), Scope("scope-\(role).write")],
        methods: []
      )
    }
    var generator = SmallGenerator(state: 42)
    for index in 0 ..< total {
      let id = Self.base62(APITokenFormat.idLength, &generator)
      let isKept = index % max(1, total / kept) == 0 && self.known.count < kept
      let secret = Self.base62(APITokenFormat.secretLength, &generator)
      // Only what is presented needs a digest that is one.
      let code =
        isKept ? pepper.code(forID: id, secret: secret) : Array(secret.prefix(32))
      if isKept {
        self.known.append(APITokenFormat.token(id: id, secret: secret))
        let other = Self.base62(APITokenFormat.secretLength, &generator)
        self.wrong.append(APITokenFormat.token(id: id, secret: other))
        let last: UInt8 = secret.last == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
        self.near.append(APITokenFormat.token(id: id, secret: secret.dropLast() + [last]))
        self.unknown.append(
          APITokenFormat.token(id: Self.base62(APITokenFormat.idLength, &generator), secret: other)
        )
      }
      let isPut = self.snapshot.put(
        APITokenEntry(
          id: TokenID(String(decoding: id, as: UTF8.self)),
          tenant: "acme",
          owner: Owner("service-account-\(index / tokensPerOwner)"),
          roles: [Role("role-\(index % 20)")],
          scopes: [Scope("own-\(index % 50)")],
          audiences: ["orders"],
          createdAt: Self.now.adding(seconds: -1_000),
          expiresAt: Self.now.adding(seconds: 1_000),
          secret: .init(pepper: 1, code: code)
        )
      )
      guard isPut else { throw BenchFailure("a token was not put") }
    }
    self.known.shuffle(using: &generator)
  }

  /// What the tokens that can be presented take beside the table.
  var keptBytes: Int {
    (self.known.count + self.unknown.count + self.wrong.count + self.near.count)
      * Self.bytesPerToken
  }

  /// The table is one: it accepts what it has, and refuses the rest.
  func prove() throws {
    for token in self.known { _ = try self.snapshot.match(token, at: Self.now) }
    for token in self.unknown + self.wrong + self.near {
      guard self.isUnknown(token) else { throw BenchFailure("a made-up token is accepted") }
    }
  }

  private func isUnknown(_ token: [UInt8]) -> Bool {
    do throws(DenialReason) {
      _ = try self.snapshot.match(token, at: Self.now)
      return false
    } catch {
      return error == .tokenUnknown
    }
  }

  func nanoseconds(verifying count: Int, times: Int) throws -> Double {
    try cpuNanoseconds(per: times) {
      for index in 0 ..< count { _ = try self.snapshot.match(self.known[index], at: Self.now) }
    } / Double(count)
  }

  func nanoseconds(refusing count: Int) throws -> Double {
    try cpuNanoseconds(per: 1) {
      for index in 0 ..< count {
        guard self.isUnknown(self.unknown[index]) else { throw BenchFailure("accepted") }
      }
    } / Double(count)
  }

  /// What swift-crypto takes for the digest alone.
  func nanosecondsOfDigest(times: Int) throws -> Double {
    let key = SymmetricKey(data: [UInt8](repeating: 7, count: 32))
    let code = HMAC<SHA256>.authenticationCode(for: self.message, using: key)
    return try cpuNanoseconds(per: times) {
      guard HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: self.message, using: key)
      else { throw BenchFailure("swift-crypto refuses its own code") }
    }
  }

  /// What is compared with random secrets of known ids.
  enum Guess { case nearly, unknownID }

  /// How the times of two kinds of wrong tokens differ: of known ids with random secrets, and of what is
  /// compared with them.
  func leakage(_ guess: Guess, samples: Int) throws -> Leakage {
    try Leakage(
      of: Array(self.wrong.prefix(Leakage.tokens)),
      against: Array((guess == .nearly ? self.near : self.unknown).prefix(Leakage.tokens)),
      samples: samples,
      isRefused: self.isUnknown
    )
  }

  private static func base62(_ count: Int, _ generator: inout SmallGenerator) -> [UInt8] {
    (0 ..< count).map { _ in Self.digits[Int(generator.next() >> 8) % 62] }
  }
}
