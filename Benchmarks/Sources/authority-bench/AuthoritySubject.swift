// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import Crypto
internal import Foundation
internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardSQLite

/// An authority on files in a folder, and the caller that creates.
struct AuthoritySubject: Sendable {
  private let authority: TokenAuthority
  private let audit: ChainedAuditFile
  private let auditPath: String
  private let administrator: Caller
  private let tokens: [BearerToken]

  /// What exchanging cost.
  struct Exchanges {
    var cpuNanoseconds: Double
    var perSecond: Double
  }

  init(folder: String) async throws {
    let now = UnixTime(seconds: Int64(Date().timeIntervalSince1970))
    let store = try SQLiteTokenStore(path: folder + "/tokens.db")
    let secrets = try await AuthoritySecrets.load(
      from: FileSecretKeeper(path: folder + "/secrets"),
      isFirstStart: true,
      at: now
    )
    self.auditPath = folder + "/audit.jsonl"
    self.audit = try ChainedAuditFile(path: self.auditPath)
    let keys = try SigningKeys(
      store: store,
      keyring: LocalSigningKeyring(secrets: secrets),
      schedule: KeySchedule(),
      algorithms: [.es256],
      time: SystemTime()
    )
    // A few tokens do it all, of which each may do a hundred a second unless told.
    var limits = AuthorityLimits()
    limits.exchangesPerSecond = 1_000_000
    limits.exchangeBurst = 1_000_000
    self.authority = try TokenAuthority(
      AuthorityConfiguration(issuer: "https://authority.example.com", limits: limits),
      store: store,
      secrets: secrets,
      keys: keys,
      audit: self.audit
    )
    try await self.authority.start()
    let file = folder + "/administrator"
    guard try await self.authority.bootstrap(into: file) != nil else {
      throw BenchFailure("there is an administrator already")
    }
    let text = try Data(contentsOf: URL(filePath: file)).filter { $0 != UInt8(ascii: "\n") }
    let match = try self.authority.snapshot.match(Array(text), at: now)
    self.administrator = Caller(
      token: match.id,
      subject: match.subject,
      tenant: match.tenant,
      scopes: Set(match.scopes),
      roles: Set(match.roles),
      expiresAt: match.expiresAt
    )
    var tokens: [BearerToken] = []
    for number in 0 ..< 64 {
      tokens.append(
        try await self.authority.create(Self.request(number), as: self.administrator).token
      )
    }
    self.tokens = tokens
  }

  func close() async { await self.audit.close() }

  private static func request(_ number: Int) -> NewToken {
    var request = NewToken(
      name: "deployment-\(number)",
      owner: Owner("service-\(number % 1_000)"),
      audiences: ["https://orders.example.com"]
    )
    request.scopes = ["orders.read", "orders.list"]
    request.labels = ["team": "orders"]
    return request
  }

  /// It hands out tokens that verify, to nobody but who has the secret, and writes down that it did.
  func prove() async throws {
    let lines = try self.auditLines()
    let issued = try await self.authority.exchange(self.tokens[0], for: AccessRequestParameters())
    guard Self.exposed(issued.token).split(separator: UInt8(ascii: ".")).count == 3 else {
      throw BenchFailure("what was issued is no JWT")
    }
    guard try self.auditLines() == lines + 1 else {
      throw BenchFailure("an exchange is not audited")
    }
    let id = Array(Self.exposed(self.tokens[0])[4 ..< 4 + APITokenFormat.idLength])
    let guess = [UInt8](repeating: UInt8(ascii: "0"), count: APITokenFormat.secretLength)
    let forged = BearerToken(bytes: APITokenFormat.token(id: id, secret: guess))
    do throws(AuthorityError) {
      _ = try await self.authority.exchange(forged, for: AccessRequestParameters())
    } catch {
      guard error == .unauthenticated else { throw BenchFailure("a forged token: \(error)") }
      return
    }
    throw BenchFailure("a forged token was exchanged")
  }

  private static func exposed(_ token: BearerToken) -> [UInt8] {
    token.withExposedBytes { bytes in bytes.indices.map { bytes[$0] } }
  }

  private func auditLines() throws -> Int {
    try Data(contentsOf: URL(filePath: self.auditPath)).count { $0 == UInt8(ascii: "\n") }
  }

  /// How many tokens that many callers create, one after the other each.
  func create(callers: Int, seconds: Int) async throws -> Int {
    try await Callers.run(callers, seconds: seconds) { caller, count in
      let request = Self.request(caller + count * callers)
      _ = try await self.authority.create(request, as: self.administrator)
    }
  }

  /// What an exchange costs: CPU time of all threads of this process, the audit trail's included.
  func exchange(callers: Int, seconds: Int) async throws -> Exchanges {
    let lines = try self.auditLines()
    let start = try CPUTime.own.nanoseconds()
    let begin = ContinuousClock.now
    let count = try await Callers.run(callers, seconds: seconds) { caller, _ in
      let token = self.tokens[caller % self.tokens.count]
      _ = try await self.authority.exchange(token, for: AccessRequestParameters())
    }
    let cpu = try CPUTime.own.nanoseconds() - start
    let wall = (ContinuousClock.now - begin) / .seconds(1)
    guard try self.auditLines() >= lines + count else {
      throw BenchFailure("there are fewer audit records than exchanges")
    }
    return Exchanges(cpuNanoseconds: cpu / Double(count), perSecond: Double(count) / wall)
  }

  func nanosecondsOfSignature(times: Int) throws -> Double {
    let key = P256.Signing.PrivateKey()
    let message = [UInt8](repeating: 65, count: 400)
    let start = try CPUTime.own.nanoseconds()
    for _ in 0 ..< times { _ = try key.signature(for: message) }
    return (try CPUTime.own.nanoseconds() - start) / Double(times)
  }
}
