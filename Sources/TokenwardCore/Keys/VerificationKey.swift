// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import CryptoExtras

/// One key that passed every check, and what it may verify.
package final class VerificationKey: Sendable {
  /// Its `kid`, if it has one.
  package let id: KeyID?
  /// Its `alg`, if it has one; else everything its type, curve and size can do.
  package let algorithms: AlgorithmSet

  private let material: KeyMaterial

  init(id: KeyID?, algorithms: AlgorithmSet, material: KeyMaterial) {
    self.id = id
    self.algorithms = algorithms
    self.material = material
  }

  /// Whether the signature is this key's over these bytes.
  ///
  /// The kind of the key selects the code: a public key cannot reach the HMAC, and a secret cannot
  /// reach a public-key check, whatever the token says (RFC 8725 §2.1, CVE-2016-10555).
  package func isValidSignature(
    _ signature: [UInt8],
    for signingInput: Span<UInt8>,
    algorithm: Algorithm
  ) -> Bool {
    guard self.algorithms.contains(algorithm) else { return false }
    switch self.material {
    case .rsa(let key): return key.isValidSignature(signature, for: signingInput, algorithm)
    case .p256(let key):
      // The initialiser accepts 64 bytes, r and s in full length, and nothing else: no DER, no
      // shortened numbers (RFC 7518 §3.4). BoringSSL refuses 0 and n (CVE-2022-21449).
      guard algorithm == .es256,
        let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
      else { return false }
      return key.isValidSignature(signature, for: SHA256.digest(of: signingInput))
    case .p384(let key):
      guard algorithm == .es384,
        let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature)
      else { return false }
      return key.isValidSignature(signature, for: SHA384.digest(of: signingInput))
    case .p521(let key):
      guard algorithm == .es512,
        let signature = try? P521.Signing.ECDSASignature(rawRepresentation: signature)
      else { return false }
      return key.isValidSignature(signature, for: SHA512.digest(of: signingInput))
    case .ed25519(let key):
      guard AlgorithmSet.edwards.contains(algorithm), signature.count == 64 else { return false }
      return unsafe signingInput.withUnsafeBytes { buffer in
        unsafe key.isValidSignature(signature, for: buffer)
      }
    case .secret(let key): return key.isValidSignature(signature, for: signingInput, algorithm)
    }
  }
}

extension VerificationKey: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The name only: the key may be a secret.
  package var description: String { "<key \(self.id?.text ?? "without kid")>" }

  /// The name only: the key may be a secret.
  package var debugDescription: String { self.description }

  /// Nothing (catalogue L08).
  package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The key itself, by kind.
enum KeyMaterial: Sendable {
  case rsa(RSAVerifier)
  case p256(P256.Signing.PublicKey)
  case p384(P384.Signing.PublicKey)
  case p521(P521.Signing.PublicKey)
  case ed25519(Curve25519.Signing.PublicKey)
  case secret(SecretVerifier)
}

/// RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 7518 §3.3, §3.5).
struct RSAVerifier: Sendable {
  let key: _RSA.Signing.PublicKey
  let modulusLength: Int

  func isValidSignature(
    _ signature: [UInt8],
    for signingInput: Span<UInt8>,
    _ algorithm: Algorithm
  ) -> Bool {
    // RFC 8017 §8.1.2 and §8.2.2, step 1: neither leading zeros nor a shortened number.
    guard signature.count == self.modulusLength else { return false }
    let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
    // With `.PSS` the length of the salt is that of the hash, and MGF1 uses the same hash.
    let padding: _RSA.Signing.Padding
    switch algorithm {
    case .rs256, .rs384, .rs512: padding = .insecurePKCS1v1_5
    case .ps256, .ps384, .ps512: padding = .PSS
    default: return false
    }
    switch algorithm {
    case .rs256, .ps256:
      return self.key.isValidSignature(
        signature,
        for: SHA256.digest(of: signingInput),
        padding: padding
      )
    case .rs384, .ps384:
      return self.key.isValidSignature(
        signature,
        for: SHA384.digest(of: signingInput),
        padding: padding
      )
    case .rs512, .ps512:
      return self.key.isValidSignature(
        signature,
        for: SHA512.digest(of: signingInput),
        padding: padding
      )
    default: return false
    }
  }
}

/// HMAC with a shared secret (RFC 7518 §3.2), for as many hashes as the secret is long enough for.
struct SecretVerifier: Sendable {
  private let sha256: KeyedHash<SHA256>
  private let sha384: KeyedHash<SHA384>
  private let sha512: KeyedHash<SHA512>

  init(secret: [UInt8]) {
    self.sha256 = KeyedHash(secret: secret)
    self.sha384 = KeyedHash(secret: secret)
    self.sha512 = KeyedHash(secret: secret)
  }

  func isValidSignature(
    _ signature: [UInt8],
    for signingInput: Span<UInt8>,
    _ algorithm: Algorithm
  ) -> Bool {
    switch algorithm {
    case .hs256: self.sha256.isValid(signature, for: signingInput)
    case .hs384: self.sha384.isValid(signature, for: signingInput)
    case .hs512: self.sha512.isValid(signature, for: signingInput)
    default: false
    }
  }
}

extension HashFunction {
  fileprivate static func digest(of bytes: Span<UInt8>) -> Digest {
    // Not `hash(data:)`: it is generic over the bytes and costs more for a short token.
    var hasher = Self()
    unsafe bytes.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
    return hasher.finalize()
  }
}
