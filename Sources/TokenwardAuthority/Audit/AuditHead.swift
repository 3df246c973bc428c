// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The content of `NAME.head`: where the chain in `NAME` ends. A file that was cut at its end is a
/// sound, shorter chain; only this tells that it is too short.
///
/// It is written after each batch of records, over itself and without waiting for the disk: a stopped
/// process loses nothing of it. After a power failure it may be behind the file, never ahead of it.
enum AuditHead {
  static let suffix = ".head"
  /// Always as many bytes, so that writing over it leaves nothing of what was there.
  static let length = 160

  /// What stands in a head, or why it cannot be used.
  enum Reading: Sendable, Hashable {
    /// There is none.
    case absent
    case position(ChainPosition)
    /// Something else stands there, or it was written under a key that is not known.
    case unusable
  }

  /// - Returns: nil if `hash` cannot vouch for it.
  static func bytes(of position: ChainPosition, _ hash: ChainHash) -> [UInt8]? {
    let key = hash.current?.id
    guard let code = hash.code(for: position, key: key) else { return nil }
    var bytes = Array("{\"seq\":\(position.sequence),\"hash\":\"".utf8)
    bytes += Base64URL.encode(position.hash).utf8
    bytes += "\",\"key\":\(key.map { "\($0)" } ?? "null"),\"code\":\"".utf8
    bytes += Base64URL.encode(code).utf8
    bytes += "\"}".utf8
    let padding = Self.length - 1 - bytes.count
    guard padding >= 0 else { return nil }
    bytes += [UInt8](repeating: UInt8(ascii: " "), count: padding)
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }

  static func read(_ bytes: [UInt8], _ hash: ChainHash) -> Reading {
    if bytes.isEmpty { return .absent }
    guard bytes.count == Self.length,
      let document = try? JSONDocument(bytes, limits: .auditLine),
      let node = document.member("seq", of: document.root),
      let sequence = document.numericDate(node),
      let last = Self.digest("hash", document), let code = Self.digest("code", document),
      let keyNode = document.member("key", of: document.root)
    else { return .unusable }
    var key: UInt32?
    if document.kind(of: keyNode) != .null {
      guard let id = document.numericDate(keyNode).flatMap(UInt32.init(exactly:)) else {
        return .unusable
      }
      key = id
    }
    let position = ChainPosition(sequence: sequence, hash: last)
    guard hash.knows(key), let expected = hash.code(for: position, key: key),
      expected.hasSameBytes(as: code)
    else { return .unusable }
    return .position(position)
  }

  private static func digest(_ name: StaticString, _ document: JSONDocument) -> [UInt8]? {
    guard let node = document.member(name, of: document.root), let text = document.utf8(node),
      let bytes = Base64URL.decode(text), bytes.count == 32
    else { return nil }
    return bytes
  }
}
