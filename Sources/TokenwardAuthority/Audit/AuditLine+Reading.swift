// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The place of a line in its chain, as the line itself says it.
struct AuditLinePlace: Sendable {
  let sequence: Int64
  let previous: [UInt8]
  let key: UInt32?
  let hash: [UInt8]
  /// Which bytes the hash covers.
  let covered: Range<Int>
  /// Set for what the trail says about itself.
  let action: ChainAction?
}

extension AuditLine {
  /// What is wrong with one line.
  struct Fault: Error {
    let problem: String
    let hint: String
    /// The line has a key and none was given at all: nothing is known of it.
    var lacksEveryKey = false
  }

  /// Checks that a line is the one that follows a position.
  /// - Parameters:
  ///   - line: its bytes, without the line end.
  ///   - position: where the chain stands before it; nil for "wherever this line says".
  /// - Returns: what the line says of its place.
  static func check(
    _ line: [UInt8],
    after position: ChainPosition?,
    _ hash: ChainHash
  ) throws(Fault) -> AuditLinePlace {
    let place = try Self.place(of: line)
    try Self.checkKey(place, hash)
    if let position {
      guard place.sequence == position.sequence + 1 else {
        throw Fault(
          problem: "has number \(place.sequence) where \(position.sequence + 1) follows",
          hint: place.sequence <= position.sequence
            ? "a line was put in, repeated or moved; compare with a copy that was kept elsewhere"
            : "lines are missing or were moved; compare with a copy that was kept elsewhere"
        )
      }
      guard place.previous.hasSameBytes(as: position.hash) else {
        throw Fault(
          problem: "does not follow the line before it",
          hint: "one of the two was exchanged; compare with a copy that was kept elsewhere"
        )
      }
    }
    let content = line.span.extracting(place.covered)
    guard let code = hash.hash(after: place.previous, of: content, key: place.key),
      code.hasSameBytes(as: place.hash)
    else {
      throw Fault(
        problem: "was changed: its hash is another",
        hint: hash.keys.isEmpty
          ? "compare with a copy that was kept elsewhere"
          : "compare with a copy that was kept elsewhere; or it is not the right key"
      )
    }
    return place
  }

  private static func checkKey(_ place: AuditLinePlace, _ hash: ChainHash) throws(Fault) {
    if hash.knows(place.key) { return }
    guard let key = place.key else {
      throw Fault(
        problem: "was written without a key, and the chain has to have one",
        hint: "anybody could have written it; rename a file from before there was a key"
      )
    }
    throw Fault(
      problem: "was written under key \(key), which was not given",
      hint: "without that key nothing can be said about it; give it, with --config",
      lacksEveryKey: hash.keys.isEmpty
    )
  }

  /// Reads a line. It is strict JSON, and its first members and its last are where they are written.
  static func place(of line: [UInt8]) throws(Fault) -> AuditLinePlace {
    let unreadable = Fault(
      problem: "is no audit record",
      hint: "something else was written into the file; compare with a copy that was kept elsewhere"
    )
    guard line.count > Self.tailLength,
      let document = try? JSONDocument(line, limits: .auditLine),
      let sequenceNode = document.member("seq", of: document.root),
      let sequence = document.numericDate(sequenceNode), sequence > 0,
      let previous = Self.digest("prev", document), let hash = Self.digest("hash", document),
      let keyNode = document.member("key", of: document.root),
      let actionNode = document.member("action", of: document.root)
    else { throw unreadable }
    var key: UInt32?
    if document.kind(of: keyNode) != .null {
      guard let number = document.numericDate(keyNode), let id = UInt32(exactly: number) else {
        throw unreadable
      }
      key = id
    }
    let covered = 0 ..< line.count - Self.tailLength
    // The hash covers everything before it, so it has to be the last member and nothing behind it.
    let before = ChainPosition(sequence: sequence - 1, hash: previous)
    guard line.starts(with: Self.prefix(after: before)),
      line[covered.upperBound...]
        .elementsEqual(",\"hash\":\"\(Base64URL.encode(hash))\"}".utf8)
    else { throw unreadable }
    return AuditLinePlace(
      sequence: sequence,
      previous: previous,
      key: key,
      hash: hash,
      covered: covered,
      action: document.string(actionNode).flatMap { ChainAction(rawValue: $0) }
    )
  }

  /// The length of `,"hash":"…"}` with 43 characters of base64url.
  private static let tailLength = 9 + 43 + 2

  private static func digest(_ name: StaticString, _ document: JSONDocument) -> [UInt8]? {
    guard let node = document.member(name, of: document.root), let text = document.utf8(node),
      text.count == 43, let bytes = Base64URL.decode(text), bytes.count == 32
    else { return nil }
    return bytes
  }
}

extension JSONLimits {
  static let auditLine = JSONLimits(bytes: AuditLine.longest, depth: 4, nodes: 256)
}

extension [UInt8] {
  /// Hashes of public records: there is nothing to find out by how long this takes.
  func hasSameBytes(as other: [UInt8]) -> Bool { self == other }
}
