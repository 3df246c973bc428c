// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// A checksum over what is kept, so that what a disk returns is known to be what was written.
///
/// Each step is a bijection of the state for a given word, and of the word for a given state: a change
/// within any one word of eight bytes always changes the sum, other changes with a probability of
/// 1 − 2⁻⁶⁴. It is no protection from somebody who writes to the database; that is what the rights of
/// the file and the pepper are for.
struct RowChecksum {
  private(set) var value: UInt64 = 0x7477_6B5F_726F_7773

  mutating func combine(_ word: UInt64) {
    self.value = (self.value ^ word) &* 0x9E37_79B9_7F4A_7C15
    self.value ^= self.value >> 32
  }

  mutating func combine(_ number: Int64) { self.combine(UInt64(bitPattern: number)) }

  mutating func combine(_ bytes: UnsafeRawBufferPointer) {
    self.combine(UInt64(bytes.count))
    var position = 0
    while bytes.count - position >= 8 {
      let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      self.combine(UInt64(littleEndian: word))
      position += 8
    }
    var rest: UInt64 = 0
    while position < bytes.count {
      rest = rest << 8 | UInt64(bytes[position])
      position += 1
    }
    self.combine(rest)
  }

  mutating func combine(_ bytes: [UInt8]) { bytes.withUnsafeBytes { self.combine($0) } }
}
