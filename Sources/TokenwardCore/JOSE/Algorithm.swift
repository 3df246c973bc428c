// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// A signature algorithm of JSON Web Signature (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).
///
/// The raw value is the exact name in the `alg` header parameter. There is no case for `none`: an
/// unsecured token cannot be represented, so it cannot be accepted (CVE-2015-9235).
public enum Algorithm: String, Sendable, Hashable, CaseIterable {
  /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
  case rs256 = "RS256"
  /// RSASSA-PKCS1-v1_5 with SHA-384 (RFC 7518 §3.3).
  case rs384 = "RS384"
  /// RSASSA-PKCS1-v1_5 with SHA-512 (RFC 7518 §3.3).
  case rs512 = "RS512"
  /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 7518 §3.5).
  case ps256 = "PS256"
  /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes (RFC 7518 §3.5).
  case ps384 = "PS384"
  /// RSASSA-PSS with SHA-512, MGF1 with SHA-512 and a salt of 64 bytes (RFC 7518 §3.5).
  case ps512 = "PS512"
  /// ECDSA over P-256 with SHA-256 (RFC 7518 §3.4).
  case es256 = "ES256"
  /// ECDSA over P-384 with SHA-384 (RFC 7518 §3.4).
  case es384 = "ES384"
  /// ECDSA over P-521 with SHA-512 (RFC 7518 §3.4).
  case es512 = "ES512"
  /// EdDSA under its polymorphic name; only Ed25519 keys are supported (RFC 8037 §3.1).
  case eddsa = "EdDSA"
  /// Ed25519 under its fully specified name (RFC 9864 §2.2). It is not a synonym of ``eddsa``: each
  /// name works only where it is listed.
  case ed25519 = "Ed25519"
  /// HMAC with SHA-256 (RFC 7518 §3.2).
  case hs256 = "HS256"
  /// HMAC with SHA-384 (RFC 7518 §3.2).
  case hs384 = "HS384"
  /// HMAC with SHA-512 (RFC 7518 §3.2).
  case hs512 = "HS512"

  /// The algorithm with this name, compared byte by byte: letter case, white space and look-alikes
  /// are other names (RFC 7515 §4.1.1, CVE-2026-34950).
  public init?(exactly name: [UInt8]) {
    for candidate in Self.allCases where candidate.rawValue.utf8.elementsEqual(name) {
      self = candidate
      return
    }
    return nil
  }

  /// The algorithm with this name. Written by hand because the compiler would compare with
  /// `String ==`, which is Unicode canonical equivalence.
  public init?(rawValue: String) { self.init(exactly: Array(rawValue.utf8)) }

  /// Whether the key is a secret that signer and verifier share.
  public var isSymmetric: Bool { AlgorithmSet.symmetric.contains(self) }
}

/// A set of algorithms, as one word.
public struct AlgorithmSet: Sendable, Hashable, ExpressibleByArrayLiteral {
  private var bits: UInt16

  /// The set of these algorithms.
  public init(_ algorithms: some Sequence<Algorithm>) {
    self.bits = algorithms.reduce(0) { $0 | $1.bit }
  }

  /// The set of these algorithms.
  public init(arrayLiteral elements: Algorithm...) { self.init(elements) }

  /// Every algorithm there is. Only for a caller whose keys say what they are for, such as
  /// `jose verify` without a list.
  package static let all = AlgorithmSet(Algorithm.allCases)
  /// The algorithms of RSA keys.
  package static let rsa: AlgorithmSet = [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
  /// The algorithms of Ed25519 keys.
  package static let edwards: AlgorithmSet = [.eddsa, .ed25519]
  /// The algorithms of shared secrets.
  package static let symmetric: AlgorithmSet = [.hs256, .hs384, .hs512]

  /// Whether no algorithm is in the set.
  public var isEmpty: Bool { self.bits == 0 }

  /// Whether the algorithm is in the set.
  public func contains(_ algorithm: Algorithm) -> Bool { self.bits & algorithm.bit != 0 }

  /// Whether every algorithm of the set is in the other one.
  public func isSubset(of other: AlgorithmSet) -> Bool { self.bits & ~other.bits == 0 }

  /// What both sets contain.
  public func intersection(_ other: AlgorithmSet) -> AlgorithmSet {
    var result = self
    result.bits &= other.bits
    return result
  }
}

extension Algorithm {
  /// Position in tables by algorithm.
  package var ordinal: Int {
    switch self {
    case .rs256: 0
    case .rs384: 1
    case .rs512: 2
    case .ps256: 3
    case .ps384: 4
    case .ps512: 5
    case .es256: 6
    case .es384: 7
    case .es512: 8
    case .eddsa: 9
    case .ed25519: 10
    case .hs256: 11
    case .hs384: 12
    case .hs512: 13
    }
  }

  fileprivate var bit: UInt16 { 1 << UInt16(self.ordinal) }
}
