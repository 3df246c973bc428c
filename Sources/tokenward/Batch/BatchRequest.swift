// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// One line of a batch: a JSON object whose members are taken apart but not yet judged, so that a
/// value that is refused (a duplicate member in a key, invalid UTF-8 in a token) is answered under
/// the line's own `id`.
struct BatchRequest {
  /// Longest line, in bytes: a key set of the greatest length, a token and room for their names.
  static let maximumLength = 2 * 1_024 * 1_024
  /// Most members of a line.
  static let maximumMembers = 64

  /// The JSON text of `id` as it goes into the answer: a string or a number, else `null`.
  let id: [UInt8]
  private let line: [UInt8]
  private let members: [(name: [UInt8], value: Range<Int>)]
  /// Whether the line can be judged: an object with an `id`, nothing twice and nothing malformed in
  /// the members that are not asked for.
  let isWellFormed: Bool

  /// - Parameter line: the line without its line feed.
  init(_ line: [UInt8]) {
    self.line = line
    guard let members = Self.members(of: line) else {
      self.id = Self.noID
      self.members = []
      self.isWellFormed = false
      return
    }
    self.members = members
    let hasNameTwice = Set(members.map(\.name)).count != members.count
    let ids = members.filter { $0.name.elementsEqual("id".utf8) }
    let id = ids.count == 1 ? Self.id(line[ids[0].value]) : nil
    self.id = id ?? Self.noID
    self.isWellFormed = id != nil && !hasNameTwice
  }

  private static let noID = Array("null".utf8)

  /// The text of one member; nil if it is absent or null.
  func value(_ name: StaticString) -> [UInt8]? {
    let name = Array("\(name)".utf8)
    guard let member = self.members.first(where: { $0.name == name }) else { return nil }
    let text = self.line[member.value]
    return text.elementsEqual("null".utf8) ? nil : Array(text)
  }

  /// The UTF-8 of a member that is a string; nil for everything else.
  func string(_ name: StaticString) -> [UInt8]? {
    guard let text = self.value(name),
      let document = try? JSONDocument(text, limits: JSONLimits(bytes: text.count))
    else { return nil }
    return document.utf8(document.root)
  }

  private static func members(of line: [UInt8]) -> [(name: [UInt8], value: Range<Int>)]? {
    var scanner = JSONScanner(line)
    var members: [(name: [UInt8], value: Range<Int>)] = []
    scanner.skipSpace()
    guard scanner.skip("{") else { return nil }
    scanner.skipSpace()
    var isFinished = scanner.skip("}")
    while !isFinished {
      scanner.skipSpace()
      guard members.count < Self.maximumMembers, let range = scanner.string(),
        let name = Self.name(line[range])
      else { return nil }
      scanner.skipSpace()
      guard scanner.skip(":") else { return nil }
      scanner.skipSpace()
      guard let value = scanner.value() else { return nil }
      members.append((name, value))
      scanner.skipSpace()
      isFinished = scanner.skip("}")
      guard isFinished || scanner.skip(",") else { return nil }
    }
    scanner.skipSpace()
    return scanner.isAtEnd ? members : nil
  }

  private static func name(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    guard let document = try? JSONDocument(Array(text), limits: JSONLimits(bytes: 1_024)) else {
      return nil
    }
    return document.utf8(document.root)
  }

  /// The value itself is returned unchanged, whatever its spelling: a number keeps its digits.
  private static func id(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    let limits = JSONLimits(bytes: Self.maximumLength)
    guard let document = try? JSONDocument(Array(text), limits: limits) else { return nil }
    switch document.kind(of: document.root) {
    case .number:
      return Array(text)
    case .string:
      var id: [UInt8] = []
      JSONText.append(quoted: document.string(document.root) ?? "", to: &id)
      return id
    default:
      return nil
    }
  }
}
