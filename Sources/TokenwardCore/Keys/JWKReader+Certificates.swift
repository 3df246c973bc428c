// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import SwiftASN1

extension JWKReader {
  /// `x5c` must carry the same public key, and the thumbprints must be those of its first
  /// certificate (RFC 7517 §4.7 to §4.9). No trust is drawn from the certificate: a chain in a key
  /// set proves nothing, but one that contradicts the key shows a tampered or confused set.
  /// - Parameter publicKeyInfo: the DER SubjectPublicKeyInfo of the key, nil for a secret.
  func checkCertificates(publicKeyInfo: [UInt8]?) throws(KeyProblem) {
    guard let x5c = self.member("x5c") else { return }
    guard self.document.kind(of: x5c) == .array else { throw .certificateMalformed }
    var leaf: [UInt8]?
    for element in self.document.elements(of: x5c) {
      guard let text = self.document.utf8(element), let der = Self.base64(text), !der.isEmpty
      else { throw .certificateMalformed }
      leaf = leaf ?? der
    }
    guard let leaf, let certified = Self.publicKeyInfo(ofCertificate: leaf) else {
      throw .certificateMalformed
    }
    guard let publicKeyInfo, certified.elementsEqual(publicKeyInfo) else {
      throw .certificateMismatch
    }
    try self.check("x5t", is: Array(Insecure.SHA1.hash(data: leaf)))
    try self.check("x5t#S256", is: Array(SHA256.hash(data: leaf)))
  }

  private func check(_ name: StaticString, is thumbprint: [UInt8]) throws(KeyProblem) {
    guard self.member(name) != nil else { return }
    guard try self.octets(name) == thumbprint else { throw .certificateMismatch }
  }

  /// The SubjectPublicKeyInfo of a DER certificate as it is encoded (RFC 5280 §4.1). DER has one
  /// encoding for one key, so it can be compared by bytes.
  private static func publicKeyInfo(ofCertificate der: [UInt8]) -> ArraySlice<UInt8>? {
    guard let certificate = try? DER.parse(der),
      let tbs = self.children(of: certificate)?.first,
      var fields = self.children(of: tbs)
    else { return nil }
    // The explicitly tagged version is absent from certificates of version 1.
    if let version = fields.first,
      version.identifier == ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)
    {
      fields.removeFirst()
    }
    // serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo
    guard fields.count >= 6 else { return nil }
    return fields[5].encodedBytes
  }

  private static func children(of node: ASN1Node) -> [ASN1Node]? {
    guard node.identifier == .sequence, case .constructed(let nodes) = node.content else {
      return nil
    }
    return Array(nodes)
  }

  /// Base64 with padding (RFC 4648 §4), which only `x5c` uses, by the strict decoder for the other
  /// alphabet.
  private static func base64(_ text: [UInt8]) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    var text = text
    for _ in 0 ..< 2 where text.last == UInt8(ascii: "=") { text.removeLast() }
    for index in text.indices {
      switch text[index] {
      case UInt8(ascii: "+"): text[index] = UInt8(ascii: "-")
      case UInt8(ascii: "/"): text[index] = UInt8(ascii: "_")
      case UInt8(ascii: "-"), UInt8(ascii: "_"): return nil
      default: break
      }
    }
    return Base64URL.decode(text.span)
  }
}
