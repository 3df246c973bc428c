// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Reads what ``RecordWriter`` wrote, and nothing else: a length that leads past the end, a flag that
/// is neither 0 nor 1, text that is not UTF-8 and bytes left over are all refused, because a record
/// that was damaged on the disk must not become another record.
package struct RecordReader {
  /// Not kept beyond ``decode(_:)``; every access is checked against its length.
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  /// That the bytes are no record.
  package struct Damage: Error, Sendable {}

  /// The record with this form.
  package static func decode(_ bytes: UnsafeRawBufferPointer) throws(Damage) -> StoreRecord {
    var reader = RecordReader(bytes)
    guard try reader.byte() == RecordWriter.form,
      let kind = StoreKey.Kind(rawValue: try reader.byte())
    else { throw Damage() }
    let record: StoreRecord =
      switch kind {
      case .token: .token(try reader.token())
      case .owner: .owner(try reader.owner())
      case .tenant: .tenant(try reader.tenant())
      case .role: .role(try reader.role())
      case .signingKey: .signingKey(try reader.signingKey())
      case .receipt: .receipt(try reader.receipt())
      case .withdrawn:
        .withdrawn(
          WithdrawnAccessToken(id: TokenID(try reader.text()), expiresAt: try reader.time())
        )
      }
    guard reader.position == reader.bytes.count else { throw Damage() }
    return record
  }

  /// The record with this form.
  package static func decode(_ bytes: [UInt8]) throws(Damage) -> StoreRecord {
    try bytes.withUnsafeBytes { bytes in
      Result { () throws(Damage) -> StoreRecord in try Self.decode(bytes) }
    }.get()
  }

  private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func byte() throws(Damage) -> UInt8 {
    guard self.position < self.bytes.count else { throw Damage() }
    let value = self.bytes[self.position]
    self.position += 1
    return value
  }

  mutating func number() throws(Damage) -> Int64 {
    guard self.bytes.count - self.position >= 8 else { throw Damage() }
    let value = self.bytes.loadUnaligned(fromByteOffset: self.position, as: UInt64.self)
    self.position += 8
    return Int64(bitPattern: UInt64(littleEndian: value))
  }

  mutating func uint32() throws(Damage) -> UInt32 {
    guard let value = UInt32(exactly: try self.number()) else { throw Damage() }
    return value
  }

  /// A length; never more than there are bytes left, so nothing is reserved for what is not there.
  private mutating func length() throws(Damage) -> Int {
    let length = try self.number()
    guard length >= 0, length <= Int64(self.bytes.count - self.position) else { throw Damage() }
    return Int(length)
  }

  mutating func blob() throws(Damage) -> [UInt8] {
    let length = try self.length()
    let range = self.position ..< self.position + length
    self.position += length
    return Array(self.bytes[range])
  }

  mutating func text() throws(Damage) -> String {
    let length = try self.length()
    let range = self.position ..< self.position + length
    self.position += length
    // Of a span: `String(validating:as:)` of a slice asks for generic metadata each time, which took a
    // quarter of the time to load a record.
    let bytes = UnsafeRawBufferPointer(rebasing: self.bytes[range])
    do {
      return String(copying: try UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span))
    } catch {
      throw Damage()
    }
  }

  mutating func flag() throws(Damage) -> Bool {
    switch try self.byte() {
    case 0: return false
    case 1: return true
    default: throw Damage()
    }
  }

  mutating func time() throws(Damage) -> UnixTime {
    let seconds = try self.number()
    let nanoseconds = try self.number()
    guard (0 ... 999_999_999).contains(nanoseconds) else { throw Damage() }
    return UnixTime(seconds: seconds, nanoseconds: Int32(nanoseconds))
  }

  mutating func optionalTime() throws(Damage) -> UnixTime? {
    try self.flag() ? try self.time() : nil
  }

  mutating func names<Name: ByteComparedText>(_ type: Name.Type) throws(Damage) -> [Name] {
    let count = try self.length()
    var names: [Name] = []
    names.reserveCapacity(min(count, AuthorityLimits.mostGrants))
    for _ in 0 ..< count { names.append(Name(try self.text())) }
    return names
  }

  mutating func texts() throws(Damage) -> [String] {
    var texts: [String] = []
    for _ in 0 ..< (try self.length()) { texts.append(try self.text()) }
    return texts
  }

  mutating func networks() throws(Damage) -> [NetworkPrefix] {
    var networks: [NetworkPrefix] = []
    for _ in 0 ..< (try self.length()) {
      let address = try self.blob()
      guard let length = Int(exactly: try self.number()),
        let network = NetworkPrefix(address: address, length: length)
      else { throw Damage() }
      networks.append(network)
    }
    return networks
  }

  mutating func labels() throws(Damage) -> [String: String] {
    var labels: [String: String] = [:]
    for _ in 0 ..< (try self.length()) {
      let name = try self.text()
      guard labels.updateValue(try self.text(), forKey: name) == nil else { throw Damage() }
    }
    return labels
  }
}
