// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// HMAC (RFC 2104 §2, FIPS 198-1) from two hash states that were keyed once.
///
/// swift-crypto's `HMAC` is generic code in another module: it costs more than the hashing. Hashing
/// itself, and nothing else, is left to swift-crypto here; the public vectors run against this.
struct KeyedHash<Hash: HashFunction>: Sendable {
  private let inner: Hash
  private let outer: Hash

  /// - Parameter secret: the key; one longer than a block is hashed first, as RFC 2104 §2 says.
  init(secret: [UInt8]) {
    var block = secret
    if block.count > Hash.blockByteCount { block = Array(Hash.hash(data: block)) }
    block += [UInt8](repeating: 0, count: Hash.blockByteCount - block.count)
    self.inner = Self.keyed(block.map { $0 ^ 0x36 })
    self.outer = Self.keyed(block.map { $0 ^ 0x5C })
  }

  /// Whether the code is that of the message, in full length: a truncated one can be guessed byte by
  /// byte. Takes the same time wherever the bytes differ.
  func isValid(_ code: [UInt8], for message: Span<UInt8>) -> Bool {
    unsafe self.withCode(for: message) { expected in
      guard code.count == expected.count else { return false }
      var difference: UInt8 = 0
      for index in code.indices { unsafe difference |= code[index] ^ expected[index] }
      return difference == 0
    }
  }

  /// The code of a message.
  func code(for message: Span<UInt8>) -> [UInt8] {
    unsafe self.withCode(for: message) { unsafe Array($0) }
  }

  /// Lends the code of a message.
  @inline(__always)
  func withCode<Result>(
    for message: Span<UInt8>,
    _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    unsafe message.withUnsafeBytes { unsafe self.withCode(forBytes: $0, body) }
  }

  /// Lends the code of a message.
  @inline(__always)
  func withCode<Result>(
    forBytes message: UnsafeRawBufferPointer,
    _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    var inner = self.inner
    unsafe inner.update(bufferPointer: message)
    var outer = self.outer
    unsafe inner.finalize().withUnsafeBytes { unsafe outer.update(bufferPointer: $0) }
    return unsafe outer.finalize().withUnsafeBytes { unsafe body($0) }
  }

  private static func keyed(_ block: [UInt8]) -> Hash {
    var hash = Hash()
    hash.update(data: block)
    return hash
  }
}
