// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

@Suite("method names")
struct RPCMethodTests {
  @Test(
    "paths of the grammar are read",
    arguments: [
      "/a.B/C", "/B/C", "/a.b.c.D/E_f9", "/_/_", "/9/9", "/a..b/C", "/./M",
    ]
  )
  func good(path: String) throws {
    let method = try #require(RPCMethod(path: path))
    #expect("/\(method.fullName)" == path)
    #expect("\(method.service)/\(method.name)" == method.fullName)
    #expect(method.description == method.fullName)
  }

  @Test(
    "every other path is not",
    arguments: [
      "", "/", "//", "a.B/C", "//a.B/C", "/a.B//C", "/a.B/C/", "/a.B/C/D", "/a.B", "/a.B/", "//C",
      "/a.B/C.D", "/a.B/.", "/a.B/..", "/a.B/C?x", "/a.B/C#x", "/a.B/C;x", "/a.B/C ", " /a.B/C",
      "/a.B/%43", "/a.B%2FC", "/a.B/C\0", "/a.B/C\n", "/a.B/\u{212A}", "/a\u{FF0E}B/C",
      "/a.B/C\u{301}",
      "/a-b.B/C", "/a.B/C-d", "http://h/a.B/C", "*", "\\a.B\\C", "/a.B/*", "/a.B/C:x", "/a.B/C+",
      "/a.B/C,D", "/a.B/C=", "/a.B/C@", "/\u{E9}/C", "/a.B/C\u{200B}", "/a.B/[C]", "/a.B/C`",
    ]
  )
  func bad(path: String) {
    #expect(RPCMethod(path: path) == nil)
  }

  @Test("every byte outside the grammar is refused, every byte of it accepted")
  func bytes() {
    for byte in UInt8.min ..< 0x80 {
      let character = String(decoding: [byte], as: UTF8.self)
      let isWord =
        (0x30 ... 0x39).contains(byte) || (0x41 ... 0x5A).contains(byte)
        || (0x61 ... 0x7A).contains(byte) || byte == 0x5F
      #expect((RPCMethod(path: "/a/M\(character)") != nil) == isWord, "method, byte \(byte)")
      let isService = isWord || byte == 0x2E
      #expect((RPCMethod(path: "/a\(character)/M") != nil) == isService, "service, byte \(byte)")
    }
  }

  @Test("a name of 1,024 bytes is the longest")
  func length() {
    let longest = "s/" + String(repeating: "M", count: RPCMethod.maximumLength - 2)
    #expect(RPCMethod(fullName: longest) != nil)
    #expect(RPCMethod(fullName: longest + "M") == nil)
    #expect(RPCMethod.maximumLength == 1_024)
  }

  @Test("names are equal, ordered and hashed by their bytes")
  func comparison() throws {
    let a = try #require(RPCMethod(fullName: "a.S/Get"))
    let b = try #require(RPCMethod(fullName: "a.S/get"))
    #expect(a != b)
    #expect(a < b)
    #expect(!(b < a))
    #expect(a == RPCMethod(path: "/a.S/Get"))
    #expect(Set([a, b, a]).count == 2)
  }
}

@Suite("names that take part in decisions")
struct ByteComparedTextTests {
  static let pairs = [
    ("\u{212A}", "K"), ("\u{E9}", "e\u{301}"), ("\u{1E9B}\u{323}", "\u{1E9B}\u{323}\u{0}"),
    ("a", "A"), ("a", "a "), ("a", "a\u{200B}"), ("", "\u{0}"), ("\u{3A9}", "\u{2126}"),
    ("\u{AC00}", "\u{1100}\u{1161}"),
  ]

  @Test("canonically equivalent names differ, in comparison, sets and keys", arguments: Self.pairs)
  func differ(left: String, right: String) {
    func expectDifferent<Name: ByteComparedText>(_: Name.Type) {
      #expect(Name(left) != Name(right))
      #expect(Set([Name(left), Name(right)]).count == 2)
      #expect([Name(left): 1][Name(right)] == nil)
      #expect(Name(left) == Name(left))
      #expect([Name(left): 1][Name(left)] == 1)
      #expect((Name(left) < Name(right)) != (Name(right) < Name(left)))
    }
    expectDifferent(Issuer.self)
    expectDifferent(Audience.self)
    expectDifferent(Subject.self)
    expectDifferent(Scope.self)
    expectDifferent(Role.self)
    expectDifferent(ClientID.self)
    expectDifferent(TokenID.self)
  }
}
