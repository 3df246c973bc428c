// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Crypto
import Foundation
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao

/// Signing keys in a vault that may answer anything (catalogue O17, O18).
@Suite("Signing keys in OpenBao", .timeLimit(.minutes(2)))
struct OpenBaoTransitTests {
  private let bench: BaoBench
  private let double = TransitDouble()

  init() throws { self.bench = try BaoBench() }

  private func keyring() throws -> OpenBaoTransitKeyring {
    try self.bench.openBao(transport: self.double).keyring()
  }

  private static let input = Array("eyJhbGciOiJFUzI1NiJ9.e30".utf8)
  private static let now = UnixTime(seconds: 1_800_000_000)

  private static func verifies(
    _ record: SigningKeyRecord,
    _ signature: [UInt8]
  ) throws -> Bool {
    let set = try KeySet(jwk: record.publicJWK, trust: .publicKeys)
    return try set.key(for: record.id, algorithm: record.algorithm)
      .isValidSignature(signature, for: Self.input.span, algorithm: record.algorithm)
  }

  @Test(
    "sign for both algorithms, and verify as any verifier does",
    arguments: [.es256, .eddsa] as [Algorithm]
  )
  func signs(algorithm: Algorithm) async throws {
    let keyring = try self.keyring()
    let record = try await keyring.makeKey(algorithm, at: Self.now)
    let name = try #require(self.double.names.first)
    #expect(record.material == .transit(name: name, version: 1))
    #expect(name.hasPrefix(algorithm == .es256 ? "tokenward-es256-" : "tokenward-eddsa-"))
    #expect(record.state == .next)
    #expect(record.createdAt == Self.now)
    let signature = try await keyring.signer(of: record).sign(Self.input)
    #expect(signature.count == 64)
    #expect(try Self.verifies(record, signature))
    var other = signature
    other[10] ^= 1
    #expect(try !Self.verifies(record, other))
    // Two keys are never one.
    let second = try await keyring.makeKey(algorithm, at: Self.now)
    #expect(second.id != record.id)
    #expect(self.double.names.count == 2)
  }

