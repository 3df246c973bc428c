// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Reads a JSON text in one pass onto a tape.
///
/// Nesting is kept on the tape itself: an open container links to the one around it. A hundred
/// thousand opening brackets therefore cost no stack, with or without a depth limit.
struct JSONReader {
  private let limits: JSONLimits
  private(set) var tape: [JSONEntry] = []
  private var position = 0
  private var depth = 0
  /// Tape index of the innermost open container, or `none`.
  private var open: UInt32 = Self.none
  private var isInObject = false
  /// Members or elements of the innermost open container so far.
  private var children: UInt32 = 0
  private let hashKey = JSONNameHash.key

  private static let none = UInt32.max
  /// Offsets are kept in 32 bits, whatever the configured limit says.
  private static let longestText = Int(Int32.max)

  init(limits: JSONLimits) {
    self.limits = limits
  }

  mutating func read(_ text: Span<UInt8>) throws(JSONProblem) {
    guard text.count <= min(self.limits.bytes, Self.longestText) else { throw .tooLarge }
    // Real claims and keys have a value or name every eight bytes or so; more makes the tape grow.
    self.tape.reserveCapacity(max(min(text.count / 6 + 2, self.limits.nodes), 0))
    while true {
      var isComplete = try self.readValue(text)
      while isComplete {
        guard self.open != Self.none else {
          guard self.significantByte(text) == nil else { throw .syntax }
          return
        }
        isComplete = try self.readSeparator(text)
      }
      try self.countChild()
      if self.isInObject { try self.readName(text) }
    }
  }

  /// Reads a scalar or an empty container, or opens a container and returns false.
  private mutating func readValue(_ text: Span<UInt8>) throws(JSONProblem) -> Bool {
    guard let byte = self.significantByte(text) else { throw .syntax }
    switch byte {
    case UInt8(ascii: "\""):
      self.position += 1
      try self.append(self.readString(text))
    case UInt8(ascii: "{"):
      return try self.openContainer(.object, text)
    case UInt8(ascii: "["):
      return try self.openContainer(.array, text)
    case UInt8(ascii: "-"), UInt8(ascii: "0") ... UInt8(ascii: "9"):
      try self.readNumber(text)
    case UInt8(ascii: "t"):
      try self.readLiteral("true", .true, text)
    case UInt8(ascii: "f"):
      try self.readLiteral("false", .false, text)
    case UInt8(ascii: "n"):
      try self.readLiteral("null", .null, text)
    default:
      throw .syntax
    }
    return true
  }

