// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Crypto
import Foundation
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

@Suite("Signing keys of this process")
struct KeysLocalKeyringTests {
  let now = ManualClock.defaultStart
  static let sample = Array("input.of a JWS".utf8)

  /// The private key of a record, opened without the keyring.
  static func privateKey(
    of record: SigningKeyRecord,
    sealedWith key: [UInt8],
    algorithm: Algorithm? = nil
  ) throws -> [UInt8] {
    guard case .sealed(let sealed) = record.material else { return [] }
    let name = (algorithm ?? record.algorithm).rawValue
    return Array(
      try AES.GCM.open(
        AES.GCM.SealedBox(combined: sealed.box),
        using: SymmetricKey(data: key),
        authenticating: Array("tokenward signing key v1\0\(name)\0\(record.id.text)".utf8)
      )
    )
  }

  private func verifies(_ signature: [UInt8], with record: SigningKeyRecord) throws -> Bool {
    try KeySet(jwk: record.publicJWK, trust: .publicKeys)
      .key(for: record.id, algorithm: record.algorithm)
      .isValidSignature(signature, for: Self.sample.span, algorithm: record.algorithm)
  }

  private func fails(
    _ keyring: LocalSigningKeyring,
    _ record: SigningKeyRecord
  ) async -> Bool {
    do throws(SigningError) {
      _ = try await keyring.signer(of: record)
      return false
    } catch {
      return !error.problem.isEmpty
    }
  }

  @Test("A key signs what its public key verifies", arguments: [Algorithm.es256, .eddsa])
  func roundTrip(_ algorithm: Algorithm) async throws {
    let (secrets, _) = try await freshSecrets()
    let keyring = LocalSigningKeyring(secrets: secrets)
    let record = try await keyring.makeKey(algorithm, at: self.now)
    let other = try await keyring.makeKey(algorithm, at: self.now)
    #expect(record.state == .next && record.createdAt == self.now && record.id != other.id)
    // A restart: another keyring with the same secrets.
    let signer = try await LocalSigningKeyring(secrets: secrets).signer(of: record)
    let signature = try await signer.sign(Self.sample)
    #expect(signature.count == 64)
    #expect(try self.verifies(signature, with: record))
    #expect(try !self.verifies(signature, with: other))
  }

