// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The checks that make an RSA public key worth anything (RFC 7518 §3.3, RFC 8725 §3.5). They run
/// when a set is loaded, never per token.
enum RSAPublicNumbers {
  /// Longer moduli only cost: verification time grows with the square of the length.
  static let modulusBits = 2_048 ... 8_192

  /// - Parameters:
  ///   - modulus: big-endian, without leading zeros.
  ///   - exponent: big-endian, without leading zeros.
  static func check(
    modulus: [UInt8],
    exponent: [UInt8],
    budget: inout ModulusBudget
  ) throws(KeyProblem) {
    guard let first = modulus.first, let last = modulus.last else { throw .memberMalformed }
    let bits = modulus.count * 8 - first.leadingZeroBitCount
    guard bits >= self.modulusBits.lowerBound else { throw .modulusTooSmall }
    guard bits <= self.modulusBits.upperBound else { throw .modulusTooLarge }
    try self.checkExponent(exponent)
    guard last & 1 == 1 else { throw .modulusWeak }
    try self.checkSmallPrimes(modulus)
    // Whoever knows that n is prime knows φ(n) = n − 1, and with it the private exponent.
    guard budget.spend(bits: bits) else { throw .modulusTooLarge }
    guard !Montgomery(modulus: modulus).modulusIsProbablePrime() else { throw .modulusWeak }
  }

  /// With e = 1 a signature is the padded hash itself; with an even e there is no private exponent;
  /// a long e costs time in each verification (catalogue K02).
  private static func checkExponent(_ exponent: [UInt8]) throws(KeyProblem) {
    guard exponent.count <= 4 else { throw .exponentForbidden }
    let value = exponent.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard value >= 3, value & 1 == 1 else { throw .exponentForbidden }
  }

  /// Refuses moduli with a tiny factor and those that Infineon's library made (CVE-2017-15361).
  ///
  /// ROCA primes are k·M + (65537^a mod M) where M is the product of the first primes, so modulo
  /// each of these primes n is a power of 65537. For an honest modulus that holds for all primes at
  /// once with a probability under 2⁻²⁷. The list is that of the shortest ROCA keys; for longer
  /// ones M has these factors too.
  private static func checkSmallPrimes(_ modulus: [UInt8]) throws(KeyProblem) {
    var hasFingerprint = true
    for prime in self.smallPrimes {
      let residue = modulus.reduce(UInt32(0)) { ($0 << 8 | UInt32($1)) % prime }
      guard residue != 0 else { throw .modulusWeak }
      hasFingerprint = hasFingerprint && self.isPowerOf65537(residue, modulo: prime)
    }
    guard !hasFingerprint else { throw .modulusROCA }
  }

  private static func isPowerOf65537(_ residue: UInt32, modulo prime: UInt32) -> Bool {
    let generator = 65_537 % prime
    var power: UInt32 = 1
    repeat {
      if power == residue { return true }
      power = power * generator % prime
    } while power != 1
    return false
  }

  private static let smallPrimes: [UInt32] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
  ]
}

/// How much testing of moduli one set may cost. The time of a test grows with the cube of the
/// length, and a set of 100 moduli of 8,192 bits would keep a core busy for half a minute.
package struct ModulusBudget {
  /// In tests of 2,048 bits: 100 keys of 4,096 bits or 12 of 8,192.
  private var left = 800

  package init() {}

  /// Whether one more test of a modulus of this length may run; counts it if so.
  package mutating func spend(bits: Int) -> Bool {
    let units = (bits + 2_047) / 2_048
    let cost = units * units * units
    guard cost <= self.left else { return false }
    self.left -= cost
    return true
  }
}
