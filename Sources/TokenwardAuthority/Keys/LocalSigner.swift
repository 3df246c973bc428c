// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import TokenwardCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Signs with a private key in this process.
final class LocalSigner: TokenSigner {
  enum Key: Sendable {
    case p256(P256.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
  }

  private let key: Key

  init(_ key: Key) { self.key = key }

  func sign(_ input: [UInt8]) async throws(SigningError) -> [UInt8] {
    do {
      switch self.key {
      case .p256(let key):
        var hash = SHA256()
        input.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Array(try key.signature(for: hash.finalize()).rawRepresentation)
      case .ed25519(let key):
        return Array(try key.signature(for: input))
      }
    } catch {
      throw SigningError("the cryptographic library did not sign")
    }
  }
}

extension LocalSigner: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// What it is, and nothing of its key.
  var description: String { "<local signer>" }
  var debugDescription: String { self.description }
  /// Nothing (catalogue L08, O16).
  var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension LocalSigner.Key: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
  var description: String { "<private key>" }
  var debugDescription: String { self.description }
  /// Nothing (catalogue L08, O16).
  var customMirror: Mirror { Mirror(self, children: [:]) }
}
