// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto

/// A secret of the authority under which the secrets of API tokens are digested. It is kept outside
/// the database, so that a stolen database proves nothing and cannot be written to (D8, OWASP ASVS).
public struct Pepper: Sendable {
  /// Its public name: records say under which one they were digested.
  public let id: UInt32
  private let keyed: Keyed

  /// One reference to count instead of two.
  private final class Keyed: Sendable {
    let hash: KeyedHash<SHA256>
    init(_ hash: KeyedHash<SHA256>) { self.hash = hash }
  }

  /// The shortest pepper, in bytes.
  public static let minimumLength = 32

  /// - Parameters:
  ///   - id: its public name.
  ///   - key: the secret, at least 32 bytes; nil for a shorter one.
  public init?(id: UInt32, key: borrowing SecretBytes) {
    guard key.count >= Self.minimumLength else { return nil }
    self.id = id
    self.keyed = key.withExposedBytes { bytes in
      Keyed(KeyedHash(secret: unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }))
    }
  }

  /// HMAC-SHA256 of a message: 32 bytes.
  package func code(for message: Span<UInt8>) -> [UInt8] { self.keyed.hash.code(for: message) }

  /// HMAC-SHA256 of an API token's id, a zero byte and its secret: what is kept of the secret.
  public func code(forID id: [UInt8], secret: [UInt8]) -> [UInt8] {
    let message = id + [0] + secret
    return self.code(for: message.span)
  }

  func words(for message: Span<UInt8>) -> DigestWords {
    unsafe self.keyed.hash.withCode(for: message) { code in
      unsafe DigestWords(
        code.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
        code.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
        code.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
        code.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
      )
    }
  }

  /// Whether a code is that of the message, in a time that does not depend on where it differs.
  package func isValid(_ code: [UInt8], for message: Span<UInt8>) -> Bool {
    self.keyed.hash.isValid(code, for: message)
  }
}

extension Pepper: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Its name, and nothing of it.
  public var description: String { "<pepper \(self.id)>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing (catalogue L08).
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
