// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// A file that did not exist before and that only its owner can read, made before the secret that
/// belongs into it: a secret is shown once, so there has to be a place for it first.
final class PrivateFile {
  let path: String
  private let descriptor: Int32
  private var isKept = false

  /// - Throws: ``CommandFailure`` if something has the name already, or the file cannot be made.
  init(path: String) throws(CommandFailure) {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let descriptor = open(path, flags, 0o600)
    guard descriptor >= 0 else {
      throw CommandFailure(
        "cannot make \(JSONText.quoted(path)): \(SystemError.text(errno))",
        hint: errno == EEXIST ? "nothing is overwritten; name a file that does not exist" : nil
      )
    }
    self.path = path
    self.descriptor = descriptor
  }

  /// Removes the file if nothing was written to it.
  deinit {
    if !self.isKept { unlink(self.path) }
    close(self.descriptor)
  }

  /// Writes the content and keeps the file.
  func write(_ content: [UInt8]) throws(CommandFailure) {
    do {
      try Console(descriptor: self.descriptor).write(content)
    } catch {
      throw self.failure()
    }
    guard fsync(self.descriptor) == 0 || errno == EINVAL else { throw self.failure() }
    self.isKept = true
  }

  private func failure() -> CommandFailure {
    CommandFailure("cannot write \(JSONText.quoted(self.path)): \(SystemError.text(errno))")
  }
}
