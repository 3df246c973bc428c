// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The secret half of an API token on its way to its holder. What is kept of it is a digest.
struct TokenSecret {
  private var digits: [UInt8]

  /// A secret that nobody can know or make again.
  static func random() -> TokenSecret {
    TokenSecret(digits: Base62.random(APITokenFormat.secretLength))
  }

  /// The secret of a request with an idempotency key: the same request has the same secret, so that
  /// its answer can be repeated although only a digest is kept. Whoever knows the key but not the
  /// pepper, or the pepper but not the key, knows nothing of it (HMAC as a pseudo-random function,
  /// in the counter mode of NIST SP 800-108 §4.1).
  static func derived(
    from key: IdempotencyKey,
    of caller: TokenID,
    for token: TokenID,
    rotations: Int64,
    under pepper: Pepper
  ) -> TokenSecret {
    var message = KeyedText("tokenward secret 1")
    message.add(key.bytes)
    message.add(caller.text)
    message.add(token.text)
    message.add(rotations)
    var counter: Int64 = 0
    let digits = Base62.digits(APITokenFormat.secretLength) {
      var block = message
      block.add(counter)
      counter &+= 1
      return block.code(under: pepper)
    }
    return TokenSecret(digits: digits)
  }

  func digest(for token: TokenID, under pepper: Pepper) -> SecretDigest {
    let code = pepper.code(forID: Array(token.text.utf8), secret: self.digits)
    return SecretDigest(pepper: pepper.id, code: code)
  }

  func matches(_ digest: SecretDigest, for token: TokenID, under pepper: Pepper) -> Bool {
    pepper.isValid(digest.code, forID: Array(token.text.utf8), secret: self.digits)
  }

  func bearerToken(_ token: TokenID) -> BearerToken {
    BearerToken(bytes: APITokenFormat.token(id: Array(token.text.utf8), secret: self.digits))
  }

  /// The two halves of an API token; nil for what has another form.
  static func parse(_ token: BearerToken) -> (id: TokenID, secret: TokenSecret)? {
    guard (try? APITokenFormat.check(token.bytes.span)) != nil else { return nil }
    let id = token.bytes[4 ..< 4 + APITokenFormat.idLength]
    let start = 4 + APITokenFormat.idLength + 1
    let secret = token.bytes[start ..< start + APITokenFormat.secretLength]
    return (TokenID(String(decoding: id, as: UTF8.self)), TokenSecret(digits: Array(secret)))
  }

  mutating func wipe() { self.digits.wipe() }
}

extension TokenSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// That there is one.
  var description: String { "<token secret>" }
  /// The same.
  var debugDescription: String { self.description }
  /// Nothing (catalogue L08).
  var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension TokenID {
  /// The name of a new API token.
  static func random() -> TokenID {
    TokenID(String(decoding: Base62.random(APITokenFormat.idLength), as: UTF8.self))
  }
}
