// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import CTokenwardHints

/// A part of the table of API tokens: open addressing with linear probing.
///
/// A slot has the whole hash beside the record, so that the records of others are not touched, neither
/// by a look-up nor when the table grows: a record that is not in the processor's memory takes as long
/// to read as its digest takes to compute.
struct APITokenShard: Sendable {
  /// Most records of one shard.
  static let mostRecords = 1 << 24 - 1

  private struct Slot: Sendable {
    var hash: UInt64
    var record: APITokenRecord?
    static let empty = Slot(hash: 0, record: nil)
  }

  /// A power of two, never more than three quarters full.
  private var slots = [Slot](repeating: .empty, count: 8)
  private(set) var count = 0

  /// - Parameter hash: that of the key.
  func find(_ key: APITokenKey, hash: UInt64) -> APITokenRecord? {
    let position = self.probe(hash) { $0.key == key }
    return self.slots[position].record
  }

  /// - Parameter hash: that of the key.
  func has(_ key: APITokenKey, hash: UInt64) -> Bool { self.find(key, hash: hash) != nil }

  /// The record of a key, or else one that stands in for it: the next one in the table. What follows
  /// takes as long then, and the memory that is read is as cold.
  func findOrDecoy(_ key: APITokenKey, hash: UInt64) -> APITokenRecord? {
    self.slots[self.occupied(from: self.probe(hash) { $0.key == key })].record
  }

  /// Has the processor fetch the record that a look-up is going to need, decoy or not.
  func prefetch(hash: UInt64) {
    let position = self.occupied(from: self.probe(hash) { _ in true })
    unsafe self.slots.withUnsafeBytes { bytes in
      // The bits of the reference: to take the reference itself would be to wait for the memory.
      let reference = unsafe bytes.load(
        fromByteOffset: position * MemoryLayout<Slot>.stride + MemoryLayout<UInt64>.stride,
        as: UInt.self
      )
      unsafe tokenward_prefetch(UnsafeRawPointer(bitPattern: reference), 2)
    }
  }

  /// Where the slots lie in memory, for ``APITokenSnapshot`` to have them fetched without a lock.
  var place: (address: UInt, mask: UInt64) {
    (unsafe self.slots.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }, self.mask)
  }

  static func address(in place: (address: UInt, mask: UInt64), hash: UInt64) -> UInt {
    place.address &+ UInt(hash & place.mask) &* UInt(MemoryLayout<Slot>.stride)
  }

  /// - Returns: the record in whose place this one is now; nil if there was none.
  /// - Parameter hash: that of its key.
  mutating func put(_ record: APITokenRecord, hash: UInt64) -> APITokenRecord? {
    if (self.count + 1) * 4 > self.slots.count * 3 { self.grow() }
    let position = self.probe(hash) { $0.key == record.key }
    let old = self.slots[position].record
    self.slots[position] = Slot(hash: hash, record: record)
    if old == nil { self.count += 1 }
    return old
  }

  mutating func remove(_ key: APITokenKey, hash: UInt64) -> APITokenRecord? {
    let position = self.probe(hash) { $0.key == key }
    guard let old = self.slots[position].record else { return nil }
    self.close(position)
    self.count -= 1
    return old
  }

  // MARK: - Slots

  private var mask: UInt64 { UInt64(self.slots.count - 1) }

  private func home(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash & self.mask) }

  private func after(_ position: Int) -> Int { (position + 1) & (self.slots.count - 1) }

  /// The slot with a hash and a record that is meant, or else the empty one where it would be.
  @inline(__always)
  private func probe(_ hash: UInt64, where isMeant: (APITokenRecord) -> Bool) -> Int {
    var position = self.home(hash)
    while self.slots[position].record != nil {
      if self.slots[position].hash == hash, let record = self.slots[position].record,
        isMeant(record)
      {
        return position
      }
      position = self.after(position)
    }
    return position
  }

  /// The slot or, if it is empty, the next one that is not; itself in an empty table.
  private func occupied(from start: Int) -> Int {
    var position = start
    while self.slots[position].record == nil, self.count > 0 { position = self.after(position) }
    return position
  }

  /// Empties a slot, and moves those behind it up, so that none is cut off from its home.
  private mutating func close(_ position: Int) {
    let mask = self.slots.count - 1
    var gap = position
    var next = self.after(gap)
    while self.slots[next].record != nil {
      if (next - self.home(self.slots[next].hash)) & mask >= (next - gap) & mask {
        self.slots.swapAt(gap, next)
        gap = next
      }
      next = self.after(next)
    }
    self.slots[gap] = .empty
  }

  private mutating func grow() {
    let old = self.slots
    self.slots = [Slot](repeating: .empty, count: old.count * 2)
    for slot in old where slot.record != nil {
      self.slots[self.probe(slot.hash) { _ in false }] = slot
    }
  }
}
