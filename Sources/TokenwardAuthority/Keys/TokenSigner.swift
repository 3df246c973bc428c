// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// Why nothing was signed. The text is for the log and contains no secret.
public struct SigningError: Error, Sendable, Hashable {
  /// What is wrong.
  public let problem: String
  /// - Parameter problem: what is wrong.
  public init(_ problem: String) { self.problem = problem }
}

/// Signs with one key.
public protocol TokenSigner: Sendable {
  /// Signs bytes.
  /// - Parameter input: the signing input of a JWS (RFC 7515 §5.1).
  /// - Returns: the signature in the form of JWS: for ES256 64 bytes (RFC 7518 §3.4).
  /// - Throws: ``SigningError``; trying again may help.
  func sign(_ input: [UInt8]) async throws(SigningError) -> [UInt8]
}

/// Makes signing keys and signs with them: in this process, or in a vault that keeps them.
public protocol SigningKeyring: Sendable {
  /// Makes a key, in state `next`.
  /// - Parameters:
  ///   - algorithm: `.es256` or `.eddsa`.
  ///   - now: the present time.
  func makeKey(
    _ algorithm: Algorithm,
    at now: UnixTime
  ) async throws(SigningError) -> SigningKeyRecord

  /// The signer of a key.
  func signer(of key: SigningKeyRecord) async throws(SigningError) -> any TokenSigner
}
