// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing

@testable import TokenwardRemote

@Suite("Forms and Basic credentials")
struct FormTextTests {
  @Test("form text and Basic credentials are what others read")
  func forms() {
    let form = FormText.encoded("a b+c%&=\u{FC}\n~*-._".utf8)
    #expect(String(decoding: form, as: UTF8.self) == "a+b%2Bc%25%26%3D%C3%BC%0A%7E*-._")
    let vectors = [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
      ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ]
    // RFC 4648 §10.
    for (plain, encoded) in vectors { #expect(PaddedBase64.encode(Array(plain.utf8)) == encoded) }
    #expect(PaddedBase64.encode([0xFB, 0xFF, 0xFE]) == "+//+")
  }
}
