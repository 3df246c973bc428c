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

  /// HMAC-SHA256 of an API token's secret and id: the 32 bytes that are kept of the secret. The
  /// message is the 43 characters of the secret, and then each half of the id, eight digits of base62,
  /// as a number of six bytes, the lowest first.
  /// - Returns: no bytes for what is no id or no secret; ``APITokenSnapshot/put(_:)`` refuses them.
  public func code(forID id: [UInt8], secret: [UInt8]) -> [UInt8] {
    guard let message = APITokenMessage(id: id.span, secret: secret.span) else { return [] }
    return self.words(for: message).bytes
  }

  /// Whether a code is that of an API token's secret and id, in a time that does not depend on where
  /// it differs.
  package func isValid(_ code: [UInt8], forID id: [UInt8], secret: [UInt8]) -> Bool {
    guard let message = APITokenMessage(id: id.span, secret: secret.span),
      let code = DigestWords(code)
    else { return false }
    return self.words(for: message).matches(code)
  }

  func words(for message: APITokenMessage) -> DigestWords {
    unsafe message.withBytes { message in
      unsafe self.keyed.hash.withCode(forBytes: message) { code in
        unsafe DigestWords(
          code.loadUnaligned(fromByteOffset: 0, as: UInt64.self).littleEndian,
          code.loadUnaligned(fromByteOffset: 8, as: UInt64.self).littleEndian,
          code.loadUnaligned(fromByteOffset: 16, as: UInt64.self).littleEndian,
          code.loadUnaligned(fromByteOffset: 24, as: UInt64.self).littleEndian
        )
      }
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