  /// Reads what follows a value inside a container: true if that closed the container, false if
  /// another member or element must follow.
  private mutating func readSeparator(_ text: Span<UInt8>) throws(JSONProblem) -> Bool {
    let byte = self.significantByte(text)
    self.position += 1
    if byte == UInt8(ascii: ",") { return false }
    guard byte == (self.isInObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else { throw .syntax }
    try self.closeContainer(text)
    return true
  }

  private mutating func openContainer(
    _ kind: JSONDocument.Kind,
    _ text: Span<UInt8>
  ) throws(JSONProblem) -> Bool {
    guard self.depth < self.limits.depth else { throw .tooDeep }
    self.depth += 1
    let index = UInt32(truncatingIfNeeded: self.tape.count)
    let start = UInt32(truncatingIfNeeded: self.position)
    try self.append(JSONEntry(start: start, end: 0, link: self.open, kind: kind))
    if self.open != Self.none { self.tape[Int(self.open)].end = self.children }
    self.open = index
    self.isInObject = kind == .object
    self.children = 0
    self.position += 1
    guard self.significantByte(text) == (self.isInObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
    else { return false }
    self.position += 1
    try self.closeContainer(text)
    return true
  }

  private mutating func closeContainer(_ text: Span<UInt8>) throws(JSONProblem) {
    let index = Int(self.open)
    self.tape[index].end = self.children
    if self.isInObject, self.children > 1 {
      guard !self.tape.hasDuplicateName(inObjectAt: index, of: text) else { throw .duplicateMember }
    }
    self.open = self.tape[index].link
    self.tape[index].link = UInt32(truncatingIfNeeded: self.tape.count)
    self.depth -= 1
    guard self.open != Self.none else { return }
    let parent = self.tape[Int(self.open)]
    self.isInObject = parent.kind == .object
    self.children = parent.end
  }

  /// Counts one more member or element of the open container.
  private mutating func countChild() throws(JSONProblem) {
    guard !self.isInObject || Int(self.children) < self.limits.membersPerObject else {
      throw .tooManyMembers
    }
    // There are fewer children than bytes, and those are counted in 31 bits.
    self.children &+= 1
  }

  private mutating func readName(_ text: Span<UInt8>) throws(JSONProblem) {
    guard self.significantByte(text) == UInt8(ascii: "\"") else { throw .syntax }
    self.position += 1
    var name = try self.readString(text)
    name.link = name.hash(in: text, key: self.hashKey)
    try self.append(name)
    guard self.significantByte(text) == UInt8(ascii: ":") else { throw .syntax }
    self.position += 1
  }

  private mutating func append(_ entry: JSONEntry) throws(JSONProblem) {
    guard self.tape.count < self.limits.nodes else { throw .tooManyMembers }
    self.tape.append(entry)
  }

  /// Skips the whitespace of RFC 8259 §2 and returns the byte there; nil at the end of the text.
  @inline(__always)
  private mutating func significantByte(_ text: Span<UInt8>) -> UInt8? {
    while self.position < text.count {
      let byte = text[self.position]
      guard byte <= 0x20 else { return byte }
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
      self.position += 1
    }
    return nil
  }
}

// MARK: - Literals and numbers

extension JSONReader {
  private mutating func readLiteral(
    _ literal: StaticString,
    _ kind: JSONDocument.Kind,
    _ text: Span<UInt8>
  ) throws(JSONProblem) {
    let start = self.position
    let end = start + literal.utf8CodeUnitCount
    guard end <= text.count else { throw .syntax }
    let word = text.extracting(start ..< end)
    guard literal.withUTF8Buffer({ unsafe word.hasSameBytes(as: $0.span) }) else {
      throw .syntax
    }
    self.position = end
    try self.append(self.entry(kind, start ..< end))
  }

  /// RFC 8259 §6: `[ minus ] int [ frac ] [ exp ]`. The text is kept; nothing is converted.
  private mutating func readNumber(_ text: Span<UInt8>) throws(JSONProblem) {
    let start = self.position
    if text[start] == UInt8(ascii: "-") { self.position += 1 }
    let integer = self.position
    let digits = self.skipDigits(text)
    guard digits > 0, digits == 1 || text[integer] != UInt8(ascii: "0") else { throw .syntax }
    if self.position < text.count, text[self.position] == UInt8(ascii: ".") {
      self.position += 1
      guard self.skipDigits(text) > 0 else { throw .syntax }
    }
    if self.position < text.count, text[self.position] | 0x20 == UInt8(ascii: "e") {
      self.position += 1
      if self.position < text.count,
        text[self.position] == UInt8(ascii: "+") || text[self.position] == UInt8(ascii: "-")
      {
        self.position += 1
      }
      guard self.skipDigits(text) > 0 else { throw .syntax }
    }
    try self.append(self.entry(.number, start ..< self.position))
  }

  private mutating func skipDigits(_ text: Span<UInt8>) -> Int {
    let start = self.position
    while self.position < text.count, text[self.position] &- UInt8(ascii: "0") < 10 {
      self.position += 1
    }
    return self.position - start
  }

  private func entry(_ kind: JSONDocument.Kind, _ range: Range<Int>) -> JSONEntry {
    JSONEntry(
      start: UInt32(truncatingIfNeeded: range.lowerBound),
      end: UInt32(truncatingIfNeeded: range.upperBound),
      link: 0,
      kind: kind
    )
  }
}

// MARK: - Strings

extension JSONReader {
  /// Reads a string from after its opening quote to after its closing one.
  private mutating func readString(_ text: Span<UInt8>) throws(JSONProblem) -> JSONEntry {
    let start = self.position
    var isEscaped = false
    var containsControlCharacter = false
    while true {
      self.skipPlainText(text)
      guard self.position < text.count else { throw .syntax }
      switch text[self.position] {
      case UInt8(ascii: "\""):
        var entry = self.entry(.string, start ..< self.position)
        entry.isEscaped = isEscaped
        entry.containsControlCharacter = containsControlCharacter
        self.position += 1
        return entry
      case UInt8(ascii: "\\"):
        isEscaped = true
        if try self.readEscape(text) { containsControlCharacter = true }
      case 0x00 ... 0x1F:
        throw .syntax
      case 0x7F:
        containsControlCharacter = true
        self.position += 1
      case 0x80 ... 0xFF:
        try self.readMultibyte(text)
      default:
        self.position += 1
      }
    }
  }

  /// Skips printable ASCII up to a quote or backslash, eight bytes at a time while there are eight.
  private mutating func skipPlainText(_ text: Span<UInt8>) {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highBits: UInt64 = 0x8080_8080_8080_8080
    while self.position <= text.count - 8 {
      let word = text.word(at: self.position)
      let quote = word ^ (ones &* 0x22)
      let backslash = word ^ (ones &* 0x5C)
      let delete = word ^ (ones &* 0x7F)
      // A borrow marks bytes above a real hit only, so the lowest mark is always a real one.
      let control = (word &- ones &* 0x20) & ~word
      let zero =
        (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (delete &- ones) & ~delete
      let marks = (word | control | zero) & highBits
      guard marks == 0 else {
        self.position += marks.trailingZeroBitCount >> 3
        return
      }
      self.position += 8
    }
  }

  /// Validates one escape (RFC 8259 §7) and returns whether it stands for a control character.
  ///
  /// A surrogate without its partner is refused: readers differ in what they make of it, and no
  /// UTF-8 represents it.
  private mutating func readEscape(_ text: Span<UInt8>) throws(JSONProblem) -> Bool {
    guard self.position <= text.count - 2 else { throw .syntax }
    let escape = text[self.position + 1]
    self.position += 2
    switch escape {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      return false
    case UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"),
      UInt8(ascii: "t"):
      return true
    case UInt8(ascii: "u"):
      break
    default:
      throw .syntax
    }
    guard let code = text.hexQuad(at: self.position) else { throw .syntax }
    self.position += 4
    guard code & 0xF800 == 0xD800 else { return code < 0x20 || code == 0x7F }
    guard
      code < 0xDC00,
      self.position <= text.count - 6,
      text[self.position] == UInt8(ascii: "\\"),
      text[self.position + 1] == UInt8(ascii: "u"),
      let low = text.hexQuad(at: self.position + 2),
      low & 0xFC00 == 0xDC00
    else { throw .syntax }
    self.position += 6
    return false
  }

  /// Validates one multi-byte UTF-8 sequence (RFC 3629 §4): no overlong form, no surrogate,
  /// nothing above U+10FFFF.
  private mutating func readMultibyte(_ text: Span<UInt8>) throws(JSONProblem) {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80 ... 0xBF
    switch text[self.position] {
    case 0xC2 ... 0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0 ... 0xBF)
    case 0xED: (length, second) = (3, 0x80 ... 0x9F)
    case 0xE1 ... 0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90 ... 0xBF)
    case 0xF1 ... 0xF3: length = 4
    case 0xF4: (length, second) = (4, 0x80 ... 0x8F)
    default: throw .invalidUTF8
    }
    let end = self.position + length
    guard end <= text.count, second.contains(text[self.position + 1]) else { throw .invalidUTF8 }
    for index in self.position + 2 ..< end where text[index] & 0xC0 != 0x80 { throw .invalidUTF8 }
    self.position = end
  }
}
