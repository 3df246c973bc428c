// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Arithmetic modulo an odd number (Montgomery multiplication, word by word). Only for public
/// numbers when a key is loaded: its time depends on the operands.
struct Montgomery {
  /// Little-endian words. All of them have this count.
  private let modulus: [UInt64]
  /// −n⁻¹ modulo 2⁶⁴.
  private let inverse: UInt64
  /// 1 in Montgomery form: R modulo n with R = 2^(64·count).
  let one: [UInt64]

  /// - Parameter modulus: big-endian, odd, its first byte not zero.
  init(modulus bytes: [UInt8]) {
    let modulus = Self.words(bytes, count: (bytes.count + 7) / 8)
    self.modulus = modulus
    // Newton's iteration doubles the number of right bits: n·n = 1 modulo 8 for odd n.
    var inverse = modulus[0]
    for _ in 0 ..< 5 { inverse = inverse &* (2 &- modulus[0] &* inverse) }
    self.inverse = 0 &- inverse
    // Doubling 1 as often as R has bits.
    var power = [UInt64](repeating: 0, count: modulus.count)
    power[0] = 1
    for _ in 0 ..< modulus.count * 64 { Self.double(&power, modulo: modulus) }
    self.one = power
  }

  /// A number below the modulus in Montgomery form.
  func enter(_ bytes: [UInt8]) -> [UInt64] {
    var result = Self.words(bytes, count: self.modulus.count)
    for _ in 0 ..< self.modulus.count * 64 { Self.double(&result, modulo: self.modulus) }
    return result
  }

  /// Fermat's test to base 2: for a prime n, 2^(n−1) is 1. A composite that passes is refused
  /// though it might be good, which does not happen by chance.
  func modulusIsProbablePrime() -> Bool {
    var exponent = self.modulus
    exponent[0] -= 1
    var result = self.one
    var scratch = self.scratch
    for word in exponent.reversed() {
      for bit in (0 ..< 64).reversed() {
        self.multiply(&result, by: result, scratch: &scratch)
        // Multiplying by the base is doubling.
        if word >> UInt64(bit) & 1 == 1 { Self.double(&result, modulo: self.modulus) }
      }
    }
    return result == self.one
  }

  /// The base to a power; the exponent in little-endian words.
  func power(_ base: [UInt64], _ exponent: [UInt64]) -> [UInt64] {
    var result = self.one
    var scratch = self.scratch
    for word in exponent.reversed() {
      for bit in (0 ..< 64).reversed() {
        self.multiply(&result, by: result, scratch: &scratch)
        if word >> UInt64(bit) & 1 == 1 {
          self.multiply(&result, by: base, scratch: &scratch)
        }
      }
    }
    return result
  }

  func product(_ left: [UInt64], _ right: [UInt64]) -> [UInt64] {
    var result = left
    var scratch = self.scratch
    self.multiply(&result, by: right, scratch: &scratch)
    return result
  }

  func sum(_ left: [UInt64], _ right: [UInt64]) -> [UInt64] {
    var result = left
    var carry: UInt64 = 0
    for index in result.indices {
      let (low, carry1) = left[index].addingReportingOverflow(right[index])
      let (total, carry2) = low.addingReportingOverflow(carry)
      result[index] = total
      carry = carry1 || carry2 ? 1 : 0
    }
    if carry == 1 || !Self.isLess(result, self.modulus) {
      Self.subtract(self.modulus, from: &result)
    }
    return result
  }

  private var scratch: [UInt64] { [UInt64](repeating: 0, count: self.modulus.count + 2) }

