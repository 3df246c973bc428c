// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// A part of the table of API tokens: a list of records, and an index of it with open addressing.
///
/// The index has some bits of each hash, so that the records of others are hardly ever touched; and
/// the list has no gaps, so that one of them can stand in for an id that nobody has.
struct APITokenShard: Sendable {
  /// Most records of one shard: what the index has bits for.
  static let mostRecords = 1 << 24 - 1

  private var records: [APITokenRecord] = []
  /// Eight bits of hash above the number of a record plus one; zero where there is none. A power of
  /// two, never more than five eighths full.
  private var index: [UInt32] = [UInt32](repeating: 0, count: 8)

  var count: Int { self.records.count }

  /// - Parameter hash: that of the key.
  func find(_ key: APITokenKey, hash: UInt64) -> APITokenRecord? {
    self.position(of: key, hash: hash).map { self.records[self.number(at: $0)] }
  }

  /// - Parameter hash: computes that of a key.
  func has(_ key: APITokenKey, hash: (APITokenKey) -> UInt64) -> Bool {
    self.position(of: key, hash: hash(key)) != nil
  }

  /// The record of a key, or else one that stands in for it: what follows takes as long then, and the
  /// memory that is read is as cold.
  func findOrDecoy(_ key: APITokenKey, hash: UInt64) -> APITokenRecord? {
    if let position = self.position(of: key, hash: hash) {
      return self.records[self.number(at: position)]
    }
    guard !self.records.isEmpty else { return nil }
    let (number, _) = UInt64(self.records.count).multipliedFullWidth(
      by: hash &* 0x9E37_79B9_7F4A_7C15
    )
    return self.records[Int(truncatingIfNeeded: number)]
  }

  /// - Returns: the record in whose place this one is now; nil if there was none.
  /// - Parameter hash: computes that of a key.
  mutating func put(
    _ record: APITokenRecord,
    hash: (APITokenKey) -> UInt64
  ) -> APITokenRecord? {
    let own = hash(record.key)
    if let position = self.position(of: record.key, hash: own) {
      let number = self.number(at: position)
      let old = self.records[number]
      self.records[number] = record
      return old
    }
    if (self.records.count + 1) * 8 > self.index.count * 5 { self.grow(hash: hash) }
    if self.records.count == self.records.capacity {
      // By a quarter: a doubled array is half empty.
      self.records.reserveCapacity(self.records.count + max(8, self.records.count / 4))
    }
    self.records.append(record)
    self.enter(number: self.records.count - 1, hash: own)
    return nil
  }

  mutating func remove(
    _ key: APITokenKey,
    hash: (APITokenKey) -> UInt64
  ) -> APITokenRecord? {
    guard let position = self.position(of: key, hash: hash(key)) else { return nil }
    let number = self.number(at: position)
    let old = self.records[number]
    self.leave(position, hash: hash)
    // The last record moves into the gap, and its entry says so.
    let last = self.records.count - 1
    if number != last {
      let moved = self.records[last]
      let own = hash(moved.key)
      if let position = self.position(of: moved.key, hash: own) {
        self.index[position] = Self.entry(number: number, hash: own)
      }
      self.records[number] = moved
    }
    self.records.removeLast()
    return old
  }

  // MARK: - Index

  private static func entry(number: Int, hash: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: hash >> 56) << 24 | UInt32(truncatingIfNeeded: number + 1)
  }

  private func home(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash) & (self.index.count - 1)
  }

  private func number(at position: Int) -> Int { Int(self.index[position] & 0xFF_FFFF) - 1 }

  private func position(of key: APITokenKey, hash: UInt64) -> Int? {
    let tag = UInt32(truncatingIfNeeded: hash >> 56)
    var position = self.home(hash)
    while self.index[position] != 0 {
      if self.index[position] >> 24 == tag, self.records[self.number(at: position)].key == key {
        return position
      }
      position = (position + 1) & (self.index.count - 1)
    }
    return nil
  }

  private mutating func enter(number: Int, hash: UInt64) {
    var position = self.home(hash)
    while self.index[position] != 0 { position = (position + 1) & (self.index.count - 1) }
    self.index[position] = Self.entry(number: number, hash: hash)
  }

  /// Moves the entries behind a removed one up, so that none is cut off from its home.
  private mutating func leave(_ position: Int, hash: (APITokenKey) -> UInt64) {
    let mask = self.index.count - 1
    var gap = position
    var next = (gap + 1) & mask
    while self.index[next] != 0 {
      let home = self.home(hash(self.records[self.number(at: next)].key))
      if (next - home) & mask >= (next - gap) & mask {
        self.index[gap] = self.index[next]
        gap = next
      }
      next = (next + 1) & mask
    }
    self.index[gap] = 0
  }

  private mutating func grow(hash: (APITokenKey) -> UInt64) {
    self.index = [UInt32](repeating: 0, count: self.index.count * 2)
    for number in self.records.indices {
      self.enter(number: number, hash: hash(self.records[number].key))
    }
  }
}
