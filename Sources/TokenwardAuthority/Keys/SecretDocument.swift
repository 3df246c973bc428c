// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import TokenwardCore

/// The text in which the secrets of an authority are kept:
/// `{"version":1,"peppers":[{"id":2,"created":…,"key":"…"},…],"sealing":[…]}`, the current one of each
/// first, ids falling.
struct SecretDocument: Sendable {
  /// One secret of 32 bytes.
  struct Entry: Sendable {
    var id: UInt32
    var created: Int64
    /// swift-crypto writes over its bytes when the last copy of the value is gone.
    var key: SymmetricKey
  }

  /// Most secrets of one kind that have been replaced and are still kept.
  static let mostRetired = 15
  static let maximumLength = 16_384
  /// The last second of the year 9999: what is read as a date.
  static let latestDate: Int64 = 253_402_300_799

  var peppers: [Entry]
  var sealing: [Entry]

  /// New secrets, as for the first start.
  init(madeAt now: UnixTime) {
    self.peppers = [Self.entry(1, at: now)]
    self.sealing = [Self.entry(1, at: now)]
  }

  static func entry(_ id: UInt32, at now: UnixTime) -> Entry {
    Entry(
      id: id,
      created: min(max(now.seconds, 0), Self.latestDate),
      key: SymmetricKey(size: .bits256)
    )
  }

  /// Reads the text. Anything but what ``encoded()`` writes, white space apart, is refused: a
  /// document that was changed by hand could let all tokens in or none.
  init(parsing bytes: borrowing SecretBytes) throws(SecretError) {
    var text: [UInt8] = bytes.withExposedBytes { bytes in
      bytes.withUnsafeBufferPointer { Array($0) }
    }
    defer { SecretText.wipe(&text) }
    let parsed = try Self.parse(text)
    self.peppers = parsed.peppers
    self.sealing = parsed.sealing

    var canonical = self.text()
    defer { SecretText.wipe(&canonical) }
    let whiteSpace: [UInt8] = [0x20, 0x0A, 0x0D, 0x09]
    guard text.lazy.filter({ !whiteSpace.contains($0) }).elementsEqual(canonical) else {
      throw Self.unusable("are not written as the authority writes them")
    }
  }

  func encoded() -> SecretBytes {
    var text = self.text()
    defer { SecretText.wipe(&text) }
    return SecretBytes(text)
  }

  private func text() -> [UInt8] {
    var text: [UInt8] = []
    // All at once: a buffer that grows leaves copies behind.
    text.reserveCapacity(Self.maximumLength)
    text += Array(#"{"version":1,"peppers":["#.utf8)
    Self.append(self.peppers, to: &text)
    text += Array(#"],"sealing":["#.utf8)
    Self.append(self.sealing, to: &text)
    text += Array("]}".utf8)
    return text
  }

  private static func append(_ entries: [Entry], to text: inout [UInt8]) {
    for (index, entry) in entries.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      text += Array(#"{"id":\#(entry.id),"created":\#(entry.created),"key":""#.utf8)
      SecretText.append(entry.key, to: &text)
      text += Array(#""}"#.utf8)
    }
  }
}

// MARK: - Reading

extension SecretDocument {
  static func unusable(_ problem: String) -> SecretError {
    SecretError(
      .unusable,
      problem: "the authority's secrets \(problem)",
      hint: "restore them from a backup: no API token works without the secrets it was made under"
    )
  }

  private static func parse(
    _ text: [UInt8]
  ) throws(SecretError) -> (peppers: [Entry], sealing: [Entry]) {
    let document: JSONDocument
    do {
      document = try JSONDocument(
        text,
        limits: JSONLimits(bytes: Self.maximumLength, depth: 4, membersPerObject: 4, nodes: 512)
      )
    } catch {
      throw Self.unusable("are no strict JSON of at most \(Self.maximumLength) bytes")
    }
    let root = document.root
    guard document.count(of: root) == 3, let version = document.member("version", of: root),
      let peppers = document.member("peppers", of: root),
      let sealing = document.member("sealing", of: root)
    else { throw Self.unusable("lack a member, or have one that is unknown here") }
    guard document.numericDate(version) == 1 else {
      throw Self.unusable("are of a version that this release does not know")
    }
    let result = (
      peppers: try Self.entries(peppers, "peppers", in: document),
      sealing: try Self.entries(sealing, "sealing", in: document)
    )
    // A key for two purposes, or twice for one, protects less than it seems to.
    let all = result.peppers + result.sealing
    for index in all.indices {
      guard !all[..<index].contains(where: { $0.key == all[index].key }) else {
        throw Self.unusable("have the same key twice")
      }
    }
    return result
  }

  private static func entries(
    _ list: JSONDocument.Node,
    _ name: String,
    in document: JSONDocument
  ) throws(SecretError) -> [Entry] {
    guard document.kind(of: list) == .array,
      (1 ... Self.mostRetired + 1).contains(document.count(of: list))
    else { throw Self.unusable("have no \(name), or more than \(Self.mostRetired + 1)") }
    var entries: [Entry] = []
    for element in document.elements(of: list) {
      guard document.count(of: element) == 3,
        let id = document.member("id", of: element).flatMap(document.numericDate),
        let created = document.member("created", of: element).flatMap(document.numericDate),
        let text = document.member("key", of: element).flatMap(document.utf8),
        let id = UInt32(exactly: id), id > 0
      else { throw Self.unusable("have an entry of \(name) that lacks a member or has another") }
      var secret = text
      defer { SecretText.wipe(&secret) }
      guard let key = SecretText.key(secret) else {
        throw Self.unusable("have a key of \(name) that is not 32 bytes in base64url")
      }
      guard entries.last.map({ id < $0.id }) ?? true else {
        throw Self.unusable("have \(name) whose ids do not fall")
      }
      entries.append(Entry(id: id, created: created, key: key))
    }
    return entries
  }
}

extension SecretDocument: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Counts only.
  var description: String { "<\(self.peppers.count) peppers, \(self.sealing.count) sealing keys>" }
  var debugDescription: String { self.description }
  /// Nothing (catalogue L08).
  var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension SecretDocument.Entry: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  var description: String { "<secret \(self.id)>" }
  var debugDescription: String { self.description }
  /// Nothing (catalogue L08).
  var customMirror: Mirror { Mirror(self, children: [:]) }
}
