// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The library and the reference accept the same texts and read the same from them. Tight limits
/// are tried too, or short inputs would never come near one.
func checkJSON(_ input: [UInt8]) {
  checkJSON(input, limits: .token)
  checkJSON(input, limits: JSONLimits(bytes: 256, depth: 3, membersPerObject: 3, nodes: 12))
}

private func checkJSON(_ input: [UInt8], limits: JSONLimits) {
  let document = try? JSONDocument(input, limits: limits)
  let reference = ReferenceJSON.parse(input, limits: limits)
  expect((document != nil) == (reference != nil), "accepted by both readers or by none")
  guard let document, let reference else { return }
  checkSame(document, document.root, reference)
}

/// Recursion is bounded by the limit on depth, which both readers have held.
private func checkSame(
  _ document: JSONDocument,
  _ node: JSONDocument.Node,
  _ reference: ReferenceJSON
) {
  switch reference {
  case .object(let members):
    expect(document.kind(of: node) == .object, "an object")
    expect(document.count(of: node) == members.count, "with as many members")
    var index = 0
    document.forEachMember(of: node) { name, value in
      checkString(document, name, members[index].name)
      expect(document.member(utf8: members[index].name, of: node) == value, "found by its name")
      checkSame(document, value, members[index].value)
      index += 1
    }
    expect(index == members.count, "each member once")
    let absent = utf8("no such name") + document.bytes.prefix(8)
    let isKnown = members.contains { $0.name == absent }
    expect((document.member(utf8: absent, of: node) != nil) == isKnown, "no other is found")
  case .array(let elements):
    expect(document.kind(of: node) == .array, "an array")
    expect(document.count(of: node) == elements.count, "with as many elements")
    var index = 0
    document.forEachElement(of: node) { element in
      checkSame(document, element, elements[index])
      index += 1
    }
    expect(index == elements.count, "each element once")
  case .string(let text): checkString(document, node, text)
  case .number: expect(document.kind(of: node) == .number, "a number")
  case .bool(let value):
    expect(document.kind(of: node) == (value ? .true : .false), "a boolean")
  case .null: expect(document.kind(of: node) == .null, "null")
  }
  expect(document.numericDate(node) == reference.date, "a date in range, rounded down")
  if let date = document.numericDate(node) {
    expect((0 ... 253_402_300_799).contains(date), "range")
  }
  if case .bool(let value) = reference {
    expect(document.bool(node) == value, "true or false")
  } else {
    expect(document.bool(node) == nil, "no boolean")
  }
  if reference.string == nil { expect(document.utf8(node) == nil, "no string") }
}

private func checkString(_ document: JSONDocument, _ node: JSONDocument.Node, _ text: [UInt8]) {
  expect(document.kind(of: node) == .string, "a string")
  expect(document.utf8(node) == text, "unescaped alike")
  expect(document.string(node).map(utf8) == text, "as text as well")
  expect(document.equals(node, utf8: text), "equal to itself")
  expect(!document.equals(node, utf8: text + [0x61]), "and to nothing longer")
  expect(text.isEmpty || !document.equals(node, utf8: Array(text.dropLast())), "or shorter")
  expect(document.containsControlCharacter(node) == isControl(text), "control characters are seen")
  if let range = document.rawString(node) {
    expect(Array(document.bytes[range]) == text, "its place in the text")
  }
}
