// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Why one key of a set is not used. The raw value is a label for logs and metrics; no case carries
/// bytes of the key.
public enum KeyProblem: String, Error, Sendable, Hashable, CaseIterable {
  /// The element of `keys` is not an object, or a standard member has the wrong JSON type.
  case malformed = "malformed"
  /// `kid` is not a string of at most 128 bytes without control characters.
  case keyIDMalformed = "key_id_malformed"
  /// `kty` is none of RSA, EC, OKP and oct, or `crv` none of the supported curves.
  case keyTypeUnsupported = "key_type_unsupported"
  /// `use` is not `sig` (RFC 7517 §4.2).
  case useForbidden = "use_forbidden"
  /// `key_ops` does not allow verification, repeats an operation, or allows more than signatures
  /// (RFC 7517 §4.3).
  case operationsForbidden = "operations_forbidden"
  /// `alg` is not a supported signature algorithm (RFC 7517 §4.4).
  case algorithmUnsupported = "algorithm_unsupported"
  /// `alg` does not fit the type, curve or size of the key.
  case algorithmMismatch = "algorithm_mismatch"
  /// A member that the key type requires is absent (RFC 7518 §6).
  case memberMissing = "member_missing"
  /// A member is not strict base64url of the form that RFC 7518 §6 asks for.
  case memberMalformed = "member_malformed"
  /// A member of another key type is present.
  case memberForeign = "member_foreign"
  /// The RSA modulus has fewer than 2,048 bits (RFC 7518 §3.3).
  case modulusTooSmall = "modulus_too_small"
  /// The RSA modulus has more than 8,192 bits, or testing the moduli of this set costs too much.
  case modulusTooLarge = "modulus_too_large"
  /// The RSA modulus is even, has a tiny factor or is a prime.
  case modulusWeak = "modulus_weak"
  /// The RSA modulus has the ROCA fingerprint (CVE-2017-15361).
  case modulusROCA = "modulus_roca"
  /// The RSA exponent is even, less than 3 or longer than 32 bits.
  case exponentForbidden = "exponent_forbidden"
  /// The point is not on its curve, or not canonically encoded.
  case pointInvalid = "point_invalid"
  /// The Ed25519 point has small order: it verifies signatures that nobody made.
  case pointSmallOrder = "point_small_order"
  /// The secret is shorter than the hash of its algorithm (RFC 7518 §3.2).
  case secretTooShort = "secret_too_short"
  /// Every byte of the secret is zero.
  case secretZero = "secret_zero"
  /// `x5c` is not a list of certificates in base64 (RFC 7517 §4.7).
  case certificateMalformed = "certificate_malformed"
  /// The configuration says that the key of this name was withdrawn.
  case revoked = "revoked"
  /// The first certificate of `x5c` has another public key, or `x5t` is not its thumbprint.
  case certificateMismatch = "certificate_mismatch"
}

/// One key of a set that is not used, and why.
public struct SkippedKey: Sendable, Hashable {
  /// Its position in the `keys` array.
  public let index: Int
  /// Its `kid`, if it has a usable one.
  public let id: KeyID?
  /// Why it is not used.
  public let problem: KeyProblem
}

/// Why a key set is refused as a whole.
public enum KeySetProblem: Error, Sendable, Hashable {
  /// Longer than 1 MiB.
  case tooLarge
  /// Not strict JSON, or not an object with an array `keys` (RFC 7517 §5).
  case malformed
  /// More than 100 keys.
  case tooManyKeys
  /// A private or symmetric key where only public keys belong (RFC 7517 §9.2). The owner of the set
  /// has leaked it and must replace the key.
  case privateMaterial
  /// Symmetric and asymmetric keys in one set, or asymmetric keys in a symmetric one: the ground
  /// for algorithm confusion (RFC 8725 §2.1).
  case mixedKeyTypes
  /// Two keys with the same `kid`, compared by bytes.
  case duplicateKeyID
  /// No key can be used; the list says why.
  case noUsableKeys([SkippedKey])
}
