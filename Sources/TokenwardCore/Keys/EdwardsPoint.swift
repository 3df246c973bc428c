// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The checks of an Ed25519 public key that the signature check does not make (RFC 8032 §5.1.3).
enum EdwardsPoint {
  /// Refuses encodings that are not canonical, not on the curve, or of small order.
  ///
  /// Under a point of small order one signature is valid for many messages, so whoever gets such a
  /// key into a set can claim anything was signed.
  static func check(_ encoding: [UInt8]) throws(KeyProblem) {
    guard encoding.count == 32 else { throw .pointInvalid }
    var y = encoding
    y[31] &= 0x7F
    y.reverse()
    // Big-endian now, so the order of bytes is that of numbers. y = 0, 1 and −1 and the two below
    // are all the points of the 8-torsion, whatever the sign of x.
    guard y.lexicographicallyPrecedes(self.prime) else { throw .pointInvalid }
    guard !self.smallOrder.contains(y) else { throw .pointSmallOrder }
    guard self.isOnCurve(y) else { throw .pointInvalid }
  }

  /// Whether some x satisfies −x² + y² = 1 + d·x²·y²: x² = (y² − 1) / (d·y² + 1) is a square if
  /// and only if (y² − 1)·(d·y² + 1) is one, which Euler's criterion decides. The product is not
  /// zero here: y² = 1 has small order, and −1/d is not a square.
  private static func isOnCurve(_ y: [UInt8]) -> Bool {
    let field = Montgomery(modulus: self.prime)
    let square = field.product(field.enter(y), field.enter(y))
    let numerator = field.sum(square, field.enter(self.minusOne))
    let denominator = field.sum(field.product(field.enter(self.d), square), field.one)
    // (p − 1) / 2 = 2²⁵⁴ − 10
    let exponent: [UInt64] = [0xFFFF_FFFF_FFFF_FFF6, .max, .max, 0x3FFF_FFFF_FFFF_FFFF]
    return field.power(field.product(numerator, denominator), exponent) == field.one
  }

  // Big-endian.
  private static let prime = [0x7F] + [UInt8](repeating: 0xFF, count: 30) + [0xED]
  private static let zero = [UInt8](repeating: 0, count: 32)
  private static let one = [UInt8](repeating: 0, count: 31) + [1]
  private static let minusOne = [0x7F] + [UInt8](repeating: 0xFF, count: 30) + [0xEC]

  /// −121665 / 121666.
  private static let d: [UInt8] = [
    0x52, 0x03, 0x6C, 0xEE, 0x2B, 0x6F, 0xFE, 0x73, 0x8C, 0xC7, 0x40, 0x79, 0x77, 0x79, 0xE8, 0x98,
    0x00, 0x70, 0x0A, 0x4D, 0x41, 0x41, 0xD8, 0xAB, 0x75, 0xEB, 0x4D, 0xCA, 0x13, 0x59, 0x78, 0xA3,
  ]

  private static let smallOrder: [[UInt8]] = [
    zero, one, minusOne,
    [
      0x05, 0xFC, 0x53, 0x6D, 0x88, 0x02, 0x38, 0xB1, 0x39, 0x33, 0xC6, 0xD3, 0x05, 0xAC, 0xDF,
      0xD5, 0xF0, 0x98, 0xEF, 0xF2, 0x89, 0xF4, 0xC3, 0x45, 0xB0, 0x27, 0xB2, 0xC2, 0x8F, 0x95,
      0xE8, 0x26,
    ],
    [
      0x7A, 0x03, 0xAC, 0x92, 0x77, 0xFD, 0xC7, 0x4E, 0xC6, 0xCC, 0x39, 0x2C, 0xFA, 0x53, 0x20,
      0x2A, 0x0F, 0x67, 0x10, 0x0D, 0x76, 0x0B, 0x3C, 0xBA, 0x4F, 0xD8, 0x4D, 0x3D, 0x70, 0x6A,
      0x17, 0xC7,
    ],
  ]
}