  /// result · factor · R⁻¹ modulo n.
  private func multiply(
    _ result: inout [UInt64],
    by factor: [UInt64],
    scratch: inout [UInt64]
  ) {
    let count = self.modulus.count
    // The one place where lengths matter to memory safety: all operands come from this type, which
    // makes no other length.
    guard result.count == count, factor.count == count, scratch.count == count + 2 else { return }
    unsafe scratch.withUnsafeMutableBufferPointer { sum in
      unsafe result.withUnsafeBufferPointer { a in
        unsafe factor.withUnsafeBufferPointer { b in
          unsafe self.modulus.withUnsafeBufferPointer { n in
            guard let sum = sum.baseAddress, let a = a.baseAddress, let b = b.baseAddress,
              let n = n.baseAddress
            else { return }
            unsafe Self.multiply(a, b, modulo: n, inverse: self.inverse, count: count, into: sum)
          }
        }
      }
    }
    for index in result.indices { result[index] = scratch[index] }
    if scratch[count] != 0 || !Self.isLess(result, self.modulus) {
      Self.subtract(self.modulus, from: &result)
    }
  }

  /// Koç, Acar, Kaliski, "Analyzing and comparing Montgomery multiplication algorithms" (1996):
  /// coarsely integrated operand scanning. Pointers, because the inner loops run four million times
  /// for a modulus of 2,048 bits, which is slow with checked accesses, above all in debug builds.
  private static func multiply(
    _ a: UnsafePointer<UInt64>,
    _ b: UnsafePointer<UInt64>,
    modulo n: UnsafePointer<UInt64>,
    inverse: UInt64,
    count: Int,
    into sum: UnsafeMutablePointer<UInt64>
  ) {
    unsafe sum.update(repeating: 0, count: count + 2)
    var i = 0
    while i < count {
      let digit = unsafe b[i]
      var carry: UInt64 = 0
      var j = 0
      while j < count {
        let low = unsafe Self.multiplyAdd(a[j], digit, sum[j], &carry)
        unsafe sum[j] = low
        j &+= 1
      }
      let (high, overflow) = unsafe sum[count].addingReportingOverflow(carry)
      let above: UInt64 = overflow ? 1 : 0

      let factor = unsafe sum[0] &* inverse
      carry = 0
      _ = unsafe Self.multiplyAdd(factor, n[0], sum[0], &carry)
      j = 1
      while j < count {
        let low = unsafe Self.multiplyAdd(factor, n[j], sum[j], &carry)
        unsafe sum[j &- 1] = low
        j &+= 1
      }
      let (top, overflow2) = high.addingReportingOverflow(carry)
      unsafe sum[count &- 1] = top
      unsafe sum[count] = above &+ (overflow2 ? 1 : 0)
      i &+= 1
    }
  }

  /// a · b + c + carry, which always fits in two words; the high one is the new carry.
  @inline(__always)
  private static func multiplyAdd(
    _ a: UInt64,
    _ b: UInt64,
    _ c: UInt64,
    _ carry: inout UInt64
  ) -> UInt64 {
    let (high, low) = a.multipliedFullWidth(by: b)
    let (low1, overflow1) = low.addingReportingOverflow(c)
    let (low2, overflow2) = low1.addingReportingOverflow(carry)
    carry = high &+ (overflow1 ? 1 : 0) &+ (overflow2 ? 1 : 0)
    return low2
  }

  private static func double(_ number: inout [UInt64], modulo modulus: [UInt64]) {
    var carry: UInt64 = 0
    for index in number.indices {
      let next = number[index] >> 63
      number[index] = number[index] << 1 | carry
      carry = next
    }
    if carry == 1 || !self.isLess(number, modulus) { self.subtract(modulus, from: &number) }
  }

  private static func isLess(_ left: [UInt64], _ right: [UInt64]) -> Bool {
    for index in left.indices.reversed() where left[index] != right[index] {
      return left[index] < right[index]
    }
    return false
  }

  private static func subtract(_ right: [UInt64], from left: inout [UInt64]) {
    var borrow: UInt64 = 0
    for index in left.indices {
      let (difference, borrow1) = left[index].subtractingReportingOverflow(right[index])
      let (result, borrow2) = difference.subtractingReportingOverflow(borrow)
      left[index] = result
      borrow = borrow1 || borrow2 ? 1 : 0
    }
  }

  /// Little-endian words of a big-endian number.
  private static func words(_ bytes: [UInt8], count: Int) -> [UInt64] {
    var words = [UInt64](repeating: 0, count: count)
    for (index, byte) in bytes.reversed().enumerated() {
      words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8)
    }
    return words
  }
}
