// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardHTTP

/// One key of the transit engine, always in its first version.
struct TransitKey: Sendable, Hashable {
  /// The longest input of a signature, in bytes: more than the longest token.
  static let maximumInput = 16_384
  /// The only version that is used. Rotating is making another key, with a name of its own.
  static let version: Int64 = 1

  let mount: String
  let name: String
  let algorithm: Algorithm

  /// How OpenBao calls the kind of key; nil for what cannot be signed with here.
  static func type(of algorithm: Algorithm) -> StaticString? {
    switch algorithm {
    case .es256: "ecdsa-p256"
    case .eddsa: "ed25519"
    default: nil
    }
  }

  /// What asks for a new key.
  func creation() -> [UInt8]? {
    Self.type(of: self.algorithm).map { type in
      Array(
        #"{"type":"\#(type)","exportable":false,"allow_plaintext_backup":false,"derived":false}"#
          .utf8
      )
    }
  }

  /// What asks for a signature in the form of JWS over all of the input.
  func signing(_ input: [UInt8]) -> [UInt8] {
    var body = Array(#"{"input":""#.utf8)
    body += Base64.encode(input)
    body += Array(#"","key_version":\#(Self.version),"hash_algorithm":"sha2-256","#.utf8)
    body += Array(#""prehashed":false,"marshaling_algorithm":"jws"}"#.utf8)
    return body
  }

  /// The public key, if it is one that never leaves OpenBao.
  func publicKey(in document: JSONDocument) throws(OpenBaoFailure) -> SigningPublicKey {
    guard let type = Self.type(of: self.algorithm),
      let data = document.member("data", of: document.root),
      let nameNode = document.member("name", of: data),
      document.equals(nameNode, utf8: Array(self.name.utf8)),
      let typeNode = document.member("type", of: data), document.equals(typeNode, type),
      let latest = document.member("latest_version", of: data),
      document.numericDate(latest) == Self.version
    else { throw .unusableAnswer }
    // A key that can be taken out, deleted, or that came from elsewhere is not one that this has
    // made, whatever its name. OpenBao says each of these about every key.
    for flag in ["exportable", "allow_plaintext_backup", "deletion_allowed", "derived"]
      as [StaticString]
    {
      guard let node = document.member(flag, of: data), document.bool(node) == false else {
        throw .unusableAnswer
      }
    }
    if let imported = document.member("imported_key", of: data), document.bool(imported) != false {
      throw .unusableAnswer
    }
    guard let keys = document.member("keys", of: data), document.kind(of: keys) == .object,
      let key = document.member("1", of: keys), let node = document.member("public_key", of: key),
      let text = document.utf8(node), text.count <= 1_024,
      let publicKey = self.publicKey(text)
    else { throw .unusableAnswer }
    return publicKey
  }

  private func publicKey(_ text: [UInt8]) -> SigningPublicKey? {
    switch self.algorithm {
    case .es256: P256PublicKeyPEM.point(in: text).flatMap { SigningPublicKey(p256: $0) }
    case .eddsa: Base64.decode(text).flatMap { SigningPublicKey(ed25519: $0) }
    default: nil
    }
  }

  /// The signature in the answer. Whose it is has still to be checked.
  func signature(in document: JSONDocument) throws(OpenBaoFailure) -> [UInt8] {
    let prefix = Array("vault:v\(Self.version):".utf8)
    guard let data = document.member("data", of: document.root),
      let node = document.member("signature", of: data), let text = document.utf8(node),
      text.count <= 256, text.starts(with: prefix),
      let signature = Base64URL.decode(Array(text.dropFirst(prefix.count))), signature.count == 64
    else { throw .unusableAnswer }
    if let number = document.member("key_version", of: data) {
      guard document.numericDate(number) == Self.version else { throw .unusableAnswer }
    }
    return signature
  }
}

extension TransitKey: CustomStringConvertible {
  /// Where the key is; names only.
  var description: String { "key \(self.name) of \(self.mount)" }
}

extension OpenBaoRequests {
  /// Makes a key. If there is one of this name already, OpenBao leaves it as it is and says nothing.
  func make(_ key: TransitKey, token: HeldSecret) async throws(OpenBaoFailure) {
    guard let body = key.creation() else { throw .unusableAnswer }
    let answer = try await self.send(
      .post,
      "\(key.mount)/keys/\(key.name)",
      token: token,
      body: body
    )
    // OpenBao answers with the key, Vault with nothing.
    if answer.status == 204 { return }
    if let failure = OpenBaoFailure(status: answer.status) { throw failure }
  }

  /// The public half of a key.
  func publicKey(
    of key: TransitKey,
    token: HeldSecret
  ) async throws(OpenBaoFailure) -> SigningPublicKey {
    let answer = try await self.send(.get, "\(key.mount)/keys/\(key.name)", token: token)
    return try key.publicKey(in: Self.document(in: answer))
  }

  /// Signs with a key.
  func sign(
    _ input: [UInt8],
    with key: TransitKey,
    token: HeldSecret
  ) async throws(OpenBaoFailure) -> [UInt8] {
    let answer = try await self.send(
      .post,
      "\(key.mount)/sign/\(key.name)",
      token: token,
      body: key.signing(input)
    )
    // Of a key that is not there it says that the request is wrong.
    if answer.status == 400, Self.hasErrors(answer) { throw .notFound }
    return try key.signature(in: Self.document(in: answer))
  }
}
