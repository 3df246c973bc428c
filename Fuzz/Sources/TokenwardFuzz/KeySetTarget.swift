// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// What is accepted keeps every rule over the whole set, as read from the reference's tree; each
/// usable key has its name for itself; and no key is so weak that a constant is its signature.
func checkKeySet(_ input: [UInt8]) {
  // The texts of key sets are small here, so the limits of the reference need not be exact.
  let reference = ReferenceJSON.parse(input, limits: JSONLimits.keySet)
  let published = try? KeySet(jwks: input, trust: .publicKeys)
  let local = try? KeySet(jwks: input, trust: .localSymmetric)
  let either = try? KeySet(jwks: input, trust: .either)
  let single = try? KeySet(jwk: input, trust: .either)

  expect(published == nil || local == nil, "no set is both public and secret")
  for keys in [published, local].compactMap(\.self) {
    // A set that is a key as well is refused where either could be meant.
    let expected = reference?["kty"] == nil ? keys.keyCount : nil
    expect(either?.keyCount == expected, "a set that is fit for one purpose is fit for either")
    expect(reference?["keys"] != nil, "a set has keys")
  }
  // A bare key may have a member `keys`; then it is one thing or the other by how it is asked for.
  if let single, reference?["keys"] == nil {
    expect(either?.keyCount == single.keyCount, "one bare key is read alike")
  }
  if let published { checkRules(published, elements(reference), isSymmetric: false) }
  if let local { checkRules(local, elements(reference), isSymmetric: true) }
  if let either {
    let isSymmetric = elements(reference).contains { $0["kty"]?.string == utf8("oct") }
    checkRules(either, elements(reference), isSymmetric: isSymmetric)
  }
  if let single { expect(single.keyCount == 1 && single.skipped.isEmpty, "one key") }
}

private func elements(_ reference: ReferenceJSON?) -> [ReferenceJSON] {
  guard let reference else { return [] }
  if case .array(let elements)? = reference["keys"] { return elements }
  return [reference]
}

private func checkRules(_ keys: KeySet, _ elements: [ReferenceJSON], isSymmetric: Bool) {
  expect((1 ... KeySet.maximumKeyCount).contains(keys.keyCount), "1 to 100 keys")
  expect(keys.keyCount + keys.skipped.count == elements.count, "each key is used or reported")
  expect(elements.count <= KeySet.maximumKeyCount, "at most 100 elements")
  for element in elements {
    guard case .object = element else { continue }
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"] {
      expect(element[name] == nil, "no private material: \(name)")
    }
    expect((element["kty"]?.string == utf8("oct")) == isSymmetric, "one kind of keys")
    expect(isSymmetric || element["k"] == nil, "no secret in a public set")
  }
  let ids = keys.keyIDs.map(\.utf8)
  expect(Set(ids).count == ids.count, "no name twice")
  for id in keys.keyIDs { checkKey(keys, id) }
  for algorithm in Algorithm.allCases {
    guard let key = try? keys.key(for: nil, algorithm: algorithm) else { continue }
    checkSignatures(key, algorithm)
    expect(algorithm.isSymmetric == isSymmetric, "a secret makes no signatures, a key no MACs")
  }
  expect(
    (try? keys.key(for: KeyID("no such key"), algorithm: .es256)) == nil
      || ids.contains(utf8("no such key")),
    "an unknown name finds nothing"
  )
}

private func checkKey(_ keys: KeySet, _ id: KeyID) {
  for algorithm in Algorithm.allCases {
    do throws(JWSProblem) {
      let key = try keys.key(for: id, algorithm: algorithm)
      expect(key.id == id, "found by its name")
      expect(key.algorithms.contains(algorithm), "and only for what it can do")
      checkSignatures(key, algorithm)
    } catch {
      expect(error == .algorithmForbidden, "a key of the set is known: \(error)")
    }
  }
}

/// Constants that are signatures under keys of small order, exponent one and the like.
private func checkSignatures(_ key: VerificationKey, _ algorithm: Algorithm) {
  let message = utf8("a message that nobody signed")
  let other = utf8("another")
  for length in [32, 48, 64, 96, 132, 256] {
    for first: UInt8 in [0, 1] {
      var signature = [UInt8](repeating: 0, count: length)
      signature[0] = first
      let isValid = key.isValidSignature(signature, for: message.span, algorithm: algorithm)
      expect(!isValid, "no constant is a signature (\(algorithm), \(length) bytes)")
      signature[length - 1] = 1
      expect(
        !key.isValidSignature(signature, for: message.span, algorithm: algorithm)
          || !key.isValidSignature(signature, for: other.span, algorithm: algorithm),
        "no constant is a signature of two messages (\(algorithm), \(length) bytes)"
      )
    }
  }
}
