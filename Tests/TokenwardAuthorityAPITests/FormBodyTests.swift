// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing

@testable import TokenwardAuthorityAPI

@Suite("Parameters in form encoding")
struct FormBodyTests {
  private static func form(_ text: String) throws(FormBody.Problem) -> FormBody {
    try FormBody(Array(text.utf8).span, repeatable: ["audience"])
  }

  @Test("what is well formed is read byte for byte")
  func reads() throws {
    let form = try Self.form(
      "a=1&b=&c=x+y%2Bz%26%3d%25&d=%C3%A9&audience=p&audience=q&%65=e&f=a/:*~"
    )
    #expect(form.value("a") == "1")
    #expect(form.contains("b") && form.value("b") == nil)
    #expect(form.value("c") == "x y+z&=%")
    #expect(form.value("d") == "\u{E9}")
    #expect(form.values("audience") == ["p", "q"])
    #expect(form.value("e") == "e")
    #expect(form.value("f") == "a/:*~")
    #expect(!form.contains("g") && form.value("g") == nil)
    #expect(try !Self.form("").contains("a"))
  }

  static let malformed = [
    "a", "=1", "a=1&", "&a=1", "a=1&&b=2", "a=1;b=2&c", "a=%", "a=%4", "a=%4g", "a=%zz", "a=b=c",
    "a=\u{E9}", "a=%C3", "a=%C3%28", "a=%ED%A0%80", "a=%00", "a=%0A", "a=%0d", "a=%7F", "a=b c",
    "a=b\nc", "a\u{0}=1", "a=\t", "a=%C0%AF", "?a=1&",
  ]

  @Test("what two readers could read in two ways is refused", arguments: malformed)
  func refuses(_ text: String) {
    #expect(throws: FormBody.Problem.malformed) { try Self.form(text) }
  }

  @Test("a parameter twice is refused, however it is written")
  func repeated() throws {
    for text in ["a=1&a=1", "a=1&a=2", "a=&a=", "a=1&%61=1", "audience=a&a=1&b=2&a=3"] {
      #expect(throws: FormBody.Problem.repeated) { try Self.form(text) }
    }
    // Unicode equivalence does not make two names one.
    let kelvin = try Self.form("K=1&%E2%84%AA=2")
    #expect(kelvin.value("K") == "1")
    #expect(kelvin.value("\u{212A}") == "2")
  }

  @Test("size and number have a limit, to the byte")
  func limits() throws {
    let longest = "a=" + String(repeating: "x", count: FormBody.maximumLength - 2)
    #expect(try Self.form(longest).value("a")?.utf8.count == FormBody.maximumLength - 2)
    #expect(throws: FormBody.Problem.malformed) { try Self.form(longest + "x") }
    let most = (0 ..< FormBody.maximumCount).map { "p\($0)=1" }.joined(separator: "&")
    #expect(try Self.form(most).value("p127") == "1")
    #expect(throws: FormBody.Problem.malformed) { try Self.form(most + "&q=1") }
  }

  @Test("nothing of it can be printed")
  func redacted() throws {
    let form = try Self.form("token=hush")
    var dumped = ""
    dump(form, to: &dumped)
    for text in ["\(form)", String(reflecting: form), dumped] { #expect(!text.contains("hush")) }
  }
}
