// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// A JSON text (RFC 8259) read once, strictly and within bounds.
///
/// Token verification cannot use a lenient reader: two readers that disagree about one text let a
/// token mean one thing here and another at the next hop. Refused, therefore: duplicate member
/// names (RFC 7519 §4 leaves the choice; names are compared by bytes after unescaping), a byte
/// order mark, invalid UTF-8, lone surrogates, trailing commas, bytes after the value.
///
/// The result is a flat tape in document order: no recursion anywhere, one allocation, and no cost
/// for members nobody asks for. A ``Node`` belongs to the document that returned it. A node of
/// another document yields a wrong or absent value, never a trap.
package struct JSONDocument: Sendable {
  /// The text as given; ``rawString(_:)`` returns ranges of it.
  package let bytes: [UInt8]
  let tape: [JSONEntry]

  /// Reads one JSON text whose top-level value may be of any kind.
  package init(_ bytes: [UInt8], limits: JSONLimits) throws(JSONProblem) {
    var reader = JSONReader(limits: limits)
    try reader.read(bytes.span)
    self.bytes = bytes
    self.tape = reader.tape
  }

  /// A value or a member name of the document.
  package struct Node: Hashable, Sendable {
    let index: Int
  }

  package enum Kind: UInt8, Hashable, Sendable {
    case object, array, string, number, `true`, `false`, null
  }

  package var root: Node { Node(index: 0) }

  package func kind(of node: Node) -> Kind {
    self.entry(node)?.kind ?? .null
  }
}

/// What a text may cost before it is refused.
package struct JSONLimits: Hashable, Sendable {
  /// Longest text, in bytes.
  package var bytes: Int
  /// Deepest accepted nesting of objects and arrays.
  package var depth: Int
  /// Most members of one object.
  package var membersPerObject: Int
  /// Most values and member names altogether: bounds the tape for `[0,0,0,…]`.
  package var nodes: Int

  package init(bytes: Int, depth: Int = 64, membersPerObject: Int = 256, nodes: Int = 8_192) {
    self.bytes = bytes
    self.depth = depth
    self.membersPerObject = membersPerObject
    self.nodes = nodes
  }

  /// Header or claims of one token: no longer than the whole token may be.
  package static let token = JSONLimits(bytes: 8 * 1_024)

  /// A key set (RFC 7517 §5): room for some 800 keys of ten members.
  package static let keySet = JSONLimits(bytes: 1_024 * 1_024, nodes: 16_384)
}

/// Why a text was refused.
package enum JSONProblem: Error, Hashable, Sendable {
  case tooLarge
  case tooDeep
  /// Too many members in one object, or too many values altogether.
  case tooManyMembers
  case invalidUTF8
  case duplicateMember
  case syntax
}

// MARK: - Objects and arrays

extension JSONDocument {
  /// The value of the member whose unescaped name has exactly these bytes; nil if there is none or
  /// the node is not an object.
  package func member(_ name: StaticString, of object: Node) -> Node? {
    name.withUTF8Buffer { unsafe self.member(utf8: $0.span, of: object) }
  }

  package func member(utf8 name: [UInt8], of object: Node) -> Node? {
    self.member(utf8: name.span, of: object)
  }

  package func member(utf8 name: Span<UInt8>, of object: Node) -> Node? {
    guard let entry = self.entry(object), entry.kind == .object else { return nil }
    var index = object.index + 1
    for _ in 0 ..< entry.end {
      let value = index + 1
      if self.tape[index].equals(name, in: self.bytes.span) { return Node(index: value) }
      index = self.tape[value].next(after: value)
    }
    return nil
  }

  /// The number of members or elements; zero for a node that is neither object nor array.
  package func count(of node: Node) -> Int {
    guard let entry = self.entry(node), entry.isContainer else { return 0 }
    return Int(entry.end)
  }

  /// The members of an object in document order; empty for any other node. Allocates nothing.
  package func members(of object: Node) -> JSONMembers {
    guard let entry = self.entry(object), entry.kind == .object else {
      return JSONMembers(tape: [], index: 0, left: 0)
    }
    return JSONMembers(tape: self.tape, index: object.index + 1, left: entry.end)
  }

  /// The elements of an array in document order; empty for any other node. Allocates nothing.
  package func elements(of array: Node) -> JSONElements {
    guard let entry = self.entry(array), entry.kind == .array else {
      return JSONElements(tape: [], index: 0, left: 0)
    }
    return JSONElements(tape: self.tape, index: array.index + 1, left: entry.end)
  }

  package func forEachMember<Failure: Error>(
    of object: Node,
    _ body: (_ name: Node, _ value: Node) throws(Failure) -> Void
  ) throws(Failure) {
    for member in self.members(of: object) { try body(member.name, member.value) }
  }

