// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

@Suite("Strict JSON: what is read")
struct EncodingJSONDocumentTests {
  @Test("members and elements are found in order, past nested values")
  func structure() throws {
    let text = #" { "a" : [ 1 , [ ] , { "x" : [ 2 ] } , "s" ] , "b" : { } , "c" : null } "#
    let json = try JSONDocument(Array(text.utf8), limits: .token)
    #expect(json.kind(of: json.root) == .object)
    #expect(json.count(of: json.root) == 3)
    #expect(json.members(of: json.root).map { json.string($0.name) } == ["a", "b", "c"])
    #expect(
      json.members(of: json.root).map { json.kind(of: $0.value) } == [.array, .object, .null]
    )
    let list = try #require(json.member("a", of: json.root))
    #expect(json.count(of: list) == 4)
    let expected: [JSONDocument.Kind] = [.number, .array, .object, .string]
    #expect(json.elements(of: list).map { json.kind(of: $0) } == expected)
    var kinds: [JSONDocument.Kind] = []
    json.forEachElement(of: list) { kinds.append(json.kind(of: $0)) }
    #expect(kinds == expected)
    var names: [String?] = []
    json.forEachMember(of: json.root) { name, _ in names.append(json.string(name)) }
    #expect(names == ["a", "b", "c"])
    let object = try #require(json.member("b", of: json.root))
    #expect(json.count(of: object) == 0)
    #expect(json.member("x", of: object) == nil)
    #expect(json.member("x", of: json.root) == nil)
  }

  @Test("asking a node for what it is not gives nothing")
  func wrongKind() throws {
    let json = try JSONDocument(Array(#"["a",1,true,null,{"a":1},[2]]"#.utf8), limits: .token)
    for element in json.elements(of: json.root) {
      let kind = json.kind(of: element)
      #expect((json.member("a", of: element) != nil) == (kind == .object))
      #expect((json.string(element) != nil) == (kind == .string))
      #expect((json.utf8(element) != nil) == (kind == .string))
      #expect((json.rawString(element) != nil) == (kind == .string))
      #expect(json.equals(element, "a") == (kind == .string))
      #expect((json.numericDate(element) != nil) == (kind == .number))
      #expect((json.bool(element) != nil) == (kind == .true))
      #expect((json.count(of: element) != 0) == (kind == .object || kind == .array))
      #expect(!json.containsControlCharacter(element))
    }
    #expect(json.member("a", of: json.root) == nil)
    #expect(json.members(of: json.root).map { $0.name }.isEmpty)
  }

  @Test("a node of another document is never a trap")
  func foreignNode() throws {
    let long = try JSONDocument(Array("[[0],{\"a\":1},\"s\",[[[]]]]".utf8), limits: .token)
    let short = try JSONDocument(Array("1".utf8), limits: .token)
    for node in long.elements(of: long.root) {
      #expect(short.kind(of: node) == .null)
      #expect(short.string(node) == nil)
      #expect(short.member("a", of: node) == nil)
      #expect(short.count(of: node) == 0)
      #expect(!short.equals(node, "s"))
    }
  }

  @Test(
    "strings are unescaped, and compared by bytes",
    arguments: [
      (#""""#, ""), (#""abc""#, "abc"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
      (#""\u0041\u00e9\u20AC\ud83d\udd11!""#, "Aé€🔑!"), (#""é€🔑""#, "é€🔑"),
      (#""a\u0000b""#, "a\0b"), (#""\uDBFF\uDFFF\uFFFF""#, "\u{10FFFF}\u{FFFF}"),
      ("\"\u{FFFE}\u{7F}\"", "\u{FFFE}\u{7F}"),
    ]
  )
  func strings(text: String, value: String) throws {
    let json = try JSONDocument(Array(text.utf8), limits: .token)
    let bytes = Array(value.utf8)
    #expect(json.utf8(json.root) == bytes)
    #expect(json.string(json.root).map { Array($0.utf8) } == bytes)
    #expect(json.equals(json.root, utf8: bytes))
    #expect(!json.equals(json.root, utf8: bytes + [0x61]))
    if !bytes.isEmpty {
      #expect(!json.equals(json.root, utf8: Array(bytes.dropLast())))
      #expect(!json.equals(json.root, utf8: bytes.dropLast() + [bytes[bytes.count - 1] ^ 1]))
    }
    #expect((json.rawString(json.root) == nil) == text.contains("\\"))
    if let range = json.rawString(json.root) { #expect(Array(json.bytes[range]) == bytes) }
  }

  @Test("names are compared by bytes after unescaping, never by canonical equivalence")
  func names() throws {
    let text = "{\"\\u0065xp\":1,\"\u{212A}id\":2,\"cafe\u{301}\":3,\"caf\u{E9}\":4}"
    let json = try JSONDocument(Array(text.utf8), limits: .token)
    #expect(json.numericDate(try #require(json.member("exp", of: json.root))) == 1)
    #expect(json.member("Kid", of: json.root) == nil)
    #expect(json.member("ex", of: json.root) == nil)
    #expect(json.member("expi", of: json.root) == nil)
    let composed = try #require(json.member("caf\u{E9}", of: json.root))
    #expect(json.numericDate(composed) == 4)
    let decomposed = try #require(json.member(utf8: Array("cafe\u{301}".utf8), of: json.root))
    #expect(json.numericDate(decomposed) == 3)
  }

  @Test(
    "control characters are reported, however they are written",
    arguments: [
      (#""a\u0000""#, true), (#""\u001f""#, true), (#""\n""#, true), (#""\b""#, true),
      (#""\u007F""#, true), ("\"aaaaaaaa\u{7F}aaaaaaaa\"", true),
      (#""\u0020""#, false), (#""\u007e""#, false), (#""\u0080""#, false), (#""\\n""#, false),
      (#""\/\"""#, false), ("\"é\"", false), (#""\ud800\udc00""#, false),
    ]
  )
  func controls(text: String, contains: Bool) throws {
    let json = try JSONDocument(Array(text.utf8), limits: .token)
    #expect(json.containsControlCharacter(json.root) == contains)
  }

  @Test(
    "a NumericDate is a non-negative decimal without exponent before the year 10000",
    arguments: [
      ("0", 0), ("1", 1), ("1790000000", 1_790_000_000), ("0.0", 0), ("0.999", 0), ("1.5", 1),
      ("1790000000.999999999999999999999999", 1_790_000_000), ("1.0", 1),
      ("253402300799", 253_402_300_799), ("253402300799.99", 253_402_300_799),
      ("253402300800", nil), ("9007199254740993", nil), ("9223372036854775807", nil),
      ("9223372036854775808", nil), ("18446744073709551617", nil),
      ("100000000000000000000000000000000000000000000000", nil),
      ("-0", nil), ("-0.5", nil), ("-1", nil), ("-253402300800", nil),
      ("1e3", nil), ("1E3", nil), ("1.5e1", nil), ("0e0", nil), ("1e-1", nil),
      ("\"1790000000\"", nil), ("true", nil), ("null", nil), ("[1]", nil), ("{}", nil),
    ] as [(String, Int64?)]
  )
  func numericDates(text: String, seconds: Int64?) throws {
    let json = try JSONDocument(Array(text.utf8), limits: .token)
    #expect(json.numericDate(json.root) == seconds)
  }

  @Test("booleans are literals, not words or numbers")
  func booleans() throws {
    let json = try JSONDocument(Array(#"[true,false,"true",1,0,null]"#.utf8), limits: .token)
    #expect(
      json.elements(of: json.root).map { json.bool($0) } == [true, false, nil, nil, nil, nil]
    )
  }
}
