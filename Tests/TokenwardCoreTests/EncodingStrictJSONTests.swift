// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore

/// A text that is refused, why, and a twin that differs as little as possible and is accepted.
struct JSONCase: Sendable, CustomTestStringConvertible {
  let refused: [UInt8]
  let problem: JSONProblem
  let twin: [UInt8]

  init(_ refused: String, _ problem: JSONProblem = .syntax, twin: String) {
    self.init(bytes: Array(refused.utf8), problem, twin: Array(twin.utf8))
  }

  init(bytes: [UInt8], _ problem: JSONProblem, twin: [UInt8]) {
    self.refused = bytes
    self.problem = problem
    self.twin = twin
  }

  var testDescription: String { String(decoding: self.refused.prefix(60), as: UTF8.self) }
}

@Suite("Strict JSON: what is refused")
struct EncodingStrictJSONTests {
  static let syntax: [JSONCase] = [
    JSONCase("", twin: "0"), JSONCase(" \n", twin: " 0\n"),
    JSONCase("{\"a\":1,}", twin: "{\"a\":1}"), JSONCase("[1,]", twin: "[1]"),
    JSONCase("[,1]", twin: "[1]"), JSONCase("[1,,2]", twin: "[1,2]"),
    JSONCase("{,}", twin: "{}"), JSONCase("{\"a\"}", twin: "{\"a\":0}"),
    JSONCase("{\"a\":}", twin: "{\"a\":0}"), JSONCase("{a:1}", twin: "{\"a\":1}"),
    JSONCase("{1:1}", twin: "{\"1\":1}"), JSONCase("{\"a\" 1}", twin: "{\"a\":1}"),
    JSONCase("{\"a\":1 \"b\":2}", twin: "{\"a\":1,\"b\":2}"), JSONCase("[1 2]", twin: "[1,2]"),
    JSONCase("['a']", twin: "[\"a\"]"), JSONCase("{\"a\":1]", twin: "{\"a\":1}"),
    JSONCase("[1}", twin: "[1]"), JSONCase("[1", twin: "[1]"), JSONCase("{\"a\":1", twin: "{}"),
    JSONCase("]", twin: "[]"), JSONCase("{", twin: "{}"), JSONCase("{\"a", twin: "{\"a\":1}"),
    JSONCase("{} {}", twin: "{} "), JSONCase("{}\0", twin: "{}"), JSONCase("1,", twin: "1"),
    JSONCase("[1]]", twin: "[1]"), JSONCase("{}x", twin: "{}"),
    JSONCase("/**/1", twin: "1"), JSONCase("1//", twin: "1"), JSONCase("#\n1", twin: "\n1"),
    JSONCase("\u{FEFF}{}", twin: "{}"), JSONCase("\u{A0}1", twin: " 1"),
    JSONCase("\u{0B}1", twin: "\t1"), JSONCase("\u{0C}1", twin: "\n1"),
    JSONCase("NaN", twin: "0"), JSONCase("Infinity", twin: "0"), JSONCase("-Infinity", twin: "-0"),
    JSONCase("True", twin: "true"), JSONCase("tru", twin: "true"), JSONCase("truee", twin: "true"),
    JSONCase("nul", twin: "null"), JSONCase("falsy", twin: "false"),
    JSONCase("01", twin: "10"), JSONCase("-01", twin: "-10"), JSONCase("00", twin: "0"),
    JSONCase("+1", twin: "1"), JSONCase("-", twin: "-1"), JSONCase(".5", twin: "0.5"),
    JSONCase("1.", twin: "1.0"), JSONCase("1e", twin: "1e1"), JSONCase("1e+", twin: "1e+1"),
    JSONCase("1.e1", twin: "1.0e1"), JSONCase("0x10", twin: "10"), JSONCase("1_0", twin: "10"),
    JSONCase("1 0", twin: "10"), JSONCase("--1", twin: "-1"), JSONCase("1.2.3", twin: "1.23"),
  ]

