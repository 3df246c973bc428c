// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// One value or member name on the tape of a ``JSONDocument``.
///
/// A container is followed by its contents; a member name is followed by its value.
struct JSONEntry: Sendable {
  /// First byte of the text: after the quote for a string.
  var start: UInt32
  /// Past the last byte of the text; for a container the number of its members or elements.
  var end: UInt32
  /// For a container the tape index after its contents, and while it is still open the index of
  /// the container around it. For a member name the hash of its unescaped bytes.
  var link: UInt32
  var kind: JSONDocument.Kind
  var isEscaped = false
  var containsControlCharacter = false

  var isContainer: Bool { self.kind == .object || self.kind == .array }

  var range: Range<Int> { Int(self.start) ..< Int(self.end) }

  /// The index of the next sibling of the entry at `index`.
  func next(after index: Int) -> Int {
    self.isContainer ? Int(self.link) : index + 1
  }
}

extension JSONEntry {
  /// Whether the unescaped string has exactly these bytes.
  func equals(_ other: Span<UInt8>, in text: Span<UInt8>) -> Bool {
    if !self.isEscaped {
      return text.extracting(self.range).hasSameBytes(as: other)
    }
    var decoder = JSONUnescaper(self)
    for index in other.indices where decoder.next(text) != other[index] { return false }
    return decoder.next(text) == nil
  }

  /// Whether both strings of one text are equal after unescaping.
  func equals(_ other: JSONEntry, in text: Span<UInt8>) -> Bool {
    if !self.isEscaped { return other.equals(text.extracting(self.range), in: text) }
    if !other.isEscaped { return self.equals(text.extracting(other.range), in: text) }
    var left = JSONUnescaper(self)
    var right = JSONUnescaper(other)
    while let byte = left.next(text) {
      guard right.next(text) == byte else { return false }
    }
    return right.next(text) == nil
  }
}

extension Span<UInt8> {
  func hasSameBytes(as other: Span<UInt8>) -> Bool {
    guard self.count == other.count else { return false }
    for index in self.indices where self[index] != other[index] { return false }
    return true
  }

  /// Eight bytes from `offset`, the first in the lowest bits. Needs `offset + 8 <= count`, which
  /// the standard library checks once more.
  func word(at offset: Int) -> UInt64 {
    // Every bit pattern is a UInt64, so the load is only formally unsafe.
    let word = unsafe self.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    return UInt64(littleEndian: word)
  }

  /// The value of four hexadecimal digits from `offset`, as after `\u`.
  func hexQuad(at offset: Int) -> UInt32? {
    guard offset >= 0, offset <= self.count - 4 else { return nil }
    var value: UInt32 = 0
    for index in offset ..< offset + 4 {
      let digit: UInt8
      switch self[index] {
      case UInt8(ascii: "0") ... UInt8(ascii: "9"): digit = self[index] - UInt8(ascii: "0")
      case UInt8(ascii: "a") ... UInt8(ascii: "f"): digit = self[index] - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A") ... UInt8(ascii: "F"): digit = self[index] - UInt8(ascii: "A") + 10
      default: return nil
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}

/// Yields the bytes of a string with its escapes resolved, one at a time and without a buffer.
///
/// ``JSONReader`` has already validated the escapes. Should that ever be wrong, the text ends
/// early: nothing here traps.
struct JSONUnescaper {
  private var position: Int
  private let end: Int
  /// UTF-8 of the last escape that is still to be returned, first byte lowest.
  private var pending: UInt32 = 0
  private var pendingCount = 0

  init(_ entry: JSONEntry) {
    self.position = Int(entry.start)
    self.end = Int(entry.end)
  }

  mutating func next(_ text: Span<UInt8>) -> UInt8? {
    if self.pendingCount > 0 { return self.takePending() }
    guard self.position < self.end else { return nil }
    let byte = text[self.position]
    self.position += 1
    guard byte == UInt8(ascii: "\\") else { return byte }
    guard self.position < self.end else { return nil }
    let escape = text[self.position]
    self.position += 1
    switch escape {
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "n"): return 0x0A
    case UInt8(ascii: "f"): return 0x0C
    case UInt8(ascii: "r"): return 0x0D
    case UInt8(ascii: "u"): return self.scalar(text)
    default: return escape
    }
  }

  private mutating func scalar(_ text: Span<UInt8>) -> UInt8? {
    guard var code = text.hexQuad(at: self.position) else { return nil }
    self.position += 4
    if code & 0xFC00 == 0xD800 {
      guard let low = text.hexQuad(at: self.position + 2) else { return nil }
      self.position += 6
      code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
    }
    guard let scalar = Unicode.Scalar(code) else { return nil }
    for byte in scalar.utf8 {
      self.pending |= UInt32(byte) << UInt32(self.pendingCount * 8)
      self.pendingCount += 1
    }
    return self.takePending()
  }

  private mutating func takePending() -> UInt8 {
    let byte = UInt8(truncatingIfNeeded: self.pending)
    self.pending >>= 8
    self.pendingCount -= 1
    return byte
  }
}
