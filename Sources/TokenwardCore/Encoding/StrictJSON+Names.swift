// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

// Duplicate member names. `{"aud":"a","aud":"b"}` is "a" for JSONDecoder and "b" for
// JSONSerialization; a pair of services that disagree is an authorization bypass (RFC 8725 §2.4
// warns of such differences in parsing). The search is linear, so that 8 KiB of names before the
// signature is checked cost no more than 8 KiB of anything else.

extension [JSONEntry] {
  /// Whether two names of the closed object at `index` are equal after unescaping.
  func hasDuplicateName(inObjectAt index: Int, of text: Span<UInt8>) -> Bool {
    let count = Int(self[index].end)
    return count <= 32
      ? self.hasDuplicateNameAmongFew(inObjectAt: index, count: count, of: text)
      : self.hasDuplicateNameAmongMany(inObjectAt: index, count: count, of: text)
  }

  /// One bit per hash tells most names apart; only a shared bit makes us look at earlier names.
  private func hasDuplicateNameAmongFew(
    inObjectAt object: Int,
    count: Int,
    of text: Span<UInt8>
  ) -> Bool {
    var seen: UInt64 = 0
    var name = object + 1
    for ordinal in 0 ..< count {
      let bit: UInt64 = 1 << UInt64(self[name].link & 63)
      if seen & bit != 0 {
        var earlier = object + 1
        for _ in 0 ..< ordinal {
          if self.isSameName(earlier, name, of: text) { return true }
          earlier = self.name(after: earlier)
        }
      }
      seen |= bit
      name = self.name(after: name)
    }
    return false
  }

  /// An open-addressing table of tape indices, at most half full.
  private func hasDuplicateNameAmongMany(
    inObjectAt object: Int,
    count: Int,
    of text: Span<UInt8>
  ) -> Bool {
    let mask = 1 << (Int.bitWidth - count.leadingZeroBitCount + 1) - 1
    var table = [UInt32](repeating: 0, count: mask + 1)
    var name = object + 1
    for _ in 0 ..< count {
      var slot = Int(self[name].link) & mask
      while table[slot] != 0 {
        if self.isSameName(Int(table[slot]), name, of: text) { return true }
        slot = (slot + 1) & mask
      }
      table[slot] = UInt32(truncatingIfNeeded: name)
      name = self.name(after: name)
    }
    return false
  }

  private func isSameName(_ left: Int, _ right: Int, of text: Span<UInt8>) -> Bool {
    self[left].link == self[right].link && self[left].equals(self[right], in: text)
  }

  private func name(after name: Int) -> Int {
    self[name + 1].next(after: name + 1)
  }
}

extension JSONEntry {
  /// A hash of the unescaped bytes: equal for `exp` and `\u0065xp`.
  func hash(in text: Span<UInt8>, key: UInt64) -> UInt32 {
    var state = JSONNameHash(key: key)
    if self.isEscaped {
      var decoder = JSONUnescaper(self)
      while let byte = decoder.next(text) { state.combine(byte) }
      return state.finish()
    }
    var position = Int(self.start)
    let end = Int(self.end)
    while position <= end - 8 {
      state.combine(word: text.word(at: position))
      position += 8
    }
    if position < end, position <= text.count - 8 {
      state.combine(tail: text.word(at: position), count: end - position)
    } else {
      while position < end {
        state.combine(text[position])
        position += 1
      }
    }
    return state.finish()
  }
}

/// A multiply-and-fold hash with a key per process, so that nobody prepares names that collide.
struct JSONNameHash {
  static let key = UInt64.random(in: .min ... .max)
  private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

  private var state: UInt64
  private var partial: UInt64 = 0
  private var partialCount = 0

  init(key: UInt64) {
    self.state = key
  }

  mutating func combine(word: UInt64) {
    let product = (self.state ^ word).multipliedFullWidth(by: Self.multiplier)
    self.state = (product.high ^ product.low) &+ Self.multiplier
  }

  mutating func combine(tail word: UInt64, count: Int) {
    self.partial = word & ~(UInt64.max << UInt64(count * 8))
    self.partialCount = count
  }

  mutating func combine(_ byte: UInt8) {
    self.partial |= UInt64(byte) << UInt64(self.partialCount * 8)
    self.partialCount += 1
    guard self.partialCount == 8 else { return }
    self.combine(word: self.partial)
    self.partial = 0
    self.partialCount = 0
  }

  mutating func finish() -> UInt32 {
    self.combine(word: self.partial)
    // The count tells "a" and "a\u0000" apart; names of equal hash are compared all the same.
    self.combine(word: UInt64(truncatingIfNeeded: self.partialCount))
    return UInt32(truncatingIfNeeded: self.state)
  }
}
