// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Answers the lines of `jose verify`.
final class SignatureVerification {
  /// Sets remembered by the SHA-256 of their text: test vectors ask about one key hundreds of times,
  /// and testing a modulus takes longer than a signature.
  private static let maximumSets = 64

  private var sets: [KeyTextID: Result<KeySet, KeySetProblem>] = [:]

  /// The text that states the keys, and the member that it came in.
  private struct KeyText {
    var text: [UInt8]
    var isSet: Bool

    var id: KeyTextID { KeyTextID(digest: TokenFingerprint(of: self.text.span), isSet: self.isSet) }
  }

  private struct KeyTextID: Hashable {
    var digest: TokenFingerprint
    var isSet: Bool
  }

  /// Every reason of a JWS may come out, and every problem of a key set.
  func answer(to request: BatchRequest) -> BatchAnswer {
    let keyText: KeyText
    switch (request.value("jwk"), request.value("jwks")) {
    case (let jwk?, nil): keyText = KeyText(text: jwk, isSet: false)
    case (nil, let jwks?): keyText = KeyText(text: jwks, isSet: true)
    // Without a key, or with two statements of what the key is, there is nothing to verify by.
    case (nil, nil), (.some, .some): return .refuse(.requestMalformed)
    }
    var algorithms: AlgorithmSet?
    if let list = request.value("algorithms") {
      guard let named = Self.algorithms(list) else { return .refuse(.requestMalformed) }
      algorithms = named
    }
    do throws(KeySetProblem) {
      let keys = try self.keys(keyText)
      return Self.verify(request, keys: keys, algorithms: algorithms)
    } catch {
      return .refuse(error)
    }
  }

  private static func verify(
    _ request: BatchRequest,
    keys: KeySet,
    algorithms: AlgorithmSet?
  ) -> BatchAnswer {
    // Also for the JSON serialization (RFC 7515 §7.2), which is an object.
    guard let jws = request.string("jws") else { return .refuse(.tokenMalformed) }
    do throws(JWSProblem) {
      _ = try VerifiedJWS(token: jws, keys: keys, algorithms: algorithms)
      return .accept
    } catch {
      return .refuse(error.denialReason)
    }
  }

  private func keys(_ key: KeyText) throws(KeySetProblem) -> KeySet {
    let id = key.id
    if let known = self.sets[id] { return try known.get() }
    let result: Result<KeySet, KeySetProblem>
    do throws(KeySetProblem) {
      result = .success(
        key.isSet
          ? try KeySet(jwks: key.text, trust: .either)
          : try KeySet(jwk: key.text, trust: .either)
      )
    } catch {
      result = .failure(error)
    }
    if self.sets.count >= Self.maximumSets { self.sets.removeAll(keepingCapacity: true) }
    self.sets[id] = result
    return try result.get()
  }

  /// Names that are no supported algorithm allow nothing; what is no list of names is an error.
  private static func algorithms(_ text: [UInt8]) -> AlgorithmSet? {
    guard let document = try? JSONDocument(text, limits: .token),
      document.kind(of: document.root) == .array
    else { return nil }
    var algorithms: [Algorithm] = []
    for element in document.elements(of: document.root) {
      guard let name = document.utf8(element) else { return nil }
      if let algorithm = Algorithm(exactly: name) { algorithms.append(algorithm) }
    }
    return AlgorithmSet(algorithms)
  }
}

/// Answers the lines of `jose check-keys`.
enum KeySetCheck {
  /// Every problem of a key set may come out.
  static func answer(to request: BatchRequest) -> BatchAnswer {
    guard let jwks = request.value("jwks") else { return .refuse(.requestMalformed) }
    do throws(KeySetProblem) {
      let keys = try KeySet(jwks: jwks, trust: .publicKeys)
      return BatchAnswer(reason: nil, skipped: keys.skipped)
    } catch {
      return .refuse(error)
    }
  }
}
