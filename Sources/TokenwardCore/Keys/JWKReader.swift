// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The members of one JWK, each checked as it is read (RFC 7517 §4, RFC 7518 §6).
struct JWKReader {
  enum KeyType { case rsa, ec, okp, oct }

  let document: JSONDocument
  private let node: JSONDocument.Node

  init(_ node: JSONDocument.Node, in document: JSONDocument) throws(KeyProblem) {
    guard document.kind(of: node) == .object else { throw .malformed }
    self.node = node
    self.document = document
  }

  func member(_ name: StaticString) -> JSONDocument.Node? {
    self.document.member(name, of: self.node)
  }

  func keyID() throws(KeyProblem) -> KeyID? {
    guard let member = self.member("kid") else { return nil }
    guard let utf8 = self.document.utf8(member), let id = KeyID(utf8: utf8) else {
      throw .keyIDMalformed
    }
    return id
  }

  /// A key that is published for encryption may be one whose private half decrypts for strangers;
  /// it must not verify anything (RFC 7517 §4.2).
  func checkUse() throws(KeyProblem) {
    guard let use = self.member("use") else { return }
    guard self.document.equals(use, "sig") else { throw .useForbidden }
  }

  /// `key_ops` must allow verification, name each operation once and none but those of signatures
  /// (RFC 7517 §4.3): a key for several purposes is open to attacks across them (RFC 8725 §3.12).
  func checkOperations() throws(KeyProblem) {
    guard let operations = self.member("key_ops") else { return }
    guard self.document.kind(of: operations) == .array else { throw .operationsForbidden }
    var verify = 0
    var sign = 0
    for operation in self.document.elements(of: operations) {
      if self.document.equals(operation, "verify") {
        verify += 1
      } else if self.document.equals(operation, "sign") {
        sign += 1
      } else {
        throw .operationsForbidden
      }
    }
    guard verify == 1, sign <= 1 else { throw .operationsForbidden }
  }

  func algorithm() throws(KeyProblem) -> Algorithm? {
    guard let member = self.member("alg") else { return nil }
    guard let name = self.document.utf8(member) else { throw .malformed }
    guard let algorithm = Algorithm(exactly: name) else { throw .algorithmUnsupported }
    return algorithm
  }

  /// The type of the key, which has no member of another type: an object that two libraries read
  /// as two different keys is refused (catalogue K05, K13).
  func keyType() throws(KeyProblem) -> KeyType {
    guard let kty = self.member("kty") else { throw .memberMissing }
    if self.document.equals(kty, "RSA") {
      try self.refuse("crv", "x", "y", "k")
      return .rsa
    }
    if self.document.equals(kty, "EC") {
      try self.refuse("n", "e", "k")
      return .ec
    }
    if self.document.equals(kty, "OKP") {
      try self.refuse("n", "e", "k", "y")
      return .okp
    }
    if self.document.equals(kty, "oct") {
      try self.refuse("n", "e", "crv", "x", "y")
      return .oct
    }
    throw .keyTypeUnsupported
  }

  private func refuse(_ names: StaticString...) throws(KeyProblem) {
    for name in names where self.member(name) != nil { throw .memberForeign }
  }

  /// The name of the curve; one that no case of a `switch` over literals means is unsupported. Only
  /// ASCII is returned, so that the comparison there is one of bytes.
  func curve() throws(KeyProblem) -> String {
    guard let member = self.member("crv") else { throw .memberMissing }
    guard let utf8 = self.document.utf8(member) else { throw .memberMalformed }
    guard utf8.allSatisfy({ $0 < 0x80 }) else { throw .keyTypeUnsupported }
    return String(decoding: utf8, as: UTF8.self)
  }

  /// Strict base64url of any length: no padding, no other alphabet, no number in its place.
  func octets(_ name: StaticString) throws(KeyProblem) -> [UInt8] {
    guard let member = self.member(name) else { throw .memberMissing }
    guard let text = self.document.utf8(member), let bytes = Base64URL.decode(text.span) else {
      throw .memberMalformed
    }
    return bytes
  }

  /// Base64urlUInt: big-endian, the minimum number of octets (RFC 7518 §2).
  func unsignedInteger(_ name: StaticString) throws(KeyProblem) -> [UInt8] {
    let bytes = try self.octets(name)
    guard let first = bytes.first, first != 0 else { throw .memberMalformed }
    return bytes
  }

  /// The uncompressed form of `x` and `y`, which have the full length of the field each
  /// (RFC 7518 §6.2.1.2, SEC 1 §2.3.3).
  func point(fieldLength: Int) throws(KeyProblem) -> [UInt8] {
    let x = try self.octets("x")
    let y = try self.octets("y")
    guard x.count == fieldLength, y.count == fieldLength else { throw .pointInvalid }
    return [0x04] + x + y
  }
}
