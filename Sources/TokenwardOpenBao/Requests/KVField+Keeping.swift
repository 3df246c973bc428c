// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardHTTP

extension KVField {
  /// A secret that the authority itself has written; nil if there is none.
  func kept(in answer: HTTPAnswer) throws(OpenBaoFailure) -> KeptSecret? {
    if Self.isAbsent(answer) { return nil }
    let (document, fields, version) = try self.content(of: answer)
    // Writing replaces all fields: those of somebody else would be gone.
    guard document.kind(of: fields) == .object, document.count(of: fields) == 1,
      let node = document.member(utf8: Array(self.field.utf8), of: fields),
      let text = document.utf8(node), !text.isEmpty
    else { throw .unusableAnswer }
    guard text.count <= Self.maximumLength else { throw .tooLarge }
    guard let bytes = Base64URL.decode(text) else { throw .unusableAnswer }
    return KeptSecret(SecretBytes(bytes), version: version)
  }

  /// JSON that writes a secret in the place of a version. Zero says that there must be none.
  func body(writing secret: borrowing SecretBytes, replacing version: Int64?) -> [UInt8] {
    var body = Array("{\"options\":{\"cas\":\(version ?? 0)},\"data\":{".utf8)
    JSONText.append(quoted: self.field, to: &body)
    body += ":\"".utf8
    body += secret.withExposedBytes { Array(Base64URL.encode($0).utf8) }
    body += "\"}}".utf8
    return body
  }

  /// OpenBao says of a secret that was never written that there is nothing to say: a list of errors
  /// with nothing in it. About a missing mount it says something, and anybody else may answer 404 too.
  private static func isAbsent(_ answer: HTTPAnswer) -> Bool {
    guard answer.status == 404, let document = try? OpenBaoRequests.json(in: answer),
      let errors = document.member("errors", of: document.root),
      document.member("data", of: document.root) == nil
    else { return false }
    return document.kind(of: errors) == .array && document.count(of: errors) == 0
  }
}

extension OpenBaoRequests {
  /// Reads a secret that the authority writes.
  func readKept(_ field: KVField, token: HeldSecret) async throws(OpenBaoFailure) -> KeptSecret? {
    let answer = try await self.send(.get, field.target, token: token)
    return try field.kept(in: answer)
  }

  /// Writes a secret.
  /// - Parameter body: what to write, and which version it replaces.
  /// - Returns: its version; nil if OpenBao refuses to write it, whatever the reason.
  func write(
    _ field: KVField,
    body: [UInt8],
    token: HeldSecret
  ) async throws(OpenBaoFailure) -> Int64? {
    let answer = try await self.send(.post, field.target, token: token, body: body)
    if answer.status == 400, Self.hasErrors(answer) { return nil }
    let document = try Self.document(in: answer)
    guard let data = document.member("data", of: document.root),
      let node = document.member("version", of: data), let version = document.numericDate(node),
      version > 0
    else { throw .unusableAnswer }
    return version
  }
}
