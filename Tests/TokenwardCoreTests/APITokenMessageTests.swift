// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

/// What is digested of an API token. The vectors were computed by another implementation (HMAC of
/// Python's standard library) from the description of ``Pepper/code(forID:secret:)``.
@Suite("digests of API tokens")
struct APITokenMessageTests {
  struct Vector: Sendable {
    let id: String
    let secret: String
    let code: String
  }

  static let vectors = [
    Vector(
      id: "0123456789ABCDEF",
      secret: "GHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw",
      code: "d38ae147926c9c013bf1d3441f96abfb43f13164acd9001f9b7cfdc6a68962ec"
    ),
    Vector(
      id: "zzzzzzzzzzzzzzzz",
      secret: String(repeating: "z", count: 43),
      code: "c5f13094a4769389c219fa96b84ce92f9a679b46e886b00db700f0345dd19629"
    ),
  ]

  private static func code(_ id: String, _ secret: String) throws -> [UInt8] {
    let pepper = Pepper(id: 1, key: SecretBytes(0 ..< 32))
    return try #require(pepper).code(forID: Array(id.utf8), secret: Array(secret.utf8))
  }

  @Test("a digest is the one that others compute", arguments: Self.vectors)
  func vector(_ vector: Vector) throws {
    #expect(try Self.code(vector.id, vector.secret) == bytes(hex: vector.code))
  }

  @Test("every character of id and secret is in the digest")
  func everyCharacter() throws {
    let vector = Self.vectors[0]
    var codes: Set<[UInt8]> = [try Self.code(vector.id, vector.secret)]
    for position in 0 ..< 16 {
      var id = Array(vector.id.utf8)
      id[position] = UInt8(ascii: "z")
      codes.insert(try Self.code(String(decoding: id, as: UTF8.self), vector.secret))
    }
    for position in 0 ..< 43 {
      var secret = Array(vector.secret.utf8)
      secret[position] = UInt8(ascii: "0")
      codes.insert(try Self.code(vector.id, String(decoding: secret, as: UTF8.self)))
    }
    #expect(codes.count == 1 + 16 + 43)
  }

  @Test(
    "what is no id or no secret has no digest",
    arguments: [
      ("0123456789ABCDE", "GHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"),
      ("0123456789ABCDEF0", "GHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"),
      ("0123456789ABCDE-", "GHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"),
      ("0123456789ABCDEF", "GHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"),
      ("0123456789ABCDEF", "GHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv="),
      ("0123456789ABCDEF", ""),
    ]
  )
  func none(_ id: String, _ secret: String) throws {
    #expect(try Self.code(id, secret).isEmpty)
  }
}
