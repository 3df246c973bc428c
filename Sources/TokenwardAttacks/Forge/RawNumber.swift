// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// As much arithmetic on long natural numbers as forging signatures takes: no speed, no secrets.
struct RawNumber: Sendable, Equatable {
  /// Least significant first, without leading zeros.
  private var limbs: [UInt32]

  init(bigEndian bytes: [UInt8]) {
    self.limbs = stride(from: bytes.count, to: 0, by: -4).map { end in
      bytes[max(0, end - 4) ..< end].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    self.trim()
  }

  init(littleEndian bytes: [UInt8]) { self.init(bigEndian: bytes.reversed()) }

  private init(limbs: [UInt32]) {
    self.limbs = limbs
    self.trim()
  }

  /// Big-endian with leading zeros up to the length; longer numbers keep all their bytes.
  func bigEndian(length: Int) -> [UInt8] {
    var bytes = self.limbs.reversed().flatMap { limb in
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: limb >> $0) }
    }
    while bytes.count > length, bytes.first == 0 { bytes.removeFirst() }
    return [UInt8](repeating: 0, count: max(0, length - bytes.count)) + bytes
  }

  func littleEndian(length: Int) -> [UInt8] { self.bigEndian(length: length).reversed() }

  static func + (left: RawNumber, right: RawNumber) -> RawNumber {
    var limbs: [UInt32] = []
    var carry: UInt64 = 0
    for index in 0 ..< max(left.limbs.count, right.limbs.count) + 1 {
      let sum = carry + UInt64(left[index]) + UInt64(right[index])
      limbs.append(UInt32(truncatingIfNeeded: sum))
      carry = sum >> 32
    }
    return RawNumber(limbs: limbs)
  }

  /// - Precondition: `right` is not greater than `left`.
  static func - (left: RawNumber, right: RawNumber) -> RawNumber {
    var limbs: [UInt32] = []
    var borrow: Int64 = 0
    for index in left.limbs.indices {
      let difference = Int64(left[index]) - Int64(right[index]) - borrow
      limbs.append(UInt32(truncatingIfNeeded: difference))
      borrow = difference < 0 ? 1 : 0
    }
    return RawNumber(limbs: limbs)
  }

  static func * (left: RawNumber, right: RawNumber) -> RawNumber {
    var limbs = [UInt32](repeating: 0, count: left.limbs.count + right.limbs.count)
    for (i, a) in left.limbs.enumerated() {
      var carry: UInt64 = 0
      for (j, b) in right.limbs.enumerated() {
        let sum = UInt64(a) * UInt64(b) + UInt64(limbs[i + j]) + carry
        limbs[i + j] = UInt32(truncatingIfNeeded: sum)
        carry = sum >> 32
      }
      limbs[i + right.limbs.count] = UInt32(truncatingIfNeeded: carry)
    }
    return RawNumber(limbs: limbs)
  }

  static func < (left: RawNumber, right: RawNumber) -> Bool {
    guard left.limbs.count == right.limbs.count else {
      return left.limbs.count < right.limbs.count
    }
    return left.limbs.reversed().lexicographicallyPrecedes(right.limbs.reversed())
  }

  /// The greatest number whose cube is not greater.
  /// - Parameter bits: an upper bound of its length.
  func cubeRoot(bits: Int) -> RawNumber {
    var root = RawNumber(limbs: [])
    for bit in stride(from: bits - 1, through: 0, by: -1) {
      var limbs = [UInt32](repeating: 0, count: bit / 32 + 1)
      limbs[bit / 32] = 1 << UInt32(bit % 32)
      let candidate = root + RawNumber(limbs: limbs)
      if !(self < candidate * candidate * candidate) { root = candidate }
    }
    return root
  }

  func remainder(by divisor: UInt32) -> UInt32 {
    var rest: UInt64 = 0
    for limb in self.limbs.reversed() { rest = (rest << 32 | UInt64(limb)) % UInt64(divisor) }
    return UInt32(rest)
  }

  private subscript(index: Int) -> UInt32 {
    self.limbs.indices.contains(index) ? self.limbs[index] : 0
  }

  private mutating func trim() {
    while self.limbs.last == 0 { self.limbs.removeLast() }
  }
}