  static let strings: [JSONCase] = [
    JSONCase("\"a", twin: "\"a\""), JSONCase("\"a\n\"", twin: "\"a\\n\""),
    JSONCase("\"aaaaaaa\u{1F}aaaaaaaaaaa\"", twin: "\"aaaaaaa\u{20}aaaaaaaaaaa\""),
    JSONCase("\"\0\"", twin: "\"\\u0000\""), JSONCase("\"\\x41\"", twin: "\"\\u0041\""),
    JSONCase("\"\\'\"", twin: "\"'\""), JSONCase("\"\\u004\"", twin: "\"\\u0041\""),
    JSONCase("\"\\u004g\"", twin: "\"\\u004F\""), JSONCase("\"\\U0041\"", twin: "\"\\u0041\""),
    JSONCase("\"\\", twin: "\"\\\\\""), JSONCase("\"\\\"", twin: "\"\\\"\""),
    JSONCase("\"\\u", twin: "\"u\""), JSONCase("\"\\ud83d", twin: "\"\\ud83d\\udd11\""),
    JSONCase("\"\\ud83d\"", twin: "\"\\ud83d\\udd11\""),
    JSONCase("\"\\udd11\"", twin: "\"\\ud83d\\udd11\""),
    JSONCase("\"\\udd11\\ud83d\"", twin: "\"\\ud83d\\udd11\""),
    JSONCase("\"\\ud83d\\ud83d\"", twin: "\"\\ud83d\\udd11\""),
    JSONCase("\"\\ud83d\\u0041\"", twin: "\"\\ud83d\\uDFFF\""),
    JSONCase("\"\\ud83dudd11\"", twin: "\"\\ud83d\\udd11\""),
    JSONCase("\"\\ud83d\\ndd11\"", twin: "\"\\ud83d\\udd11\""),
  ]

  static let encodings: [JSONCase] = [
    utf8([0x80]), utf8([0xBF]), utf8([0xC3], [0xC3, 0xA9]), utf8([0xC3, 0x28], [0xC3, 0xA8]),
    utf8([0xC0, 0xAF], [0xC2, 0xAF]), utf8([0xC1, 0xBF], [0xC2, 0xBF]),
    utf8([0xE0, 0x9F, 0xBF], [0xE0, 0xA0, 0x80]), utf8([0xE2, 0x82], [0xE2, 0x82, 0xAC]),
    utf8([0xE2, 0x82, 0x22], [0xE2, 0x82, 0xAC]),
    utf8([0xED, 0xA0, 0x80], [0xED, 0x9F, 0xBF]),  // U+D800
    utf8([0xED, 0xBF, 0xBF], [0xEE, 0x80, 0x80]),  // U+DFFF
    utf8([0xED, 0xA0, 0xBD, 0xED, 0xB4, 0x91], [0xF0, 0x9F, 0x94, 0x91]),  // CESU-8
    utf8([0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80]),
    utf8([0xF4, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF]),
    utf8([0xF5, 0x80, 0x80, 0x80], [0xF3, 0x80, 0x80, 0x80]),
    utf8([0xF0, 0x9F, 0x94], [0xF0, 0x9F, 0x94, 0x91]), utf8([0xFF]), utf8([0xFE]),
    JSONCase(bytes: [0x22, 0x61, 0xC3], .invalidUTF8, twin: [0x22, 0x61, 0x22]),
    // UTF-16 and UTF-32, with and without byte order mark
    JSONCase(bytes: [0xFF, 0xFE, 0x5B, 0, 0x5D, 0], .syntax, twin: [0x5B, 0x5D]),
    JSONCase(bytes: [0x5B, 0, 0x5D, 0], .syntax, twin: [0x5B, 0x5D]),
    JSONCase(bytes: [0, 0x5B, 0, 0x5D], .syntax, twin: [0x5B, 0x5D]),
    JSONCase(bytes: [0x5B, 0, 0, 0, 0x5D, 0, 0, 0], .syntax, twin: [0x5B, 0x5D]),
  ]