  package func forEachElement<Failure: Error>(
    of array: Node,
    _ body: (Node) throws(Failure) -> Void
  ) throws(Failure) {
    for element in self.elements(of: array) { try body(element) }
  }
}

package struct JSONMembers: Sequence, IteratorProtocol, Sendable {
  let tape: [JSONEntry]
  var index: Int
  var left: UInt32

  package mutating func next() -> (name: JSONDocument.Node, value: JSONDocument.Node)? {
    guard self.left > 0 else { return nil }
    self.left -= 1
    let name = self.index
    let value = name + 1
    self.index = self.tape[value].next(after: value)
    return (JSONDocument.Node(index: name), JSONDocument.Node(index: value))
  }
}

package struct JSONElements: Sequence, IteratorProtocol, Sendable {
  let tape: [JSONEntry]
  var index: Int
  var left: UInt32

  package mutating func next() -> JSONDocument.Node? {
    guard self.left > 0 else { return nil }
    self.left -= 1
    let element = self.index
    self.index = self.tape[element].next(after: element)
    return JSONDocument.Node(index: element)
  }
}

// MARK: - Strings

extension JSONDocument {
  /// The unescaped text; nil if the node is not a string.
  package func string(_ node: Node) -> String? {
    guard let entry = self.string(at: node) else { return nil }
    if entry.isEscaped { return String(decoding: self.unescaped(entry), as: UTF8.self) }
    return String(decoding: self.bytes[entry.range], as: UTF8.self)
  }

  /// The unescaped text as UTF-8; nil if the node is not a string.
  package func utf8(_ node: Node) -> [UInt8]? {
    guard let entry = self.string(at: node) else { return nil }
    return entry.isEscaped ? self.unescaped(entry) : Array(self.bytes[entry.range])
  }

  /// Whether the node is a string of exactly these bytes after unescaping. Swift's `String ==`
  /// is not used: it takes U+212A (Kelvin) for "K".
  package func equals(_ node: Node, _ text: StaticString) -> Bool {
    text.withUTF8Buffer { unsafe self.equals(node, utf8: $0.span) }
  }

  package func equals(_ node: Node, utf8 text: [UInt8]) -> Bool {
    self.equals(node, utf8: text.span)
  }

  package func equals(_ node: Node, utf8 text: Span<UInt8>) -> Bool {
    guard let entry = self.string(at: node) else { return false }
    return entry.equals(text, in: self.bytes.span)
  }

  /// Where in ``bytes`` the text of a string without escapes lies; nil for every other node.
  package func rawString(_ node: Node) -> Range<Int>? {
    guard let entry = self.string(at: node), !entry.isEscaped else { return nil }
    return entry.range
  }

  /// Whether the unescaped string contains U+0000…U+001F or U+007F, with which a claim would cut
  /// or forge lines and fields wherever it is written next. False if the node is not a string.
  package func containsControlCharacter(_ node: Node) -> Bool {
    self.string(at: node)?.containsControlCharacter ?? false
  }

  private func unescaped(_ entry: JSONEntry) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(entry.range.count)
    var decoder = JSONUnescaper(entry)
    while let byte = decoder.next(self.bytes.span) { result.append(byte) }
    return result
  }
}

// MARK: - Numbers and booleans

extension JSONDocument {
  /// The last second of the year 9999: later dates are mistakes or attempts to overflow.
  private static let latestDate: Int64 = 253_402_300_799

  /// A NumericDate (RFC 7519 §2) rounded down to whole seconds.
  ///
  /// Nil unless the number is non-negative, has no exponent and lies before the year 10000. No
  /// floating point is involved: `Double("0x1p3")` and `Double("nan")` succeed, and 2⁵³ + 1
  /// equals 2⁵³.
  package func numericDate(_ node: Node) -> Int64? {
    guard let entry = self.entry(node), entry.kind == .number else { return nil }
    var seconds: Int64 = 0
    var isFraction = false
    for byte in self.bytes[entry.range] {
      switch byte {
      case UInt8(ascii: "0") ... UInt8(ascii: "9"):
        if isFraction { continue }
        seconds = seconds * 10 + Int64(byte - UInt8(ascii: "0"))
        guard seconds <= Self.latestDate else { return nil }
      case UInt8(ascii: "."):
        isFraction = true
      default:
        return nil
      }
    }
    return seconds
  }

  package func bool(_ node: Node) -> Bool? {
    switch self.entry(node)?.kind {
    case .true: true
    case .false: false
    default: nil
    }
  }
}

extension JSONDocument {
  private func entry(_ node: Node) -> JSONEntry? {
    self.tape.indices.contains(node.index) ? self.tape[node.index] : nil
  }

  private func string(at node: Node) -> JSONEntry? {
    guard let entry = self.entry(node), entry.kind == .string else { return nil }
    return entry
  }
}
