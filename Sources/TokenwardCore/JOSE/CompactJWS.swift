// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// A JWS in compact serialization (RFC 7515 §7.1) that was taken apart but not verified.
package struct CompactJWS: Sendable {
  /// The longest accepted serialization; this length itself is accepted (catalogue E22).
  package static let maximumLength = 8_192

  /// The parsed header. Nothing in it is proven.
  package let header: JWSHeader
  /// The decoded payload, before any signature was checked: only for choosing the issuer whose keys
  /// will check it.
  package let unverifiedPayload: [UInt8]

  /// Whether the header came out of a memo.
  package let isHeaderRemembered: Bool

  private let token: [UInt8]
  private let signature: [UInt8]
  private let headerLength: Int
  private let signingInputLength: Int

  /// Parses a token.
  /// - Parameters:
  ///   - token: the bytes of the serialization.
  ///   - memo: headers that were parsed before, if the caller keeps them.
  package init(parsing token: [UInt8], memo: HeaderMemo? = nil) throws(JWSProblem) {
    guard token.count <= Self.maximumLength else { throw .tooLarge }
    let bytes = token.span

    // Only the header and the signature are searched for their dots. One more dot anywhere else is
    // refused by the base64url decoder, so a million dots cost no memory (CVE-2025-27144).
    let header: JWSHeader
    let headerLength: Int
    if let known = memo?.entry(matching: bytes) {
      header = known.header
      headerLength = known.segment.count - 1
      self.isHeaderRemembered = true
    } else {
      guard let firstDot = Self.firstDot(in: bytes),
        let json = Base64URL.decode(bytes.extracting(0 ..< firstDot))
      else { throw .malformed }
      header = try JWSHeader(json: json)
      headerLength = firstDot
      self.isHeaderRemembered = false
    }
    guard let lastDot = Self.lastDot(in: bytes), lastDot > headerLength,
      lastDot + 1 < bytes.count,
      let signature = Base64URL.decode(bytes.extracting(lastDot + 1 ..< bytes.count)),
      let payload = Base64URL.decode(bytes.extracting(headerLength + 1 ..< lastDot))
    else { throw .malformed }

    self.header = header
    self.unverifiedPayload = payload
    self.token = token
    self.signature = signature
    self.headerLength = headerLength
    self.signingInputLength = lastDot
  }

  /// Checks the signature: the server's list, then the key, then the key's own list, then the
  /// cryptography (RFC 8725 §3.1). The token chooses nothing but which key of this set to try.
  /// - Parameters:
  ///   - keys: the keys of the one issuer that may have signed it.
  ///   - allowed: the algorithms that this issuer is configured for.
  package func verify(
    keys: KeySet,
    allowed: AlgorithmSet
  ) throws(JWSProblem) -> VerifiedJWS {
    guard allowed.contains(self.header.algorithm) else { throw .algorithmForbidden }
    let key = try keys.key(for: self.header.keyID, algorithm: self.header.algorithm)
    guard
      key.isValidSignature(
        self.signature,
        for: self.token.span.extracting(0 ..< self.signingInputLength),
        algorithm: self.header.algorithm
      )
    else { throw .signatureInvalid }
    return VerifiedJWS(self, keyID: key.id)
  }

  /// The encoded header with its dot: what ``HeaderMemo`` recognises.
  package var headerSegment: ArraySlice<UInt8> { self.token[0 ... self.headerLength] }

  private static func firstDot(in bytes: Span<UInt8>) -> Int? {
    for index in bytes.indices where bytes[index] == UInt8(ascii: ".") { return index }
    return nil
  }

  private static func lastDot(in bytes: Span<UInt8>) -> Int? {
    var index = bytes.count
    while index > 0 {
      index -= 1
      if bytes[index] == UInt8(ascii: ".") { return index }
    }
    return nil
  }
}

extension CompactJWS: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<compact JWS>" }
  package var debugDescription: String { self.description }
  /// Nothing: a mirror would show the token (catalogue L08).
  package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The content of a JWS whose signature was verified. Only ``CompactJWS/verify(keys:allowed:)``
/// makes one: the type is the proof.
package struct VerifiedJWS: Sendable {
  /// The signed payload.
  package let payload: [UInt8]
  /// The signed header.
  package let header: JWSHeader
  /// The `kid` of the key that verified it, if that key has one.
  package let keyID: KeyID?

  fileprivate init(_ jws: CompactJWS, keyID: KeyID?) {
    self.payload = jws.unverifiedPayload
    self.header = jws.header
    self.keyID = keyID
  }

  /// Parses and verifies one serialization, as `jose verify` does.
  /// - Parameters:
  ///   - token: the bytes of the serialization.
  ///   - keys: the keys that may have signed it.
  ///   - algorithms: the accepted algorithms; when absent, what each key says of itself: its `alg`,
  ///     else everything its type, curve and size can do.
  package init(
    token: [UInt8],
    keys: KeySet,
    algorithms: AlgorithmSet? = nil
  ) throws(JWSProblem) {
    self = try CompactJWS(parsing: token).verify(keys: keys, allowed: algorithms ?? .all)
  }
}

extension VerifiedJWS: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<verified JWS>" }
  package var debugDescription: String { self.description }
  /// Nothing: claims may be about a person.
  package var customMirror: Mirror { Mirror(self, children: [:]) }
}
