// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

@testable import TokenwardHTTP

@Suite("The name in a server's certificate")
struct ServerNameTests {
  @Test(
    "matches",
    arguments: [
      ("issuer.example", "issuer.example"), ("ISSUER.Example", "issuer.example"),
      ("*.issuer.example", "a.issuer.example"), ("localhost", "localhost"),
    ]
  )
  func matching(pattern: String, host: String) {
    #expect(ServerName.matches(pattern, host))
  }

  @Test(
    "does not match",
    arguments: [
      ("", ""), ("issuer.example", "issuer.example.evil"), ("issuer.example", "xissuer.example"),
      ("*.issuer.example", "issuer.example"), ("*.issuer.example", "a.b.issuer.example"),
      ("*.issuer.example", ".issuer.example"), ("*", "localhost"), ("*.example", "issuer.example"),
      ("a*.issuer.example", "ab.issuer.example"), ("*.*.example", "a.issuer.example"),
      ("i\u{17F}suer.example", "issuer.example"), ("*.", "a."), ("*.*", "a.b"),
    ]
  )
  func other(pattern: String, host: String) {
    #expect(!ServerName.matches(pattern, host))
  }

  @Test("a certificate that cannot be read names nobody")
  func unreadable() throws {
    #expect(try !ServerName.isNamed(in: [1, 2, 3], RemoteURL("https://issuer.example")))
  }
}
