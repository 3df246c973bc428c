// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Writes the form of a record in which stores keep it: fields in a fixed order, numbers as eight
/// bytes with the lowest first, texts and lists behind their length. ``RecordReader`` reads it.
///
/// The form has one encoding for each record, so that records can be compared by it, byte for byte.
package struct RecordWriter {
  package private(set) var bytes: [UInt8] = []

  /// The number that every encoding begins with. Another one is another form.
  static let form: UInt8 = 1

  /// The form of a record.
  package static func encode(_ record: StoreRecord) -> [UInt8] {
    var writer = Self()
    writer.bytes.reserveCapacity(512)
    writer.byte(Self.form)
    writer.byte(record.key.kind.rawValue)
    switch record {
    case .token(let record): writer.write(record)
    case .owner(let record): writer.write(record)
    case .tenant(let record): writer.write(record)
    case .role(let record): writer.write(record)
    case .signingKey(let record): writer.write(record)
    case .receipt(let record): writer.write(record)
    case .withdrawn(let record):
      writer.text(record.id.text)
      writer.time(record.expiresAt)
    }
    return writer.bytes
  }

  mutating func byte(_ value: UInt8) { self.bytes.append(value) }

  mutating func number(_ value: Int64) {
    var rest = UInt64(bitPattern: value)
    for _ in 0 ..< 8 {
      self.bytes.append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  mutating func blob(_ value: [UInt8]) {
    self.number(Int64(value.count))
    self.bytes += value
  }

  mutating func text(_ value: String) {
    let utf8 = value.utf8
    self.number(Int64(utf8.count))
    self.bytes.append(contentsOf: utf8)
  }

  mutating func flag(_ value: Bool) { self.byte(value ? 1 : 0) }

  mutating func time(_ value: UnixTime) {
    self.number(value.seconds)
    self.number(Int64(value.nanoseconds))
  }

  mutating func optional<Value>(_ value: Value?, _ write: (inout Self, Value) -> Void) {
    self.flag(value != nil)
    if let value { write(&self, value) }
  }

  mutating func list<Element>(_ values: [Element], _ write: (inout Self, Element) -> Void) {
    self.number(Int64(values.count))
    for value in values { write(&self, value) }
  }

  /// In the byte order of the names, so that equal labels have one encoding.
  mutating func labels(_ labels: [String: String]) {
    let sorted = labels.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    self.list(sorted) { writer, label in
      writer.text(label.key)
      writer.text(label.value)
    }
  }
}

extension RecordWriter {
  private mutating func write(_ digest: SecretDigest) {
    self.number(Int64(digest.pepper))
    self.blob(digest.code)
  }

  private mutating func write(_ record: TokenRecord) {
    self.text(record.id.text)
    self.text(record.name)
    self.text(record.tenant.text)
    self.text(record.owner.text)
    self.list(record.roles) { $0.text($1.text) }
    self.list(record.scopes) { $0.text($1.text) }
    self.list(record.audiences) { $0.text($1.text) }
    self.time(record.createdAt)
    self.optional(record.notBefore) { $0.time($1) }
    self.time(record.expiresAt)
    self.list(record.networks) { writer, network in
      writer.blob(network.address)
      writer.number(Int64(network.length))
    }
    self.optional(record.certificate) { $0.blob($1.bytes) }
    self.labels(record.labels)
    self.optional(record.createdBy) { $0.text($1.text) }
    self.number(record.ownerGeneration)
    self.write(record.secret)
    self.optional(record.previous) { writer, previous in
      writer.write(previous.secret)
      writer.time(previous.until)
    }
    self.optional(record.rotatedAt) { $0.time($1) }
    self.number(record.rotations)
    self.optional(record.revocation) { writer, revocation in
      writer.time(revocation.at)
      writer.text(revocation.reason)
      writer.optional(revocation.by) { $0.text($1.text) }
    }
    self.optional(record.lastUsedAt) { $0.time($1) }
  }

  private mutating func write(_ record: OwnerRecord) {
    self.text(record.tenant.text)
    self.text(record.owner.text)
    self.flag(record.isDisabled)
    self.number(record.generation)
    self.optional(record.issuedBefore) { $0.time($1) }
    self.text(record.reason)
    self.time(record.changedAt)
  }

  private mutating func write(_ record: TenantRecord) {
    self.text(record.tenant.text)
    self.optional(record.issuedBefore) { $0.time($1) }
    self.text(record.reason)
    self.time(record.changedAt)
  }

  private mutating func write(_ record: RoleRecord) {
    self.text(record.role.text)
    self.text(record.description)
    self.list(record.scopes) { $0.text($1.text) }
    self.list(record.methods) { $0.text($1) }
    self.time(record.changedAt)
  }

  private mutating func write(_ record: SigningKeyRecord) {
    self.blob(record.id.utf8)
    self.text(record.algorithm.rawValue)
    self.text(record.state.rawValue)
    self.blob(record.publicJWK)
    switch record.material {
    case .sealed(let key):
      self.byte(0)
      self.number(Int64(key.sealingKey))
      self.blob(key.box)
    case .transit(let name, let version):
      self.byte(1)
      self.text(name)
      self.number(version)
    }
    self.time(record.createdAt)
    self.optional(record.activatedAt) { $0.time($1) }
    self.optional(record.retiredAt) { $0.time($1) }
  }

  private mutating func write(_ record: ReceiptRecord) {
    self.blob(record.key)
    self.blob(record.request)
    self.text(record.token.text)
    self.number(record.rotations)
    self.number(Int64(record.pepper))
    self.time(record.expiresAt)
  }
}
