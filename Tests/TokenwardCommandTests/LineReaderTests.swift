// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing

@testable import tokenward

@Suite("Lines of a batch")
struct LineReaderTests {
  private func lines(_ chunks: [String], maximumLength: Int = 8) throws -> [LineReader.Line] {
    var rest = chunks.map { Array($0.utf8) }
    var reader = LineReader(maximumLength: maximumLength) {
      rest.isEmpty ? [] : rest.removeFirst()
    }
    var lines: [LineReader.Line] = []
    while let line = try reader.next() { lines.append(line) }
    return lines
  }

  private func complete(_ text: String) -> LineReader.Line { .complete(Array(text.utf8)) }

  @Test("lines are the same however the input is cut")
  func cuts() throws {
    let expected = [self.complete("ab"), self.complete(""), self.complete("cd")]
    #expect(try self.lines(["ab\n\ncd\n"]) == expected)
    #expect(try self.lines(["a", "b", "\n", "\nc", "d\n"]) == expected)
    #expect(try self.lines(["ab\n\ncd"]) == expected)
  }

  @Test("nothing has no lines")
  func empty() throws { #expect(try self.lines([]).isEmpty) }

  @Test("a line of exactly the bound is kept, one byte more is skipped to its end")
  func bound() throws {
    #expect(try self.lines(["12345678\nx\n"]) == [self.complete("12345678"), self.complete("x")])
    #expect(try self.lines(["123456789\nx\n"]) == [.tooLong, self.complete("x")])
    #expect(
      try self.lines(["1234", "5678", "9", "abcdefghijkl", "mn\nx"])
        == [.tooLong, self.complete("x")]
    )
    #expect(try self.lines(["123456789"]) == [.tooLong])
  }
}
