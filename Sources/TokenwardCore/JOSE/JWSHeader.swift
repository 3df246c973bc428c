// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The part of a JOSE header that takes part in a decision (RFC 7515 §4).
package struct JWSHeader: Sendable {
  /// `alg` (RFC 7515 §4.1.1).
  package let algorithm: Algorithm
  /// `kid` (RFC 7515 §4.1.4): a map key, never a path or a query.
  package let keyID: KeyID?
  /// `typ` (RFC 7515 §4.1.9) in printable ASCII, as it was written.
  package let type: [UInt8]?
  /// Whether `jwk`, `jku`, `x5c` or `x5u` is present. They are never read: a token that names its
  /// own key proves nothing (CVE-2018-0114, CVE-2026-27962).
  package let embedsKeyMaterial: Bool

  /// Parses the decoded header.
  package init(json bytes: [UInt8]) throws(JWSProblem) {
    let document: JSONDocument
    do {
      document = try JSONDocument(bytes, limits: .token)
    } catch {
      throw .malformed
    }
    let root = document.root
    guard document.kind(of: root) == .object else { throw .malformed }

    // The algorithm comes first, so that a token with `alg` "none" is counted as what it is.
    guard let alg = document.member("alg", of: root), let name = document.utf8(alg) else {
      throw .malformed
    }
    guard let algorithm = Algorithm(exactly: name) else { throw .algorithmForbidden }

    // crit: we understand no extension, so its presence in any form is refused (RFC 7515 §4.1.11,
    // CVE-2025-59420). b64: RFC 7797. zip and enc: this is, or pretends to be, a JWE.
    guard document.member("crit", of: root) == nil,
      document.member("b64", of: root) == nil,
      document.member("zip", of: root) == nil,
      document.member("enc", of: root) == nil
    else { throw .malformed }

    if let contentType = document.member("cty", of: root) {
      guard let text = document.utf8(contentType), Self.isPrintableASCII(text),
        !Self.isNestedToken(text)
      else { throw .malformed }
    }

    var type: [UInt8]?
    if let member = document.member("typ", of: root) {
      guard let text = document.utf8(member), Self.isPrintableASCII(text) else { throw .malformed }
      type = text
    }

    var keyID: KeyID?
    if let member = document.member("kid", of: root) {
      guard let text = document.utf8(member), let id = KeyID(utf8: text) else { throw .malformed }
      keyID = id
    }

    self.algorithm = algorithm
    self.keyID = keyID
    self.type = type
    self.embedsKeyMaterial =
      document.member("jwk", of: root) != nil
      || document.member("jku", of: root) != nil
      || document.member("x5c", of: root) != nil
      || document.member("x5u", of: root) != nil
  }

  private static func isPrintableASCII(_ text: [UInt8]) -> Bool {
    text.allSatisfy { (0x20 ... 0x7E).contains($0) }
  }

  /// `cty` says that the payload is a token again (RFC 7519 §5.2): JWT or application/jwt in any
  /// letter case, with or without parameters. Nested tokens are not unwrapped (RFC 8725 §3.3).
  private static func isNestedToken(_ text: [UInt8]) -> Bool {
    let mediaType = text.prefix { $0 != UInt8(ascii: ";") }
      .filter { $0 != UInt8(ascii: " ") }
      .map { (0x41 ... 0x5A).contains($0) ? $0 | 0x20 : $0 }
    return mediaType.elementsEqual("jwt".utf8) || mediaType.elementsEqual("application/jwt".utf8)
  }
}
