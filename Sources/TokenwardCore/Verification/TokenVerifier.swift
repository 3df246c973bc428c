// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Turns a credential into a ``Principal``. The only way to one.
public protocol TokenVerifier: Sendable {
  /// Proves who presents a token.
  ///
  /// Called for each request, from any thread, and must not block: what it needs is in memory.
  /// - Parameters:
  ///   - token: the credential as it was presented.
  ///   - now: the moment of the request.
  /// - Throws: ``VerificationFailure`` with the reason. A verifier that cannot decide throws
  ///   ``DenialReason/dependencyUnavailable``; one that could if it asked somebody else says so with
  ///   ``VerificationFailure/lookup``.
  func verify(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal

  /// What is remembered of a token that was verified before, byte for byte the same; nil if nothing
  /// is. Asked before anything is known of the token's bytes, so it may do no more than look them up.
  /// - Parameters:
  ///   - token: what stands behind the scheme, unchecked.
  ///   - now: the moment of the request.
  /// - Throws: ``VerificationFailure`` if the token is remembered as refused.
  func recall(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal?
}

extension TokenVerifier {
  /// Remembers nothing, unless the verifier does.
  public func recall(
    _ token: PresentedToken,
    at now: Moment
  ) throws(VerificationFailure) -> Principal? {
    nil
  }
}

/// A token within the header value that carried it, not yet copied: a cached decision needs the
/// fingerprint only.
public struct PresentedToken: Sendable {
  private let text: String
  private let offset: Int

  /// - Parameters:
  ///   - text: the header value.
  ///   - offset: where in its UTF-8 bytes the token begins; not beyond the end.
  package init(_ text: String, from offset: Int) {
    self.text = text
    self.offset = offset
  }

  /// A token by itself.
  public init(_ token: BearerToken) {
    self.init(String(decoding: token.bytes, as: UTF8.self), from: 0)
  }

  /// SHA-256 of the token.
  public var fingerprint: TokenFingerprint {
    let bytes = self.text.utf8.span
    return TokenFingerprint(of: bytes.extracting(self.offset ..< bytes.count))
  }

  /// How many dots the token has.
  var dotCount: Int {
    let bytes = self.text.utf8.span
    var count = 0
    for index in self.offset ..< bytes.count where bytes[index] == UInt8(ascii: ".") { count += 1 }
    return count
  }

  /// Lends the token's bytes without copying them.
  func withBytes<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let bytes = self.text.utf8.span
    return try body(bytes.extracting(self.offset ..< bytes.count))
  }

  /// The token's bytes.
  public var bytes: [UInt8] {
    let bytes = self.text.utf8.span
    let token = bytes.extracting(self.offset ..< bytes.count)
    return unsafe token.withUnsafeBufferPointer { unsafe Array($0) }
  }
}

extension PresentedToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Says that there is a token, not which.
  public var description: String { "<bearer token>" }
  /// The same.
  public var debugDescription: String { self.description }
  /// Nothing: a mirror would show the token (catalogue L08).
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