  @Test("Other algorithms are not offered")
  func algorithms() async throws {
    let keyring = LocalSigningKeyring(secrets: try await freshSecrets().0)
    for algorithm in Algorithm.allCases where algorithm != .es256 && algorithm != .eddsa {
      await #expect(throws: SigningError.self) {
        try await keyring.makeKey(algorithm, at: self.now)
      }
    }
  }

  @Test("A JWK has the members of its specification, and the thumbprint as its name")
  func jwk() throws {
    // RFC 8037 Appendix A.2 and A.3.
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    let key = try #require(Base64URL.decode(Array(x.utf8)))
    let edwards = try #require(PublicJWK(ed25519: key))
    #expect(edwards.id.text == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    #expect(
      String(decoding: edwards.text, as: UTF8.self)
        == #"{"crv":"Ed25519","kty":"OKP","x":"\#(x)","kid":"\#(edwards.id.text)","#
        + #""use":"sig","alg":"EdDSA"}"#
    )
    // RFC 7515 Appendix A.3.1; the thumbprint was computed with another implementation.
    let (ex, ey) = (
      "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    )
    let point =
      try #require(Base64URL.decode(Array(ex.utf8))) + #require(
        Base64URL.decode(Array(ey.utf8))
      )
    let elliptic = try #require(PublicJWK(p256: point))
    #expect(elliptic.id.text == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U")
    #expect(
      String(decoding: elliptic.text, as: UTF8.self)
        == #"{"crv":"P-256","kty":"EC","x":"\#(ex)","y":"\#(ey)","kid":"\#(elliptic.id.text)","#
        + #""use":"sig","alg":"ES256"}"#
    )
    #expect(PublicJWK(p256: Array(point.dropLast())) == nil)
    #expect(PublicJWK(ed25519: key + [0]) == nil)
  }

  @Test("A private key at rest is encrypted, and bound to its name and algorithm")
  func atRest() async throws {
    let (secrets, keeper) = try await freshSecrets()
    let keyring = LocalSigningKeyring(secrets: secrets)
    let sealing = try keeper.keys("sealing")[0]
    for algorithm in [Algorithm.es256, .eddsa] {
      let record = try await keyring.makeKey(algorithm, at: self.now)
      let secret = try Self.privateKey(of: record, sealedWith: sealing)
      #expect(secret.count == 32)
      guard case .sealed(let sealed) = record.material else { return }
      #expect(sealed.box.count == 12 + 32 + 16)
      #expect(sealed.box.firstRange(of: secret) == nil)
      #expect(throws: CryptoKitError.self) {
        try Self.privateKey(of: record, sealedWith: keeper.keys("peppers")[0])
      }
      #expect(throws: CryptoKitError.self) {
        try Self.privateKey(of: record, sealedWith: sealing, algorithm: .rs256)
      }
    }
  }

  @Test("A sealed key does not open in another record", arguments: [Algorithm.es256, .eddsa])
  func moved(_ algorithm: Algorithm) async throws {
    let keyring = LocalSigningKeyring(secrets: try await freshSecrets().0)
    let one = try await keyring.makeKey(algorithm, at: self.now)
    let two = try await keyring.makeKey(algorithm, at: self.now)
    #expect(await !self.fails(keyring, one))
    var mixed = one
    mixed.material = two.material
    #expect(await self.fails(keyring, mixed))
    mixed = one
    mixed.id = two.id
    #expect(await self.fails(keyring, mixed))
    mixed = one
    mixed.publicJWK = two.publicJWK
    #expect(await self.fails(keyring, mixed))
    mixed = one
    mixed.algorithm = algorithm == .es256 ? .eddsa : .es256
    #expect(await self.fails(keyring, mixed))
    mixed = one
    mixed.material = .transit(name: "key", version: 1)
    #expect(await self.fails(keyring, mixed))
  }

  @Test("A box with any byte changed, cut or added does not open")
  func broken() async throws {
    let keyring = LocalSigningKeyring(secrets: try await freshSecrets().0)
    let record = try await keyring.makeKey(.es256, at: self.now)
    guard case .sealed(let sealed) = record.material else { return }
    var boxes = [[], Array(sealed.box.dropLast()), sealed.box + [0], Array(sealed.box.prefix(28))]
    for index in sealed.box.indices {
      var box = sealed.box
      box[index] ^= 1
      boxes.append(box)
    }
    for box in boxes {
      var other = record
      other.material = .sealed(.init(sealingKey: 1, box: box))
      #expect(await self.fails(keyring, other))
    }
    #expect(await !self.fails(keyring, record))
  }

  @Test("A key opens with the key it was sealed with, also after that was rotated, and no other")
  func sealingKeys() async throws {
    let (secrets, keeper) = try await freshSecrets()
    let keyring = LocalSigningKeyring(secrets: secrets)
    let old = try await keyring.makeKey(.es256, at: self.now)
    #expect(await self.fails(LocalSigningKeyring(secrets: try await freshSecrets().0), old))

    keyring.use(try await .rotateSealingKey(in: keeper, inUse: [1], at: self.now))
    let new = try await keyring.makeKey(.es256, at: self.now)
    #expect(await !self.fails(keyring, old))
    #expect(await !self.fails(keyring, new))
    // Secrets of before the rotation do not know the new key.
    #expect(await self.fails(LocalSigningKeyring(secrets: secrets), new))
    guard case .sealed(var sealed) = new.material else { return }
    #expect(sealed.sealingKey == 2)
    sealed.sealingKey = 1
    var wrong = new
    wrong.material = .sealed(sealed)
    #expect(await self.fails(keyring, wrong))
  }

  @Test("Nothing of a private key can be printed or reflected (O16, L08)")
  func redaction() async throws {
    let (secrets, keeper) = try await freshSecrets()
    let keyring = LocalSigningKeyring(secrets: secrets)
    for algorithm in [Algorithm.es256, .eddsa] {
      let record = try await keyring.makeKey(algorithm, at: self.now)
      let signer = try await keyring.signer(of: record)
      let keys = try SigningKeys(
        store: InMemoryTokenStore(),
        keyring: keyring,
        schedule: KeySchedule(),
        algorithms: [algorithm],
        time: ManualClock()
      )
      try await keys.start(loaded: [])
      var known = [
        try Self.privateKey(of: record, sealedWith: keeper.keys("sealing")[0]),
        try keeper.keys("sealing")[0],
      ]
      for published in keys.published {
        known.append(try Self.privateKey(of: published, sealedWith: keeper.keys("sealing")[0]))
      }
      let printed =
        everythingPrinted(of: signer) + everythingPrinted(of: keyring)
        + everythingPrinted(of: [signer]) + everythingPrinted(of: keys)
        + everythingPrinted(of: record) + everythingPrinted(of: keys.published)
        + String(decoding: keys.publicKeys(), as: UTF8.self)
      #expect(known.count == 4 && printed.contains("<local signer>"))
      for key in known {
        for text in appearances(of: key) { #expect(!printed.contains(text)) }
      }
    }
  }
}