  static let duplicates: [JSONCase] = [
    JSONCase("{\"a\":1,\"a\":2}", .duplicateMember, twin: "{\"a\":1,\"b\":2}"),
    JSONCase("{\"a\":1,\"a\":1}", .duplicateMember, twin: "{\"a\":1,\"A\":1}"),
    JSONCase("{\"\":1,\"\":1}", .duplicateMember, twin: "{\"\":1,\" \":1}"),
    JSONCase("{\"exp\":1,\"\\u0065xp\":2}", .duplicateMember, twin: "{\"exp\":1,\"\\u0066xp\":2}"),
    JSONCase(
      "{\"\\u0065xp\":1,\"e\\u0078p\":2}",
      .duplicateMember,
      twin: "{\"\\u0065\":1,\"e\\u0078\":2}"
    ),
    JSONCase("{\"a/b\":1,\"a\\/b\":2}", .duplicateMember, twin: "{\"a/b\":1,\"a\\\\b\":2}"),
    JSONCase(
      "{\"caf\u{E9}\":1,\"caf\\u00e9\":2}",
      .duplicateMember,
      twin: "{\"caf\u{E9}\":1,\"cafe\u{301}\":2}"
    ),
    JSONCase(
      "{\"🔑\":1,\"\\ud83d\\uDD11\":2}",
      .duplicateMember,
      twin: "{\"🔑\":1,\"\\ud83d\\uDD12\":2}"
    ),
    JSONCase(
      "{\"a\":{\"b\":1,\"c\":[],\"b\":2}}",
      .duplicateMember,
      twin: "{\"a\":{\"b\":1,\"c\":[],\"d\":2},\"b\":0}"
    ),
    JSONCase("{\"a\":{\"a\":1},\"a\":2}", .duplicateMember, twin: "{\"a\":{\"a\":1},\"b\":2}"),
    JSONCase(
      "[0,{\"a\":[{}],\"b\":0,\"a\":2}]",
      .duplicateMember,
      twin: "[0,{\"a\":[{}],\"b\":0},{\"a\":2}]"
    ),
    JSONCase("{\"K\":1,\"\\u004b\":2}", .duplicateMember, twin: "{\"K\":1,\"\u{212A}\":2}"),
    JSONCase("{\"a\\u0000\":1,\"a\\u0000\":2}", .duplicateMember, twin: "{\"a\\u0000\":1,\"a\":2}"),
    JSONCase(
      "{\"a-long-name-of-17\":1,\"\\u0061-long-name-of-17\":2}",
      .duplicateMember,
      twin: "{\"a-long-name-of-17\":1,\"\\u0061-long-name-of-18\":2}"
    ),
  ]

  @Test("a text against the grammar is refused", arguments: syntax + strings)
  func refusesSyntax(_ item: JSONCase) { self.check(item) }

  @Test("a text that is not UTF-8 is refused", arguments: encodings)
  func refusesEncoding(_ item: JSONCase) { self.check(item) }

  @Test("a name twice in one object is refused, compared after unescaping", arguments: duplicates)
  func refusesDuplicates(_ item: JSONCase) { self.check(item) }

  @Test(
    "a duplicate is found wherever it is, in objects of every size",
    arguments: [2, 3, 31, 32, 33, 34, 64, 65, 255, 256]
  )
  func findsDuplicates(count: Int) {
    for escaped in [false, true] {
      for earlier in Set([0, count / 2, count - 2]) where earlier < count - 1 {
        var names = (0 ..< count).map { "member-\($0)" }
        let twin = self.object(names)
        let name = names[earlier]
        names[count - 1] = escaped ? "\\u006d" + name.dropFirst() : name
        self.check(JSONCase(self.object(names), .duplicateMember, twin: twin))
      }
    }
  }

  @Test("depth 64 is accepted and 65 refused, in arrays, objects and both")
  func depth() {
    func nested(_ open: String, _ close: String, _ count: Int) -> String {
      String(repeating: open, count: count) + "0" + String(repeating: close, count: count)
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
      self.check(JSONCase(nested(open, close, 65), .tooDeep, twin: nested(open, close, 64)))
    }
    let both = ("[{\"a\":", "}]")
    self.check(
      JSONCase(
        "[" + nested(both.0, both.1, 32) + "]",
        .tooDeep,
        twin: nested(both.0, both.1, 32)
      )
    )
    // Siblings do not add up.
    let flat = "[" + Array(repeating: "[[]]", count: 100).joined(separator: ",") + "]"
    self.check(JSONCase("[1", twin: flat))
  }

  @Test(
    "a hundred thousand opening brackets cost no stack, even without a depth limit",
    arguments: ["[", "{\"a\":"]
  )
  func brackets(open: String) {
    let text = Array(String(repeating: open, count: 100_000).utf8)
    #expect(problem(of: text, .token) == .tooLarge)
    #expect(problem(of: text, .keySet) == .tooDeep)
    let unlimited = JSONLimits(bytes: .max, depth: .max, membersPerObject: .max, nodes: .max)
    #expect(problem(of: text, unlimited) == .syntax)
    let closed = [UInt8](repeating: 0x5B, count: 100_000) + [UInt8](repeating: 0x5D, count: 100_000)
    #expect(problem(of: closed, unlimited) == nil)
  }

