// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What a JWT says about itself, read without its keys: enough to know when to fetch the next one, and
/// to notice a mix-up. Nothing is decided about a caller with it.
struct UnverifiedClaims: Sendable {
  private let document: JSONDocument

  /// Nil if the token is no JWT: three parts, the second of which is a JSON object.
  init?(_ token: BearerToken) {
    guard token.bytes.count <= BearerToken.maximumLength else { return nil }
    let parts = token.bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }),
      let payload = Base64URL.decode(Array(parts[1])),
      let document = try? JSONDocument(payload, limits: .token),
      document.kind(of: document.root) == .object
    else { return nil }
    self.document = document
  }

  /// When the token ends: its `exp`, or as long after now as it was made to live if that is earlier.
  /// A clock of ours that is late does not make it live longer than that.
  /// - Returns: nil if it has no `exp` that is a date (RFC 7519 §4.1.4).
  func expiry(at now: UnixTime) -> UnixTime? {
    guard let expiry = self.date("exp") else { return nil }
    guard let issuedAt = self.date("iat") else { return UnixTime(seconds: expiry) }
    return min(UnixTime(seconds: expiry), now.adding(seconds: max(expiry - issuedAt, 0)))
  }

  /// Whether `aud` names the audience (RFC 7519 §4.1.3): a string, or a list that contains it.
  func names(_ audience: Audience) -> Bool {
    guard let node = self.document.member("aud", of: self.document.root) else { return false }
    let name = Array(audience.text.utf8)
    if self.document.kind(of: node) == .string { return self.document.equals(node, utf8: name) }
    return self.document.elements(of: node).contains { self.document.equals($0, utf8: name) }
  }

  /// Whether `sub` is a SPIFFE ID (SPIFFE-ID §2).
  var hasSPIFFESubject: Bool {
    guard let node = self.document.member("sub", of: self.document.root),
      let subject = self.document.utf8(node)
    else { return false }
    return subject.starts(with: "spiffe://".utf8) && subject.count > "spiffe://".utf8.count
  }

  private func date(_ name: StaticString) -> Int64? {
    self.document.member(name, of: self.document.root).flatMap(self.document.numericDate)
  }
}
