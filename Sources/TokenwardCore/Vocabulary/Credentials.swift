// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto

/// A token as it was presented: unproven and secret. It has no readable description.
public struct BearerToken: Sendable {
  /// The longest accepted token, in bytes. Longer ones are refused before any cryptography
  /// (catalogue E22).
  public static let maximumLength = 8_192

  package let bytes: [UInt8]

  /// Wraps the text after `Bearer `, or the content of a token file without its line end.
  public init(_ text: String) { self.bytes = Array(text.utf8) }

  /// Wraps the bytes of a token.
  public init(bytes: [UInt8]) { self.bytes = bytes }

  /// Lends the bytes to whoever hands the token out, as a program does that embeds an authority. Do
  /// not log or keep them.
  public func withExposedBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    body(self.bytes.span)
  }

  /// SHA-256 of the token: the only form in which it is stored, cached or compared.
  public var fingerprint: TokenFingerprint { TokenFingerprint(of: self.bytes.span) }
}

extension BearerToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The length of the token, and nothing of it.
  public var description: String { "<bearer token, \(self.bytes.count) bytes>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing: a mirror would show the token (catalogue L08).
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// SHA-256 of a token (FIPS 180-4).
public struct TokenFingerprint: Hashable, Sendable {
  // Four words: a lookup costs no allocation.
  private let word0: UInt64
  private let word1: UInt64
  private let word2: UInt64
  private let word3: UInt64

  package init(of bytes: Span<UInt8>) {
    var hasher = SHA256()
    unsafe bytes.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
    let words = unsafe hasher.finalize().withUnsafeBytes { digest in
      unsafe (
        digest.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
        digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
        digest.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
        digest.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
      )
    }
    (self.word0, self.word1, self.word2, self.word3) = words
  }

  /// Spreads fingerprints over the shards of a cache.
  package var shardBits: Int { Int(truncatingIfNeeded: self.word3 & 0xFFFF) }

  /// Hashes one word: all of them are uniform already, and one is enough for a hash table.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(self.word0)
  }
}

/// SHA-256 of a client certificate in DER form, as `x5t#S256` binds a token to it (RFC 8705 §3.1).
public struct CertificateThumbprint: Hashable, Sendable {
  package let bytes: [UInt8]

  /// The thumbprint of a certificate.
  /// - Parameter der: the certificate in DER form.
  public init(der: [UInt8]) {
    self.bytes = Array(SHA256.hash(data: der))
  }

  /// The thumbprint in the base64url form of the `x5t#S256` member; nil unless it is 32 bytes long.
  public init?(base64URL text: String) {
    guard let bytes = Base64URL.decode(Array(text.utf8)), bytes.count == 32 else { return nil }
    self.bytes = bytes
  }

  /// A thumbprint that was kept; nil unless it is 32 bytes long.
  package init?(bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
  }
}
