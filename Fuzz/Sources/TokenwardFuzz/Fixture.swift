// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import TokenwardCore

/// Keys that protect nothing: everybody can read them here.
enum Fixture {
  static let secret = [UInt8](repeating: 0x41, count: 32)
  static let longSecret = [UInt8](repeating: 0x42, count: 64)

  /// `h1` does HS256, `h2` all three.
  static let symmetricKeys = must("the symmetric keys") { () throws(KeySetProblem) in
    let first = Base64URL.encode(secret)
    let second = Base64URL.encode(longSecret)
    let jwks = """
      {"keys":[{"kty":"oct","kid":"h1","alg":"HS256","k":"\(first)"},
      {"kty":"oct","kid":"h2","k":"\(second)"}]}
      """
    return try KeySet(jwks: utf8(jwks), trust: .localSymmetric)
  }

  /// One secret, which a token needs not name.
  static let onlySecret = must("the only secret") { () throws(KeySetProblem) in
    let jwk = "{\"kty\":\"oct\",\"kid\":\"h1\",\"k\":\"\(Base64URL.encode(secret))\"}"
    return try KeySet(jwk: utf8(jwk), trust: .localSymmetric)
  }

  /// The Ed25519 key whose seed is 32 times 0x43.
  static let publicKeys = must("the public key") { () throws(KeySetProblem) in
    let jwks = """
      {"keys":[{"kty":"OKP","crv":"Ed25519","kid":"e1",
      "x":"Ivwpd5Lwtv_Av8_bftsMCqFOAlo2XsDjQuhuOCnLdLY"}]}
      """
    return try KeySet(jwks: utf8(jwks), trust: .publicKeys)
  }

  /// HS256 with `kid` h1, HS512 with h2, HS384 without `kid`.
  static let symmetricTokens = [
    """
    eyJhbGciOiJIUzI1NiIsImtpZCI6ImgxIn0.eyJpc3MiOiJhIiwic3ViIjoiYiJ9.SrSW0yamDDzUFqgiwTkCrtI3u\
    ghMwNdYo2WxcQ_OWIM
    """,
    """
    eyJhbGciOiJIUzUxMiIsImtpZCI6ImgyIn0.eyJpc3MiOiJhIiwic3ViIjoiYiJ9.OZaghBuEaTIxVzOIQ3GcwwyOU\
    UbeS9qqSN2msNQVl9wxOhwZGf5Uz6Dx62RGPfBxeuRYKmSUFBo5yAonGzUcZg
    """,
    """
    eyJhbGciOiJIUzM4NCJ9.eyJpc3MiOiJhIiwic3ViIjoiYiJ9.Doc6feq8hAxe7uZshWTSWmeSTP4w6rS3J7U3W5lJ\
    eZsgB-MMU5nj0EHK-Re1TRDO
    """,
  ]

  /// EdDSA with `kid` e1, Ed25519 without. Ed25519 signatures that other bytes can replace would be
  /// a finding: the verifier of swift-crypto refuses an S that is not reduced (RFC 8032 §5.1.7).
  static let edwardsTokens = [
    """
    eyJhbGciOiJFZERTQSIsImtpZCI6ImUxIn0.eyJpc3MiOiJhIiwic3ViIjoiYiJ9.Zh8lHlXtxmXn5hGYPtbMQNJly\
    ul02ycvaKPGkbL_Nn_VL7ah8oGDVVdSifEzCAxEbXVjzQjOW7A-B2KTZaxJDg
    """,
    """
    eyJhbGciOiJFZDI1NTE5In0.eyJpc3MiOiJhIiwic3ViIjoiYiJ9.U7zhXIX3AEqVVTbM4E3kDh6_tNo2MaM3O11ZD\
    RareN95XdwVqGxC_boe5DXa8brutN1ShLGa1gBYOPROyDhhBA
    """,
  ]

  /// A token over any header and payload, well signed with ``secret``.
  static func signed(header: [UInt8], payload: [UInt8]) -> [UInt8] {
    let input = utf8("\(Base64URL.encode(header)).\(Base64URL.encode(payload))")
    let code = HMAC<SHA256>.authenticationCode(for: input, using: SymmetricKey(data: secret))
    return input + utf8(".\(Base64URL.encode(Array(code)))")
  }
}

/// What a target needs to start with. Its absence is a mistake in the target.
func must<Value, Failure: Error>(_ what: String, _ make: () throws(Failure) -> Value) -> Value {
  do {
    return try make()
  } catch {
    fatalError("\(what): \(error)")
  }
}
