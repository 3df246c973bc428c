// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import TokenwardCore

/// Where a chain of audit records stands: the number of its last record and that record's hash.
struct ChainPosition: Sendable, Hashable {
  /// Counts records, over all files of a chain; 0 before the first.
  let sequence: Int64
  /// 32 bytes; zeros before the first.
  let hash: [UInt8]

  static let start = ChainPosition(sequence: 0, hash: [UInt8](repeating: 0, count: 32))
}

/// Computes the hashes of a chain: SHA-256, or HMAC-SHA256 under a key, without which nobody can
/// write a record that fits.
struct ChainHash: Sendable {
  /// The current key first; the others are good for what was written before.
  let keys: [Pepper]

  /// The key of a new record; nil for a chain without keys.
  var current: Pepper? { self.keys.first }

  /// A chain has keys or has none: were both accepted, whoever has no key would write without.
  /// - Returns: false if there is no such key here.
  func knows(_ id: UInt32?) -> Bool {
    guard let id else { return self.keys.isEmpty }
    return self.keys.contains { $0.id == id }
  }

  /// The hash of a record; nil if its key is not known.
  /// - Parameters:
  ///   - previous: the hash of the record before, 32 bytes.
  ///   - content: the bytes of the line up to its member `hash`.
  ///   - key: the name of the key.
  func hash(after previous: [UInt8], of content: Span<UInt8>, key: UInt32?) -> [UInt8]? {
    self.code("tokenward.audit.record", previous, content, key: key)
  }

  /// What stands in the file beside the chain to vouch for a position.
  func code(for position: ChainPosition, key: UInt32?) -> [UInt8]? {
    var number: [UInt8] = []
    for shift in stride(from: 56, through: 0, by: -8) {
      number.append(UInt8(truncatingIfNeeded: position.sequence >> Int64(shift)))
    }
    return self.code("tokenward.audit.head", position.hash, number.span, key: key)
  }

  /// The label keeps the uses of one key apart: digests of API tokens begin with an id in base62,
  /// which has no full stop.
  private func code(
    _ label: String,
    _ previous: [UInt8],
    _ content: Span<UInt8>,
    key id: UInt32?
  ) -> [UInt8]? {
    var message: [UInt8] = []
    message.reserveCapacity(label.utf8.count + 33 + content.count)
    message += label.utf8
    message.append(0)
    message += previous
    content.withUnsafeBufferPointer { message.append(contentsOf: $0) }
    guard let id else { return self.keys.isEmpty ? Array(SHA256.hash(data: message)) : nil }
    return self.keys.first { $0.id == id }?.code(for: message.span)
  }
}
