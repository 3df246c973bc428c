// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import Crypto
internal import Glibc
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
  /// compared with them. They are taken in random order, each token copied to the same place first; the
  /// slowest tenth is left out, as dudect does, because interrupts are in it.
  /// - Returns: Welch's t, and by how many nanoseconds the second kind takes longer.
  func leakage(_ guess: Guess, samples: Int) throws -> (t: Double, difference: Double) {
    var generator = SmallGenerator(state: 43)
    var times: ([Double], [Double]) = ([], [])
    times.0.reserveCapacity(samples)
    times.1.reserveCapacity(samples)
    let others = guess == .nearly ? self.near : self.unknown
    var token = self.wrong[0]
    while times.0.count < samples || times.1.count < samples {
      let random = generator.next()
      let isRandom = random & 1 == 0
      let index = Int(random >> 8 & 63)
      for position in token.indices {
        // Both are read, so that what is in the cache does not tell which is meant.
        let (one, other) = (self.wrong[index][position], others[index][position])
        token[position] = isRandom ? one : other
      }
      let start = Self.clock()
      let isRefused = self.isUnknown(token)
      let end = Self.clock()
      guard isRefused else { throw BenchFailure("a made-up token is accepted") }
      if isRandom { times.0.append(end - start) } else { times.1.append(end - start) }
    }
    let limit = Self.quantile(0.9, of: times.0 + times.1)
    let (left, right) = (times.0.filter { $0 <= limit }, times.1.filter { $0 <= limit })
    let means = [left, right].map { $0.reduce(0, +) / Double(max($0.count, 1)) }
    return (abs(Self.welch(left, right)), means[1] - means[0])
  }

  private static func clock() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }

  private static func quantile(_ part: Double, of values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
  }

  private static func welch(_ left: [Double], _ right: [Double]) -> Double {
    func moments(_ values: [Double]) -> (mean: Double, error: Double) {
      let count = Double(max(values.count, 2))
      let mean = values.reduce(0, +) / count
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
      return (mean, variance / count)
    }
    let (one, other) = (moments(left), moments(right))
    return (one.mean - other.mean) / (one.error + other.error).squareRoot()
  }

  private static func base62(_ count: Int, _ generator: inout SmallGenerator) -> [UInt8] {
    (0 ..< count).map { _ in Self.digits[Int(generator.next() >> 8) % 62] }
  }
}

/// Numbers that look random and are the same in each run (SplitMix64).
private struct SmallGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var value = self.state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
