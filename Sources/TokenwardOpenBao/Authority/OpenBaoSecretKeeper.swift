// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardAuthority
public import TokenwardCore

/// A secret of the authority in one field of one secret of a KV engine of version 2. The authority
/// makes and replaces it; OpenBao's check-and-set lets one of several writers win.
///
/// The field has the secret in base64url (RFC 4648 §5, without padding), whatever its bytes are. The
/// secret has no other field: writing it would remove those.
///
/// There is no cache. A version that was deleted or destroyed is an error and never "there is none":
/// a new pepper in its place would end every token. What was removed with all its versions and
/// metadata (`bao kv metadata delete`) cannot be told from what has never been, so nobody should have
/// a policy that allows it.
public struct OpenBaoSecretKeeper: SecretKeeper {
  /// The longest secret, in bytes.
  public static let maximumLength = 49_152

  private let openBao: OpenBao
  private let field: KVField

  init(
    _ openBao: OpenBao,
    mount: String,
    path: String,
    field: String
  ) throws(ConfigurationError) {
    let problems = KVField.problems(mount: mount, path: path, field: field)
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    self.openBao = openBao
    self.field = KVField(mount: mount, path: path, field: field, version: nil)
  }

  /// The present secret; nil if there is none.
  /// - Throws: `SecretError`: `unavailable` if OpenBao is sealed, unreachable, a standby, or asks to
  ///   wait; `refused` if the policy does not allow to read (which is not "there is none") or there is
  ///   no such engine; `unusable` if the version was deleted or destroyed, or is not what
  ///   ``write(_:replacing:)`` writes.
  public func read() async throws(SecretError) -> KeptSecret? {
    do throws(Trouble) {
      return try await self.kept()
    } catch {
      throw self.explained(error)
    }
  }

  /// Writes the secret, unless there is another version by now.
  /// - Returns: false if there is.
  /// - Throws: `SecretError` as ``read()``; after `unavailable` nobody knows whether it was written:
  ///   read it.
  public func write(
    _ secret: borrowing SecretBytes,
    replacing version: Int64?
  ) async throws(SecretError) -> Bool {
    guard (1 ... Self.maximumLength).contains(secret.count), version.map({ $0 > 0 }) ?? true else {
      throw SecretError(
        .unusable,
        problem: "\(self.field.description): a secret of \(secret.count) bytes cannot be kept",
        hint: "it has 1 to \(Self.maximumLength) bytes, and replaces a version of 1 or more"
      )
    }
    let body = self.field.body(writing: secret, replacing: version)
    do throws(Trouble) {
      return try await self.write(body, replacing: version)
    } catch {
      throw self.explained(error)
    }
  }

  private func kept() async throws(Trouble) -> KeptSecret? {
    let field = self.field
    return try await self.openBao.session.ask(field.description) {
      (requests, token) async throws(OpenBaoFailure) -> KeptSecret? in
      try await requests.readKept(field, token: token)
    }
  }

  private func write(_ body: [UInt8], replacing version: Int64?) async throws(Trouble) -> Bool {
    let field = self.field
    let written = try await self.openBao.session.ask(field.description) {
      (requests, token) async throws(OpenBaoFailure) -> Int64? in
      try await requests.write(field, body: body, token: token)
    }
    guard let written else { return try await self.wasRefused(version) }
    // An answer about something else than what was written.
    guard written == (version ?? 0) &+ 1 else { throw Trouble(.unusableAnswer, field.description) }
    return true
  }

  /// What a refusal to write means is not read from its text, which is no interface: if there is
  /// another version now, that is it.
  private func wasRefused(_ version: Int64?) async throws(Trouble) -> Bool {
    if let present = try await self.kept(), present.version != version { return false }
    throw Trouble(
      .unusableAnswer,
      problem: "\(self.field.description): OpenBao refuses to write it",
      hint: "look into its log and at bao read \(self.field.mount)/config"
    )
  }

  /// With the policy that is missing, and what may be in the field.
  private func explained(_ trouble: Trouble) -> SecretError {
    let target = "\(self.field.mount)/data/\(self.field.path)"
    switch trouble.failure {
    case .denied:
      return SecretError(
        .refused,
        problem: trouble.error.problem,
        hint: "the policy of this login needs path \"\(target)\" "
          + "{ capabilities = [\"create\", \"read\", \"update\"] }; a denial does not say whether "
          + "there is a secret, so none is made"
      )
    case .deleted:
      return SecretError(
        .unusable,
        problem: trouble.error.problem,
        hint:
          "without it no token can be verified: bao kv undelete, or bao kv rollback to a version "
          + "that is not destroyed"
      )
    default: return trouble.error
    }
  }
}

extension OpenBaoSecretKeeper: CustomStringConvertible {
  /// Where the secret is.
  public var description: String { self.field.description }
}

extension OpenBao {
  /// A place for a secret that the authority itself makes and replaces.
  /// - Parameters:
  ///   - mount: where the KV engine of version 2 is.
  ///   - path: the secret, without `data/`.
  ///   - field: its only field.
  /// - Throws: what is wrong with the names. Nobody is asked yet.
  public func keeper(
    mount: String = "secret",
    path: String,
    field: String = "secret"
  ) throws(ConfigurationError) -> OpenBaoSecretKeeper {
    try OpenBaoSecretKeeper(self, mount: mount, path: path, field: field)
  }
}
