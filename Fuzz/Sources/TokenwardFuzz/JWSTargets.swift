// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// A header read plainly from the reference's tree: nil where it must be refused.
struct ReferenceHeader {
  let algorithm: [UInt8]
  let keyID: [UInt8]?
  let type: [UInt8]?
  let embedsKeyMaterial: Bool

  init?(_ json: [UInt8]) {
    guard let header = ReferenceJSON.parse(json, limits: .token), case .object = header,
      let algorithm = header["alg"]?.string,
      Algorithm.allCases.contains(where: { utf8($0.rawValue) == algorithm })
    else { return nil }
    for forbidden in ["crit", "b64", "zip", "enc"] where header[forbidden] != nil { return nil }
    if let contentType = header["cty"] {
      guard let text = contentType.string, isPrintable(text) else { return nil }
      let essence = lowercased(
        text.split(separator: 0x3B, omittingEmptySubsequences: false)[0]
          .filter { $0 != 0x20 }
      )
      guard essence != utf8("jwt"), essence != utf8("application/jwt") else { return nil }
    }
    if let type = header["typ"] {
      guard let text = type.string, isPrintable(text) else { return nil }
    }
    if let id = header["kid"] {
      guard let text = id.string, text.count <= 128, !isControl(text) else { return nil }
    }
    self.algorithm = algorithm
    self.keyID = header["kid"]?.string
    self.type = header["typ"]?.string
    self.embedsKeyMaterial = ["jwk", "jku", "x5c", "x5u"].contains { header[$0] != nil }
  }

  func equals(_ header: JWSHeader) -> Bool {
    utf8(header.algorithm.rawValue) == self.algorithm && header.keyID?.utf8 == self.keyID
      && header.type == self.type && header.embedsKeyMaterial == self.embedsKeyMaterial
  }
}

private func isPrintable(_ text: [UInt8]) -> Bool { text.allSatisfy { $0 >= 0x20 && $0 < 0x7F } }

/// Nothing verifies but the tokens that were signed, byte for byte: neither HMAC nor Ed25519 leaves
/// a signature two forms, and base64url and the header are strict.
func checkJWS(_ input: [UInt8]) {
  let parts = input.split(separator: 0x2E, omittingEmptySubsequences: false).map { Array($0) }
  let decoded = parts.compactMap(decodedBase64URL)
  let header = decoded.first.flatMap(ReferenceHeader.init)
  let isWellFormed =
    input.count <= 8_192 && parts.count == 3 && decoded.count == 3
    && !parts[2].isEmpty && header != nil

  let jws = try? CompactJWS(parsing: input)
  expect((jws != nil) == isWellFormed, "taken apart exactly if all its parts are good")
  if let jws, let header {
    expect(header.equals(jws.header), "the header says what its JSON says")
    expect(jws.unverifiedPayload == decoded[1], "the payload is the second part")
  }

  let isSymmetric = Fixture.symmetricTokens.contains { utf8($0) == input }
  let isEdwards = Fixture.edwardsTokens.contains { utf8($0) == input }
  for (keys, isSigned) in [(Fixture.symmetricKeys, isSymmetric), (Fixture.publicKeys, isEdwards)] {
    let verified = try? VerifiedJWS(token: input, keys: keys)
    expect((verified != nil) == isSigned, "verified exactly if it was signed")
    let none = try? jws?.verify(keys: keys, allowed: [.es256, .rs256])
    expect(none == nil, "and never with algorithms that are not on the list")
  }
}

/// Any bytes as the header of a token that is well signed, so that what stands behind the signature
/// is reached: accepted exactly if the header asks for nothing else than the key can do.
func checkJWSHeader(_ input: [UInt8]) {
  let token = Fixture.signed(header: input, payload: utf8("{}"))
  let header = ReferenceHeader(input)
  let jws = try? CompactJWS(parsing: token)
  expect((jws != nil) == (header != nil && token.count <= 8_192), "accepted as the rules say")
  guard let jws, let header else { return }
  expect(header.equals(jws.header), "the header says what its JSON says")

  let isGood =
    header.algorithm == utf8("HS256")
    && (header.keyID == nil || header.keyID == utf8("h1"))
  let verified = try? jws.verify(keys: Fixture.onlySecret, allowed: [.hs256])
  expect((verified != nil) == isGood, "verified exactly if it names this key and its algorithm")
  let confused = try? jws.verify(keys: Fixture.publicKeys, allowed: .all)
  expect(confused == nil, "never with a public key")

  // A header that is remembered is the header that would be read.
  guard verified != nil else { return }
  let memo = HeaderMemo()
  memo.remember(jws)
  let again = try? CompactJWS(parsing: token, memo: memo)
  expect(again.map { header.equals($0.header) } == true, "remembered as it was")
  let other = Fixture.signed(header: input + [0x20], payload: utf8("{}"))
  let fresh = try? CompactJWS(parsing: other, memo: memo)
  expect(fresh.map { header.equals($0.header) } ?? (other.count > 8_192), "a longer one is read")
}
