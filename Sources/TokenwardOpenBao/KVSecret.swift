// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

/// One field of one secret in a KV engine of version 2, asked of OpenBao each time.
///
/// There is no cache: a secret that was replaced, deleted or locked away is replaced, deleted or
/// locked away with the next question. Whoever asks often, such as a token source, keeps what it made
/// out of the secret, not the secret.
public struct KVSecret: SecretSource {
  /// The longest accepted value, in bytes.
  public static let maximumLength = KVField.maximumLength

  private let openBao: OpenBao
  private let field: KVField

  init(
    _ openBao: OpenBao,
    mount: String,
    path: String,
    field: String,
    version: Int64?
  ) throws(ConfigurationError) {
    var problems = KVField.problems(mount: mount, path: path, field: field)
    if let version, version < 1 {
      problems.append(
        .init(
          path: "version",
          problem: "is less than 1",
          hint: "versions are counted from 1; leave it out for the newest"
        )
      )
    }
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    self.openBao = openBao
    self.field = KVField(mount: mount, path: path, field: field, version: version)
  }

  /// Asks OpenBao for the present value, byte for byte as it was written.
  ///
  /// After a denial a new login is made and the question asked once more, because the old login may
  /// have been revoked.
  ///
  /// - Throws: `SecretError`: `unavailable` if OpenBao is sealed, unreachable, a standby, or asks to
  ///   wait; `refused` if it denies permission or has no such secret, or if the login is refused;
  ///   `unusable` if the field is no string with something in it, the version was deleted, or the
  ///   answer is not what the interface promises; `alreadyUnwrapped` if the login's wrapping token was
  ///   used before.
  public func secret() async throws(SecretError) -> SecretBytes {
    do throws(Trouble) {
      return try await self.openBao.session.read(self.field)
    } catch {
      throw error.error
    }
  }
}

extension KVSecret: CustomStringConvertible {
  /// Where the secret is.
  public var description: String { self.field.description }
}