  @Test("the name of a key is its thumbprint (the example of RFC 8037 A.3)")
  func thumbprint() throws {
    let x = try #require(
      Base64URL.decode(Array("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".utf8))
    )
    let key = try #require(SigningPublicKey(ed25519: x))
    #expect(key.id.text == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    #expect(SigningPublicKey(ed25519: x + [0]) == nil)
    #expect(SigningPublicKey(p256: [UInt8](repeating: 1, count: 64)) == nil)
  }

  @Test(
    "are made for no other algorithm",
    arguments: [.rs256, .hs256, .es384, .ed25519] as [Algorithm]
  )
  func otherAlgorithms(algorithm: Algorithm) async throws {
    let keyring = try self.keyring()
    await #expect(throws: SigningError.self) { try await keyring.makeKey(algorithm, at: Self.now) }
    #expect(self.double.names.isEmpty)
  }

  struct Abuse: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let old: String
    let new: String
  }

  static let keyAbuses = [
    Abuse(testDescription: "exportable", old: #""exportable":false"#, new: #""exportable":true"#),
    Abuse(
      testDescription: "exportable as a string",
      old: #""exportable":false"#,
      new: #""exportable":"false""#
    ),
    Abuse(testDescription: "nothing about export", old: #""exportable":false,"#, new: ""),
    Abuse(
      testDescription: "with a backup",
      old: #""allow_plaintext_backup":false"#,
      new: #""allow_plaintext_backup":true"#
    ),
    Abuse(
      testDescription: "deletable",
      old: #""deletion_allowed":false"#,
      new: #""deletion_allowed":true"#
    ),
    Abuse(testDescription: "derived", old: #""derived":false"#, new: #""derived":true"#),
    Abuse(testDescription: "imported", old: #""imported_key":false"#, new: #""imported_key":true"#),
    Abuse(testDescription: "another name", old: #""name":"tokenward-"#, new: #""name":"other-"#),
    Abuse(
      testDescription: "another type",
      old: #""type":"ecdsa-p256""#,
      new: #""type":"rsa-2048""#
    ),
    Abuse(testDescription: "rotated", old: #""latest_version":1"#, new: #""latest_version":2"#),
    Abuse(
      testDescription: "a version as a string",
      old: #""latest_version":1"#,
      new: #""latest_version":"1""#
    ),
    Abuse(testDescription: "no first version", old: #""keys":{"1""#, new: #""keys":{"2""#),
    Abuse(testDescription: "keys as a list", old: #""keys":{"1":"#, new: #""keys":[],"x":{"1":"#),
    Abuse(testDescription: "no public key", old: #""public_key""#, new: #""private_key""#),
    Abuse(testDescription: "another PEM", old: "BEGIN PUBLIC KEY", new: "BEGIN PRIVATE KEY"),
    Abuse(
      testDescription: "PEM that goes on",
      old: #"END PUBLIC KEY-----\n"#,
      new: #"END PUBLIC KEY-----\n-"#
    ),
    Abuse(
      testDescription: "another curve",
      old: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD",
      new: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQgD"
    ),
    Abuse(
      testDescription: "a member twice",
      old: #""derived":false"#,
      new: #""derived":false,"derived":false"#
    ),
    Abuse(testDescription: "no data", old: #""data":{"#, new: #""date":{"#),
    Abuse(testDescription: "no JSON", old: "}", new: ")"),
  ]

  @Test(
    "a key that OpenBao describes otherwise than it was asked for is not used",
    arguments: keyAbuses
  )
  func keyAbuse(abuse: Abuse) async throws {
    let keyring = try self.keyring()
    self.double.twist { target, json in
      guard target.hasPrefix("transit/keys/") else { return nil }
      return (200, json.replacingOccurrences(of: abuse.old, with: abuse.new))
    }
    let error = await #expect(throws: SigningError.self) {
      try await keyring.makeKey(.es256, at: Self.now)
    }
    #expect(error?.problem.contains("not usable") == true)
    self.double.twist { target, json in (200, json) }
    await #expect(throws: Never.self) { try await keyring.makeKey(.es256, at: Self.now) }
  }

  static let signatureAbuses: [(String, @Sendable (String) -> String)] = [
    ("another version", { $0.replacingOccurrences(of: "vault:v1:", with: "vault:v2:") }),
    (
      "another version in a number",
      { $0.replacingOccurrences(of: #":1,"signature""#, with: #":2,"signature""#) }
    ),
    ("no prefix", { $0.replacingOccurrences(of: "vault:v1:", with: "") }),
    ("padding", { $0.replacingOccurrences(of: #""},"wrap"#, with: #"=="},"wrap"#) }),
    (
      "a byte less",
      {
        $0.replacingOccurrences(
          of: #".{2}"\},"wrap"#,
          with: #""},"wrap"#,
          options: .regularExpression
        )
      }
    ),
    ("DER", { $0.replacingOccurrences(of: "vault:v1:", with: "vault:v1:MEUC") }),
    (
      "zeros",
      {
        $0.replacingOccurrences(
          of: #"vault:v1:[^"]*"#,
          with: "vault:v1:" + String(repeating: "A", count: 86),
          options: .regularExpression
        )
      }
    ),
    (
      "a number",
      { $0.replacingOccurrences(of: #""vault:v1:[^"]*""#, with: "5", options: .regularExpression) }
    ),
    (
      "null",
      {
        $0.replacingOccurrences(of: #""vault:v1:[^"]*""#, with: "null", options: .regularExpression)
      }
    ),
    (
      "huge",
      {
        $0.replacingOccurrences(
          of: "vault:v1:",
          with: "vault:v1:" + String(repeating: "A", count: 500_000)
        )
      }
    ),
    ("a list", { _ in #"{"data":[{"signature":"vault:v1:AAAA"}]}"# }),
    ("nothing", { _ in "" }),
    ("nesting", { _ in String(repeating: "[", count: 100_000) }),
    ("HTML", { _ in "<html></html>" }),
  ]

  @Test(
    "an answer that is no signature of the key does not get out",
    arguments: signatureAbuses.indices
  )
  func signatureAbuse(index: Int) async throws {
    let keyring = try self.keyring()
    let record = try await keyring.makeKey(.es256, at: Self.now)
    let signer = try await keyring.signer(of: record)
    let change = Self.signatureAbuses[index].1
    self.double.twist { target, json in
      target.hasPrefix("transit/sign/") ? (200, change(json)) : nil
    }
    await #expect(throws: SigningError.self, "\(Self.signatureAbuses[index].0)") {
      try await signer.sign(Self.input)
    }
    self.double.twist(nil)
    #expect(try Self.verifies(record, try await signer.sign(Self.input)))
  }

  @Test("a vault that signs with another key, or something else, is noticed (O18)")
  func anotherKey() async throws {
    let keyring = try self.keyring()
    for algorithm in [.es256, .eddsa] as [Algorithm] {
      let record = try await keyring.makeKey(algorithm, at: Self.now)
      guard case .transit(let name, _) = record.material else { return }
      let signer = try await keyring.signer(of: record)
      self.double.exchange(name, for: algorithm == .es256 ? .p256(.init()) : .ed25519(.init()))
      let error = await #expect(throws: SigningError.self) { try await signer.sign(Self.input) }
      #expect(error?.problem.contains("not one of this key") == true)
    }
    // A key that has not signed what was asked for is not published.
    self.double.twist { target, _ in
      guard target.hasPrefix("transit/sign/") else { return nil }
      let other = TransitDouble.signature(.p256(.init()), Self.input)
      return (200, TransitDouble.envelope(#"{"key_version":1,"signature":"vault:v1:\#(other)"}"#))
    }
    await #expect(throws: SigningError.self) { try await keyring.makeKey(.es256, at: Self.now) }
  }

  @Test("a record that was changed in the store signs nothing")
  func changedRecord() async throws {
    let keyring = try self.keyring()
    let record = try await keyring.makeKey(.es256, at: Self.now)
    let other = try await keyring.makeKey(.es256, at: Self.now)
    let edwards = try await keyring.makeKey(.eddsa, at: Self.now)
    guard case .transit(let name, _) = record.material else { return }
    var changed: [SigningKeyRecord] = []
    func change(_ body: (inout SigningKeyRecord) -> Void) {
      var copy = record
      body(&copy)
      changed.append(copy)
    }
    for material: SigningKeyRecord.Material in [
      .transit(name: "../sys/seal", version: 1), .transit(name: "", version: 1),
      .transit(name: "somebody-elses", version: 1), .transit(name: name + "/x", version: 1),
      .transit(name: name + "?x", version: 1), .transit(name: name, version: 2),
      .transit(name: name, version: 0), .sealed(.init(sealingKey: 1, box: [1])),
    ] {
      change { $0.material = material }
    }
    change { $0.id = other.id }
    change { $0.publicJWK = other.publicJWK }
    change { $0.publicJWK = Array("{}".utf8) }
    change { $0.publicJWK.append(0x20) }
    change { $0.algorithm = .eddsa }
    change { $0.algorithm = .es384 }
    for record in changed {
      await #expect(throws: SigningError.self) { try await keyring.signer(of: record) }
    }
    // The name of another key: found by the signature, at the latest.
    var mixed = record
    mixed.material = other.material
    let signer = try await keyring.signer(of: mixed)
    await #expect(throws: SigningError.self) { try await signer.sign(Self.input) }
    mixed.material = edwards.material
    let second = try await keyring.signer(of: mixed)
    await #expect(throws: SigningError.self) { try await second.sign(Self.input) }
    let same = try await keyring.signer(of: record)
    #expect(try Self.verifies(record, try await same.sign(Self.input)))
  }

  static let statuses = [301, 307, 400, 401, 403, 404, 412, 429, 472, 473, 500, 502, 503, 204, 299]

  @Test("nothing is signed while OpenBao answers with another status", arguments: statuses)
  func status(status: Int) async throws {
    let keyring = try self.keyring()
    let record = try await keyring.makeKey(.es256, at: Self.now)
    let signer = try await keyring.signer(of: record)
    self.double.twist { target, json in target.hasPrefix("transit/sign/") ? (status, json) : nil }
    await #expect(throws: SigningError.self) { try await signer.sign(Self.input) }
    self.double.twist(nil)
    #expect(try Self.verifies(record, try await signer.sign(Self.input)))
  }

  @Test("after a denial it logs in once more, and signs")
  func deniedOnce() async throws {
    let keyring = try self.keyring()
    let record = try await keyring.makeKey(.es256, at: Self.now)
    let signer = try await keyring.signer(of: record)
    let before = self.double.logins
    let double = self.double
    self.double.twist { target, _ in
      target.hasPrefix("transit/sign/") && double.logins == before
        ? (403, #"{"errors":["permission denied"]}"#) : nil
    }
    #expect(try Self.verifies(record, try await signer.sign(Self.input)))
    #expect(self.double.logins == before + 1)
    self.double.twist { target, _ in
      target.hasPrefix("transit/") ? (403, #"{"errors":["permission denied"]}"#) : nil
    }
    let error = await #expect(throws: SigningError.self) { try await signer.sign(Self.input) }
    #expect(error?.problem.contains("policy") == true)
    #expect(self.double.logins == before + 2)
  }

  @Test("so many are asked for at once, and the rest in their turn")
  func bounded() async throws {
    let keyring = try self.keyring()
    let record = try await keyring.makeKey(.es256, at: Self.now)
    let signer = try await keyring.signer(of: record)
    self.double.hold()
    let most = OpenBaoTransitKeyring.mostRequests
    let signed = await withTaskGroup { group in
      for _ in 0 ..< 200 {
        group.addTask { (try? await signer.sign(Self.input)) != nil }
      }
      while self.double.heldCount < most { await Task.yield() }
      for _ in 0 ..< 1_000 { await Task.yield() }
      #expect(self.double.heldCount == most)
      self.double.release()
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(signed == 200)
    #expect(self.double.mostRunning <= most)
  }

  @Test(
    "a task that is cancelled while it waits for its turn leaves, and more than may wait are refused"
  )
  func limit() async throws {
    let limit = RequestLimit(running: 1, waiting: 1)
    #expect(await limit.enter())
    let waiting = Task { await limit.enter() }
    while limit.waitingCount == 0 { await Task.yield() }
    #expect(await limit.enter() == false)
    waiting.cancel()
    #expect(await waiting.value == false)
    let next = Task { await limit.enter() }
    while limit.waitingCount == 0 { await Task.yield() }
    limit.leave()
    #expect(await next.value)
    limit.leave()
    #expect(await limit.enter())
  }

  @Test("input without end is not sent, and none either")
  func input() async throws {
    let keyring = try self.keyring()
    let record = try await keyring.makeKey(.es256, at: Self.now)
    let signer = try await keyring.signer(of: record)
    let before = self.double.signatures
    await #expect(throws: SigningError.self) { try await signer.sign([]) }
    await #expect(throws: SigningError.self) {
      try await signer.sign([UInt8](repeating: 65, count: 16_385))
    }
    #expect(self.double.signatures == before)
    _ = try await signer.sign([UInt8](repeating: 65, count: 16_384))
  }

  @Test("names that are no names are refused before anybody is asked")
  func names() throws {
    let openBao = try self.bench.openBao(transport: self.double)
    for (mount, prefix) in [
      ("", "a"), ("a//b", "a"), ("a", ""), ("a", "a/b"), ("a", ".a"), ("a", "a?"), ("../a", "a"),
      ("a", String(repeating: "a", count: 65)),
    ] {
      #expect(throws: ConfigurationError.self) {
        try openBao.keyring(mount: mount, prefix: prefix)
      }
    }
    #expect(throws: Never.self) { try openBao.keyring(mount: "a/b", prefix: "a.b_c-") }
  }
}
