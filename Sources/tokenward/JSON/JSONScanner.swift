// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Cuts a JSON text into pieces without judging them: enough to find out which line an answer
/// belongs to although a value in it is one that the strict reader refuses. No recursion.
struct JSONScanner {
  let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { self.position == self.bytes.count }

  mutating func skipSpace() {
    while let byte = self.current, Self.space.contains(byte) { self.position += 1 }
  }

  /// Goes past one byte, if it is this one.
  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard self.current == UInt8(ascii: character) else { return false }
    self.position += 1
    return true
  }

  /// The next byte, and past it.
  mutating func take() -> UInt8? {
    guard let byte = self.current else { return nil }
    self.position += 1
    return byte
  }

  /// A string with its quotes; nil if none begins here or it does not end.
  mutating func string() -> Range<Int>? {
    let start = self.position
    guard self.skip("\"") else { return nil }
    while let byte = self.take() {
      if byte == UInt8(ascii: "\"") { return start ..< self.position }
      if byte == UInt8(ascii: "\\") { self.position = min(self.position + 1, self.bytes.count) }
    }
    return nil
  }

  /// A value of any kind. Brackets are counted, not matched: what is inside is for the strict
  /// reader.
  mutating func value() -> Range<Int>? {
    let start = self.position
    switch self.current {
    case nil: return nil
    case UInt8(ascii: "\""): return self.string()
    case UInt8(ascii: "{"), UInt8(ascii: "["): return self.container()
    default: return self.word(from: start)
    }
  }

  /// A number or a literal: everything up to the next delimiter.
  mutating func word(from start: Int) -> Range<Int>? {
    while let byte = self.current, !Self.delimiters.contains(byte) { self.position += 1 }
    return start < self.position ? start ..< self.position : nil
  }

  private mutating func container() -> Range<Int>? {
    let start = self.position
    var depth = 0
    while let byte = self.current {
      switch byte {
      case UInt8(ascii: "\""):
        guard self.string() != nil else { return nil }
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
      self.position += 1
      if depth == 0 { return start ..< self.position }
    }
    return nil
  }

  private var current: UInt8? {
    self.position < self.bytes.count ? self.bytes[self.position] : nil
  }

  private static let space: [UInt8] = Array(" \t\r\n".utf8)
  private static let delimiters: [UInt8] = Array(",:{}[]\" \t\r\n".utf8)
}