  @Test("256 members of one object are accepted and 257 refused")
  func members() {
    func members(_ count: Int) -> String { self.object((0 ..< count).map { "m\($0)" }) }
    self.check(JSONCase(members(257), .tooManyMembers, twin: members(256)))
    // The bound is per object: elements and other objects do not count.
    let elements = "[" + Array(repeating: "0", count: 1_000).joined(separator: ",") + "]"
    self.check(
      JSONCase(
        members(257),
        .tooManyMembers,
        twin: "{\"a\":\(elements),\"b\":\(members(256))}"
      )
    )
  }

  @Test("a text of exactly the longest length is accepted, one byte more is not")
  func length() {
    let longest = "\"" + String(repeating: "a", count: 8_190) + "\""
    self.check(JSONCase(longest + " ", .tooLarge, twin: longest))
  }

  @Test("the values of one text are bounded altogether")
  func nodes() {
    let limits = JSONLimits(bytes: 1_000, nodes: 4)
    #expect(problem(of: Array("[0,0,0]".utf8), limits) == nil)
    #expect(problem(of: Array("[0,0,0,0]".utf8), limits) == .tooManyMembers)
    #expect(problem(of: Array("[{\"a\":0}]".utf8), limits) == nil)
    #expect(problem(of: Array("[[{\"a\":0}]]".utf8), limits) == .tooManyMembers)
  }

  @Test("senseless limits refuse everything instead of trapping", arguments: [0, -1, Int.min])
  func senseless(limit: Int) {
    let text = Array("{\"a\":1}".utf8)
    #expect(problem(of: text, JSONLimits(bytes: limit)) == .tooLarge)
    #expect(problem(of: text, JSONLimits(bytes: 99, depth: limit)) == .tooDeep)
    #expect(problem(of: text, JSONLimits(bytes: 99, membersPerObject: limit)) == .tooManyMembers)
    #expect(problem(of: text, JSONLimits(bytes: 99, nodes: limit)) == .tooManyMembers)
    #expect(problem(of: text, JSONLimits(bytes: 99)) == nil)
  }

  @Test("every prefix of a valid text is refused, and none crashes")
  func prefixes() {
    let json = #"{"a":[1.5e+3,true,null,{"k\u00e9":"\ud83d\udd11é"}],"b":"\n"}"#
    let text = Array(json.utf8)
    #expect(problem(of: text) == nil)
    for end in text.indices { #expect(problem(of: Array(text[..<end])) != nil) }
  }

  @Test("a quote, backslash, control or high byte is seen at every offset of a string")
  func offsets() {
    for length in 0 ..< 40 {
      for position in 0 ... length {
        let head = [UInt8](repeating: 0x61, count: position)
        let tail = [UInt8](repeating: 0x61, count: length - position)
        func string(_ bytes: [UInt8]) -> [UInt8] { [0x22] + head + bytes + tail + [0x22] }
        #expect(problem(of: string([0x21])) == nil)
        #expect(problem(of: string([0x22])) == .syntax)
        #expect(problem(of: string([0x5C, 0x78])) == .syntax)
        #expect(problem(of: string([0x1F])) == .syntax)
        #expect(problem(of: string([0x80])) == .invalidUTF8)
      }
    }
  }

  private static func utf8(_ refused: [UInt8], _ twin: [UInt8] = [0x61]) -> JSONCase {
    JSONCase(bytes: [0x22] + refused + [0x22], .invalidUTF8, twin: [0x22] + twin + [0x22])
  }

  private func object(_ names: [String]) -> String {
    "{" + names.map { "\"\($0)\":0" }.joined(separator: ",") + "}"
  }

  private func check(_ item: JSONCase) {
    #expect(problem(of: item.refused) == item.problem)
    #expect(problem(of: item.twin) == nil)
  }
}

private func problem(of bytes: [UInt8], _ limits: JSONLimits = .token) -> JSONProblem? {
  do {
    _ = try JSONDocument(bytes, limits: limits)
    return nil
  } catch {
    return error
  }
}
