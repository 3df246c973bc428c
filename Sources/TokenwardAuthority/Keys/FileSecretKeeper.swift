// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

/// Keeps one secret in a file that only its owner can read, in a folder that nobody else can write to.
///
/// The file has a first line with the number of its replacements, and the secret after it. It is
/// replaced as a whole, by renaming a complete one over it, and is on disk when ``write(_:replacing:)``
/// returns. Processes that write at once take turns by a lock on a file beside it (`.lock`).
///
/// A file that this process has read before and that is gone, or older than it was, is an error. For
/// what happened while no process ran, see ``AuthoritySecrets/load(from:isFirstStart:at:)``.
public final class FileSecretKeeper: SecretKeeper {
  /// The longest secret, in bytes.
  public static let maximumLength = 65_536

  private static let signature = Array("tokenward-secret ".utf8)

  private let path: String
  private let lockingSeconds: Int64
  /// The highest number of replacements that was seen.
  private let seen = Mutex<Int64?>(nil)

  /// - Parameters:
  ///   - path: the file; its folder has to exist.
  /// - Throws: `ConfigurationError` if the path is empty or names a variable of the environment.
  public convenience init(path: String) throws(ConfigurationError) {
    try self.init(path: path, lockingSeconds: 5)
  }

  /// - Parameter lockingSeconds: how long to wait for other writers.
  package init(path: String, lockingSeconds: Int64) throws(ConfigurationError) {
    try EnvironmentReference.refuse(path, at: "secrets.file")
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw ConfigurationError(
        path: "secrets.file",
        problem: "names no file",
        hint: "name a file in a folder that only this user can write to, or use a vault"
      )
    }
    self.path = path
    self.lockingSeconds = lockingSeconds
  }

  /// The present secret; nil if there has never been one.
  /// - Throws: `SecretError`: `refused` if others have access, or the file is gone or older than it
  ///   was; `unusable` if it is not what was written; `unavailable` if it cannot be read.
  public func read() async throws(SecretError) -> KeptSecret? { try self.load() }

  /// Replaces the secret if nobody else has meanwhile.
  /// - Throws: `SecretError`: what ``read()`` throws, and `unavailable` if the disk is full or
  ///   another process holds the lock for more than a few seconds. What was there is there then.
  public func write(
    _ secret: borrowing SecretBytes,
    replacing version: Int64?
  ) async throws(SecretError) -> Bool {
    guard secret.count <= Self.maximumLength else {
      throw self.error(.unusable, "would be longer than \(Self.maximumLength) bytes", "shorten it")
    }
    let lock = try await self.lock()
    defer { lock.release() }
    let present = try self.load()?.version
    guard present == version else { return false }
    let (next, overflow) = (present ?? 0).addingReportingOverflow(1)
    guard !overflow else { throw self.error(.unusable, "cannot be counted on", "restore it") }

    var content: [UInt8] = []
    content.reserveCapacity(Self.signature.count + 21 + secret.count)
    defer { SecretText.wipe(&content) }
    content += Self.signature
    content += Array("\(next)\n".utf8)
    secret.withExposedBytes { bytes in
      for index in bytes.indices { content.append(bytes[index]) }
    }
    do throws(OwnerFile.Failure) {
      try OwnerFile.replace(self.path, content: content)
    } catch {
      throw self.error(.unavailable, error.problem, error.hint)
    }
    self.seen.withLock { $0 = max($0 ?? next, next) }
    return true
  }

  private func lock() async throws(SecretError) -> OwnerFile.Lock {
    // Tried in short intervals rather than waited for: waiting would block a thread that other tasks
    // need. Whoever holds the lock does so for two writes to disk.
    for _ in 0 ..< max(self.lockingSeconds, 0) * 100 + 1 {
      do throws(OwnerFile.Failure) {
        try OwnerFile.checkFolder(of: self.path)
        if let lock = try OwnerFile.lock(self.path + ".lock") { return lock }
      } catch {
        throw self.error(error.isRefusal ? .refused : .unavailable, error.problem, error.hint)
      }
      do { try await Task.sleep(for: .milliseconds(10)) } catch { break }
    }
    throw self.error(
      .unavailable,
      "is being written by another process that does not finish",
      "see which process has \(self.path).lock open, and end it"
    )
  }

  private func load() throws(SecretError) -> KeptSecret? {
    do throws(OwnerFile.Failure) {
      try OwnerFile.checkFolder(of: self.path)
      guard try OwnerFile.exists(self.path) else {
        guard self.seen.withLock({ $0 }) == nil else {
          throw OwnerFile.Failure("is gone", "restore it from a backup", isRefusal: true)
        }
        return nil
      }
    } catch {
      throw self.error(error.isRefusal ? .refused : .unavailable, error.problem, error.hint)
    }
    var content: [UInt8]
    do throws(ReadableFile.Failure) {
      content = try ReadableFile.read(
        self.path,
        limit: Self.signature.count + 20 + Self.maximumLength,
        privacy: .ownerSecret
      )
    } catch {
      throw self.error(error.isRefusal ? .refused : .unavailable, error.problem, error.hint)
    }
    defer { SecretText.wipe(&content) }
    guard let (version, start) = Self.header(of: content) else {
      throw self.error(.unusable, "is not what was written", "restore it from a backup")
    }
    let isOlder = self.seen.withLock { seen in
      if let seen, version < seen { return true }
      seen = version
      return false
    }
    guard !isOlder else {
      throw self.error(.refused, "is older than it was", "restore the newest backup")
    }
    return KeptSecret(SecretBytes(content[start...]), version: version)
  }

  /// The number of replacements, and where the secret begins.
  private static func header(of content: [UInt8]) -> (version: Int64, start: Int)? {
    guard content.starts(with: Self.signature) else { return nil }
    var version: Int64 = 0
    for index in Self.signature.count ..< content.count {
      let byte = content[index]
      if byte == UInt8(ascii: "\n") {
        // A leading zero, or no digit at all, was not written here.
        let first = content[Self.signature.count]
        return version > 0 && first != UInt8(ascii: "0") ? (version, index + 1) : nil
      }
      guard (0x30 ... 0x39).contains(byte), index < Self.signature.count + 18 else { return nil }
      version = version * 10 + Int64(byte - 0x30)
    }
    return nil
  }

  private func error(_ kind: SecretError.Kind, _ problem: String, _ hint: String) -> SecretError {
    SecretError(kind, problem: "the secret file \(self.path) \(problem)", hint: hint)
  }
}
