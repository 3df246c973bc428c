// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// The rules over a whole set, looked at before any key is read. Keys that will be skipped count
/// too: a private key is leaked and a `kid` ambiguous whatever else is wrong with its object.
enum KeySetRules {
  static func check(
    _ elements: [JSONDocument.Node],
    in document: JSONDocument,
    trust: KeySet.Trust
  ) throws(KeySetProblem) {
    var hasSymmetric = false
    var hasAsymmetric = false
    var ids: Set<KeyID> = []
    for element in elements where document.kind(of: element) == .object {
      let kty = document.member("kty", of: element)
      let isSymmetric = kty.map { document.equals($0, "oct") } ?? false
      let hasSecret = document.member("k", of: element) != nil
      // `priv` is the private member of the AKP key type (ML-DSA).
      let hasPrivate =
        Self.has("d", element, document) || Self.has("p", element, document)
        || Self.has("q", element, document) || Self.has("dp", element, document)
        || Self.has("dq", element, document) || Self.has("qi", element, document)
        || Self.has("oth", element, document) || Self.has("priv", element, document)
      guard !hasPrivate, isSymmetric || !hasSecret else { throw .privateMaterial }
      if isSymmetric {
        guard trust != .publicKeys else { throw .privateMaterial }
        hasSymmetric = true
      } else {
        guard trust != .localSymmetric else { throw .mixedKeyTypes }
        hasAsymmetric = true
      }
      if let id = Self.keyID(of: element, in: document), !ids.insert(id).inserted {
        throw .duplicateKeyID
      }
    }
    guard !(hasSymmetric && hasAsymmetric) else { throw .mixedKeyTypes }
  }

  /// The `kid` of a key, if it has a usable one.
  static func keyID(of element: JSONDocument.Node, in document: JSONDocument) -> KeyID? {
    guard document.kind(of: element) == .object,
      let member = document.member("kid", of: element),
      let utf8 = document.utf8(member)
    else { return nil }
    return KeyID(utf8: utf8)
  }

  private static func has(
    _ name: StaticString,
    _ element: JSONDocument.Node,
    _ document: JSONDocument
  ) -> Bool {
    document.member(name, of: element) != nil
  }
}
