// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// A JSON text read the plain way: recursively, into a tree, with every name compared with every
/// other. Nothing of it is shared with the library's reader, with which it must agree on each text.
indirect enum ReferenceJSON {
  case object([(name: [UInt8], value: ReferenceJSON)])
  case array([ReferenceJSON])
  case string([UInt8])
  case number([UInt8])
  case bool(Bool)
  case null

  /// Nil for whatever is no JSON text (RFC 8259), repeats a name or exceeds the limits.
  static func parse(_ bytes: [UInt8], limits: JSONLimits) -> ReferenceJSON? {
    guard bytes.count <= limits.bytes, String(validating: bytes, as: UTF8.self) != nil else {
      return nil
    }
    var parser = ReferenceJSONParser(rest: bytes[...], limits: limits)
    guard let value = parser.value(depth: 0) else { return nil }
    parser.skipSpace()
    return parser.rest.isEmpty && parser.nodes <= limits.nodes ? value : nil
  }

  subscript(name: String) -> ReferenceJSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == utf8(name) }?.value
  }

  var string: [UInt8]? {
    if case .string(let text) = self { text } else { nil }
  }

  /// A number without sign and exponent before the year 10000, rounded down.
  var date: Int64? {
    guard case .number(let text) = self, text.allSatisfy({ isDigit($0) || $0 == 0x2E }) else {
      return nil
    }
    let whole = text.prefix { $0 != 0x2E }
    guard let seconds = Int64(String(decoding: whole, as: UTF8.self)), seconds <= 253_402_300_799
    else { return nil }
    return seconds
  }

  /// Whether any string or name, at any depth, has a control character of ASCII.
  var hasControlCharacter: Bool {
    switch self {
    case .object(let members):
      members.contains { isControl($0.name) || $0.value.hasControlCharacter }
    case .array(let elements): elements.contains { $0.hasControlCharacter }
    case .string(let text): isControl(text)
    case .number, .bool, .null: false
    }
  }
}

func isControl(_ text: [UInt8]) -> Bool { text.contains { $0 < 32 || $0 == 127 } }

extension JSONLimits {
  /// For texts whose size is limited already.
  static let generous = JSONLimits(
    bytes: 1 << 20,
    depth: 64,
    membersPerObject: 4_096,
    nodes: 1 << 16
  )
}

private struct ReferenceJSONParser {
  var rest: ArraySlice<UInt8>
  let limits: JSONLimits
  var nodes = 0

  mutating func skipSpace() {
    while let byte = self.rest.first, [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
      self.rest.removeFirst()
    }
  }

  private mutating func take(_ text: String) -> Bool {
    guard self.rest.starts(with: text.utf8) else { return false }
    self.rest.removeFirst(text.utf8.count)
    return true
  }

  /// - Parameter depth: the containers around the value; no more than the limit, so the recursion
  ///   is bounded.
  mutating func value(depth: Int) -> ReferenceJSON? {
    self.skipSpace()
    self.nodes += 1
    if self.take("{") { return depth < self.limits.depth ? self.object(depth: depth + 1) : nil }
    if self.take("[") { return depth < self.limits.depth ? self.array(depth: depth + 1) : nil }
    if self.take("\"") { return self.string().map { .string($0) } }
    if self.take("true") { return .bool(true) }
    if self.take("false") { return .bool(false) }
    if self.take("null") { return .null }
    return self.number().map { .number($0) }
  }

  private mutating func object(depth: Int) -> ReferenceJSON? {
    var members: [(name: [UInt8], value: ReferenceJSON)] = []
    self.skipSpace()
    if self.take("}") { return .object([]) }
    repeat {
      self.skipSpace()
      self.nodes += 1
      guard self.take("\""), let name = self.string() else { return nil }
      self.skipSpace()
      guard self.take(":"), let value = self.value(depth: depth) else { return nil }
      guard !members.contains(where: { $0.name == name }) else { return nil }
      members.append((name, value))
      self.skipSpace()
    } while self.take(",")
    guard self.take("}"), members.count <= self.limits.membersPerObject else { return nil }
    return .object(members)
  }

  private mutating func array(depth: Int) -> ReferenceJSON? {
    var elements: [ReferenceJSON] = []
    self.skipSpace()
    if self.take("]") { return .array([]) }
    repeat {
      guard let value = self.value(depth: depth) else { return nil }
      elements.append(value)
      self.skipSpace()
    } while self.take(",")
    return self.take("]") ? .array(elements) : nil
  }

  private mutating func string() -> [UInt8]? {
    var units: [UInt16] = []
    var result: [UInt8] = []
    // Escapes are UTF-16, so they are collected and converted together: a lone half is refused.
    func flush() -> Bool {
      guard let text = String(validating: units, as: UTF16.self) else { return false }
      result += utf8(text)
      units = []
      return true
    }
    while let byte = self.rest.popFirst() {
      switch byte {
      case 0x22: return flush() ? result : nil
      case 0x5C:
        guard let unit = self.escape() else { return nil }
        units.append(unit)
      case 0 ..< 32: return nil
      default:
        guard flush() else { return nil }
        result.append(byte)
      }
    }
    return nil
  }

  private mutating func escape() -> UInt16? {
    guard let letter = self.rest.popFirst() else { return nil }
    let meanings: [Character: UInt16] = [
      "\"": 0x22, "\\": 0x5C, "/": 0x2F, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9,
    ]
    guard letter == UInt8(ascii: "u") else { return meanings[Character(Unicode.Scalar(letter))] }
    let digits = self.rest.prefix(4)
    self.rest = self.rest.dropFirst(4)
    guard digits.count == 4,
      digits.allSatisfy({ isDigit($0) || utf8("abcdefABCDEF").contains($0) })
    else { return nil }
    return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  private mutating func number() -> [UInt8]? {
    let text = Array(self.rest.prefix { isDigit($0) || utf8("+-.eE").contains($0) })
    self.rest = self.rest.dropFirst(text.count)
    var parts = text[...]
    if parts.first == 0x2D { parts.removeFirst() }
    let exponent = parts.split(
      maxSplits: 1,
      omittingEmptySubsequences: false,
      whereSeparator: { $0 | 0x20 == 0x65 }
    )
    let mantissa = exponent[0].split(
      separator: 0x2E,
      maxSplits: 1,
      omittingEmptySubsequences: false
    )
    guard Self.isNumeral(mantissa[0]), mantissa[0].count == 1 || mantissa[0].first != 0x30,
      mantissa.count == 1 || Self.isNumeral(mantissa[1])
    else { return nil }
    if exponent.count == 2 {
      var digits = exponent[1]
      if let sign = digits.first, sign == 0x2B || sign == 0x2D { digits.removeFirst() }
      guard Self.isNumeral(digits) else { return nil }
    }
    return text
  }

  private static func isNumeral(_ text: ArraySlice<UInt8>) -> Bool {
    !text.isEmpty && text.allSatisfy(isDigit)
  }
}
