// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardHTTP

/// A token of OpenBao and how long it is good for.
struct Lease: Sendable {
  /// A longer lease is believed for this long only: it is the longest that OpenBao gives unless it is
  /// told otherwise, and a bounded number of seconds cannot overflow a clock.
  static let longest: Int64 = 768 * 3_600

  let token: HeldSecret
  /// Whole seconds, at least one.
  let seconds: Int64
  let isRenewable: Bool

  /// From the answer to a login or a renewal.
  init(login document: JSONDocument) throws(OpenBaoFailure) {
    guard let auth = document.member("auth", of: document.root),
      document.kind(of: auth) == .object,
      let text = document.member("client_token", of: auth),
      let token = document.utf8(text).flatMap({ HeldSecret($0) })
    else { throw .unusableAnswer }
    // The login is only half done if somebody has to confirm it elsewhere.
    if let mfa = document.member("mfa_requirement", of: auth), document.kind(of: mfa) != .null {
      throw .unusableAnswer
    }
    try self.init(document, auth, duration: "lease_duration", token: token)
  }

  /// From the answer to a question about `token`.
  init(lookup document: JSONDocument, token: HeldSecret) throws(OpenBaoFailure) {
    guard let data = document.member("data", of: document.root),
      document.kind(of: data) == .object
    else { throw .unusableAnswer }
    try self.init(document, data, duration: "ttl", token: token)
  }

  private init(
    _ document: JSONDocument,
    _ object: JSONDocument.Node,
    duration: StaticString,
    token: HeldSecret
  ) throws(OpenBaoFailure) {
    // Zero is a token that never ends, such as the root token: nobody should have one in a file.
    guard let node = document.member(duration, of: object),
      let seconds = document.numericDate(node), seconds > 0,
      let renewable = document.member("renewable", of: object),
      let isRenewable = document.bool(renewable)
    else { throw .unusableAnswer }
    self.token = token
    self.seconds = min(seconds, Self.longest)
    self.isRenewable = isRenewable
  }
}

extension OpenBaoRequests {
  /// Whether OpenBao says that the wrapped answer came from the AppRole method at `mount`.
  static func creationPath(
    in document: JSONDocument,
    isSecretIDOf mount: String
  ) throws(OpenBaoFailure) -> Bool {
    guard let data = document.member("data", of: document.root),
      let node = document.member("creation_path", of: data), let path = document.utf8(node)
    else { throw .unusableAnswer }
    let prefix = Array("auth/\(mount)/role/".utf8)
    guard path.starts(with: prefix) else { return false }
    let rest = path.dropFirst(prefix.count)
      .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard rest.count == 2, !rest[0].isEmpty else { return false }
    return rest[1].elementsEqual("secret-id".utf8)
      || rest[1].elementsEqual("custom-secret-id".utf8)
  }

  static func secretID(in document: JSONDocument) throws(OpenBaoFailure) -> HeldSecret {
    guard let data = document.member("data", of: document.root),
      let node = document.member("secret_id", of: data),
      let secret = document.utf8(node).flatMap({ HeldSecret($0) })
    else { throw .unusableAnswer }
    return secret
  }
}
