// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import Synchronization
public import TokenwardCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Makes signing keys in this process and signs with them here. At rest a private key is encrypted with
/// AES-256-GCM under a key of ``AuthoritySecrets``, so that a stolen store signs nothing.
///
/// What is encrypted is bound to its name and algorithm: moved to another record it does not open. A
/// key that does not open is an error; there is nothing to fall back to.
///
/// In memory, a private key is in buffers that swift-crypto writes over when they are freed (EC_KEY and
/// SecureBytes); what this type has of it for a moment, it writes over itself. Not in its power: pages
/// that the system swaps out, core dumps, and copies on the stack and in registers within the library.
/// Whoever needs more keeps keys in a vault that signs (`SigningKeyRecord.Material.transit`).
public final class LocalSigningKeyring: SigningKeyring {
  private let secrets: Mutex<AuthoritySecrets>

  /// - Parameter secrets: with the keys that signing keys are sealed with.
  public init(secrets: AuthoritySecrets) { self.secrets = Mutex(secrets) }

  /// Uses other secrets from now on: after a sealing key was rotated.
  public func use(_ secrets: AuthoritySecrets) { self.secrets.withLock { $0 = secrets } }

  /// Makes a key for `.es256` (P-256) or `.eddsa` (Ed25519).
  public func makeKey(
    _ algorithm: Algorithm,
    at now: UnixTime
  ) async throws(SigningError) -> SigningKeyRecord {
    guard algorithm == .es256 || algorithm == .eddsa else {
      throw SigningError("signing with \(algorithm.rawValue) is not offered")
    }
    let secrets = self.secrets.withLock { $0 }
    guard let sealing = secrets.sealingKey(secrets.currentSealingKey) else {
      throw SigningError("there is no key to seal signing keys with")
    }
    // A P-256 key is a number below the order of the curve, which a random one of 256 bits is except
    // in one of four billion cases: then another is taken (FIPS 186-5 §A.2.2).
    for _ in 0 ..< 8 {
      let secret = SymmetricKey(size: .bits256)
      guard let opened = secret.withUnsafeBytes({ Self.open($0, algorithm) }) else {
        continue
      }
      let box: [UInt8]
      do {
        let sealed = try secret.withUnsafeBytes { bytes in
          try AES.GCM.seal(
            bytes,
            using: sealing,
            authenticating: Self.context(of: opened.jwk.id, algorithm)
          )
        }
        guard let combined = sealed.combined else { throw SigningError("nothing was sealed") }
        box = Array(combined)
      } catch {
        throw SigningError("a new signing key cannot be sealed")
      }
      return SigningKeyRecord(
        id: opened.jwk.id,
        algorithm: algorithm,
        publicJWK: opened.jwk.text,
        material: .sealed(.init(sealingKey: secrets.currentSealingKey, box: box)),
        createdAt: now
      )
    }
    throw SigningError("no usable private key among eight random ones")
  }

  /// Opens the private key of a record. It stays in memory as long as the signer does.
  public func signer(of key: SigningKeyRecord) async throws(SigningError) -> any TokenSigner {
    guard case .sealed(let sealed) = key.material else {
      throw SigningError(
        "the signing key \(key.id) is kept in a vault that signs, not in the store"
      )
    }
    guard let sealing = self.secrets.withLock({ $0.sealingKey(sealed.sealingKey) }) else {
      throw SigningError(
        "the signing key \(key.id) is sealed with key \(sealed.sealingKey), which is not kept"
      )
    }
    var secret: Data
    do {
      secret = try AES.GCM.open(
        AES.GCM.SealedBox(combined: sealed.box),
        using: sealing,
        authenticating: Self.context(of: key.id, key.algorithm)
      )
    } catch {
      throw SigningError(
        "the signing key \(key.id) does not open: it was changed, moved, or is cut"
      )
    }
    defer { secret.withUnsafeMutableBytes { SecretText.wipe($0) } }
    guard let opened = secret.withUnsafeBytes({ Self.open($0, key.algorithm) }),
      opened.jwk.id == key.id, opened.jwk.text == key.publicJWK
    else { throw SigningError("the signing key \(key.id) is not that of its public key") }
    return opened.signer
  }

  /// What a sealed key is bound to.
  private static func context(of id: KeyID, _ algorithm: Algorithm) -> [UInt8] {
    Array("tokenward signing key v1\0\(algorithm.rawValue)\0\(id.text)".utf8)
  }

  /// - Returns: nil for bytes that are no private key of the algorithm, and for other algorithms.
  private static func open(
    _ bytes: UnsafeRawBufferPointer,
    _ algorithm: Algorithm
  ) -> (signer: LocalSigner, jwk: PublicJWK)? {
    guard bytes.count == 32 else { return nil }
    switch algorithm {
    case .es256:
      guard let key = try? P256.Signing.PrivateKey(rawRepresentation: bytes),
        let jwk = PublicJWK(p256: Array(key.publicKey.rawRepresentation))
      else { return nil }
      return (LocalSigner(.p256(key)), jwk)
    case .eddsa:
      guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes),
        let jwk = PublicJWK(ed25519: Array(key.publicKey.rawRepresentation))
      else { return nil }
      return (LocalSigner(.ed25519(key)), jwk)
    default:
      return nil
    }
  }
}

extension LocalSigningKeyring: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// What it is, and nothing of its keys.
  public var description: String { "<local signing keyring>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing (catalogue L08, O16).
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
