// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// A place for one secret that the authority itself writes: an owner-only file, or OpenBao.
public protocol SecretKeeper: Sendable {
  /// The present secret; nil if there has never been one. A secret that was there and is deleted is
  /// an error, never nil: a second pepper in its place would end every token.
  func read() async throws(SecretError) -> KeptSecret?

  /// Replaces the secret if nobody else has meanwhile.
  /// - Parameters:
  ///   - secret: the new one.
  ///   - version: the one it replaces; nil for "there has never been one".
  /// - Returns: false if there is another one by now; nothing was written then.
  func write(
    _ secret: borrowing SecretBytes,
    replacing version: Int64?
  ) async throws(SecretError) -> Bool
}

/// A secret and which one it is.
public struct KeptSecret: ~Copyable, Sendable {
  /// The secret.
  public let bytes: SecretBytes
  /// Counts its replacements.
  public let version: Int64

  /// - Parameters:
  ///   - bytes: the secret.
  ///   - version: counts its replacements.
  public init(_ bytes: consuming SecretBytes, version: Int64) {
    self.bytes = bytes
    self.version = version
  }
}
