// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardHTTP

/// One field of one secret in a KV engine of version 2.
struct KVField: Sendable, Hashable {
  /// The longest accepted value, in bytes.
  static let maximumLength = 65_536

  let mount: String
  let path: String
  let field: String
  /// The version that has to be read; the newest one if nil.
  let version: Int64?

  /// What is asked for, below `/v1/`.
  var target: String {
    let target = "\(self.mount)/data/\(self.path)"
    return self.version.map { "\(target)?version=\($0)" } ?? target
  }

  /// The value in the answer.
  func value(in answer: HTTPAnswer) throws(OpenBaoFailure) -> SecretBytes {
    let (document, data, _) = try self.content(of: answer)
    guard let node = document.member(utf8: Array(self.field.utf8), of: data),
      let value = document.utf8(node), !value.isEmpty
    else { throw .unusableAnswer }
    guard value.count <= Self.maximumLength else { throw .tooLarge }
    return SecretBytes(value)
  }

  /// The fields of the secret, and its version.
  func content(
    of answer: HTTPAnswer
  ) throws(OpenBaoFailure) -> (JSONDocument, fields: JSONDocument.Node, version: Int64) {
    if answer.status == 404 { throw Self.isDeleted(answer) ? .deleted : .notFound }
    let document = try OpenBaoRequests.document(in: answer)
    guard let outer = document.member("data", of: document.root),
      let metadata = document.member("metadata", of: outer),
      let data = document.member("data", of: outer)
    else { throw .unusableAnswer }
    let version = try self.check(metadata, of: document)
    if document.kind(of: data) == .null { throw .deleted }
    return (document, data, version)
  }

  /// A value is not enough: an engine of version 1 has no metadata, and its fields may be called
  /// `data`; and a cache in between may answer with another version than the one asked for.
  private func check(
    _ metadata: JSONDocument.Node,
    of document: JSONDocument
  ) throws(OpenBaoFailure) -> Int64 {
    guard let number = document.member("version", of: metadata),
      let version = document.numericDate(number), version > 0,
      self.version == nil || self.version == version,
      let node = document.member("destroyed", of: metadata),
      let isDestroyed = document.bool(node)
    else { throw .unusableAnswer }
    // Not so deletion_time: delete_version_after sets one that lies ahead.
    if isDestroyed { throw .deleted }
    return version
  }

  /// OpenBao tells a deleted version from one that never was by its metadata.
  private static func isDeleted(_ answer: HTTPAnswer) -> Bool {
    guard let document = try? OpenBaoRequests.json(in: answer),
      let outer = document.member("data", of: document.root),
      let data = document.member("data", of: outer), document.kind(of: data) == .null,
      let metadata = document.member("metadata", of: outer)
    else { return false }
    return document.kind(of: metadata) == .object
  }
}

extension KVField: CustomStringConvertible {
  /// Where the value is; names only.
  var description: String {
    let version = self.version.map { ", version \($0)" } ?? ""
    return "field \(JSONText.quoted(self.field)) of \(self.mount)/\(self.path)\(version)"
  }
}
