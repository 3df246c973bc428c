// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// A secret in a file that only its owner can read.
///
/// The file is refused unless it is a regular file (symbolic links are followed, as secret mounts need)
/// of at most 64 KiB that belongs to this user or root, without any right for anybody else. It is read
/// every time the secret is asked for, so that a replaced file takes hold; nothing is kept. One line
/// end after the secret is ignored, because editors add it.
public struct FileSecretSource: SecretSource {
  /// The longest secret, in bytes.
  public static let maximumLength = 65_536

  private let path: String

  /// - Parameter path: the file.
  /// - Throws: `ConfigurationError` if the path is empty or names a variable of the environment.
  public init(path: String) throws(ConfigurationError) {
    try EnvironmentReference.refuse(path, at: "secret.file")
    guard !path.isEmpty else {
      throw ConfigurationError(
        path: "secret.file",
        problem: "is empty",
        hint: "name a file that only its owner can read, or use a vault"
      )
    }
    self.path = path
  }

  /// For a path that was looked at before.
  package init(checked path: String) { self.path = path }

  /// The secret in the file.
  /// - Throws: ``SecretError``: `unavailable` if the file cannot be read, `refused` if others can read
  ///   it, `unusable` if it is empty or too long.
  public func secret() async throws(SecretError) -> SecretBytes {
    var bytes: [UInt8]
    do throws(ReadableFile.Failure) {
      // Two bytes for the line end.
      bytes = try ReadableFile.read(
        self.path,
        limit: Self.maximumLength + 2,
        privacy: .ownerSecret
      )
    } catch {
      throw SecretError(
        error.isRefusal ? .refused : .unavailable,
        problem: "the secret file \(self.path) \(error.problem)",
        hint: error.hint
      )
    }
    if bytes.last == UInt8(ascii: "\n") {
      bytes.removeLast()
      if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    }
    guard (1 ... Self.maximumLength).contains(bytes.count) else {
      throw SecretError(
        .unusable,
        problem: "the secret file \(self.path) is \(bytes.isEmpty ? "empty" : "too long")",
        hint: "it holds 1 to \(Self.maximumLength) bytes and one line end"
      )
    }
    return SecretBytes(bytes)
  }
}
