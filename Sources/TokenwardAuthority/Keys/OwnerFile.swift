// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Writes files that only their owner can read, so that a crash leaves the old one or the new one.
enum OwnerFile {
  /// What is wrong, and what to do about it.
  struct Failure: Error {
    let problem: String
    let hint: String
    /// Whether the wrong people have access, rather than nobody.
    var isRefusal = false

    init(_ problem: String, _ hint: String, isRefusal: Bool = false) {
      self.problem = problem
      self.hint = hint
      self.isRefusal = isRefusal
    }

    init(during action: String) {
      self.init("\(action): \(String(cString: strerror(errno)))", "check the disk and its rights")
    }
  }

  /// The lock of a file.
  struct Lock: Sendable {
    fileprivate let descriptor: CInt

    /// Gives it back, once. The end of the process does so as well.
    func release() { _ = close(self.descriptor) }
  }

  /// - Returns: nil while somebody else has the lock.
  static func lock(_ path: String) throws(Failure) -> Lock? {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    guard descriptor >= 0 else { throw Failure(during: "cannot be locked") }
    let lock = Lock(descriptor: descriptor)
    // Of the open file, not of the process: two writers in one process exclude each other as well.
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      let failure = errno == EWOULDBLOCK ? nil : Failure(during: "cannot be locked")
      lock.release()
      guard let failure else { return nil }
      throw failure
    }
    return lock
  }

  /// Whether there is a file; a symbolic link is refused, because replacing would replace the link and
  /// leave the secret that it points to.
  static func exists(_ path: String) throws(Failure) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return false }
      throw Failure(during: "cannot be looked at")
    }
    guard status.st_mode & S_IFMT != S_IFLNK else {
      throw Failure("is a symbolic link", "name the file itself", isRefusal: true)
    }
    return true
  }

  /// Whoever can write to the folder can put another file in its place.
  static func checkFolder(of path: String) throws(Failure) {
    var status = stat()
    guard stat(Self.folder(of: path), &status) == 0 else {
      throw Failure(during: "has a folder that cannot be looked at")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw Failure("is not in a folder", "name a file in a folder")
    }
    guard status.st_mode & 0o022 == 0 else {
      throw Failure(
        "is in a folder that others than its owner can write to",
        "chmod go-w the folder",
        isRefusal: true
      )
    }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw Failure(
        "is in a folder that belongs to another user",
        "give the folder to the user that this process runs as",
        isRefusal: true
      )
    }
  }

  /// Puts a file in the place of the one that is there, or is not. When it returns, it outlasts a
  /// crash. Only for the holder of the lock: the name of the unfinished file is always the same.
  static func replace(_ path: String, content: [UInt8]) throws(Failure) {
    let unfinished = path + ".new"
    // Of a process that crashed while it wrote.
    guard unlink(unfinished) == 0 || errno == ENOENT else {
      throw Failure(during: "cannot be replaced")
    }
    do throws(Failure) {
      try Self.create(unfinished, content: content)
      guard rename(unfinished, path) == 0 else { throw Failure(during: "cannot be replaced") }
    } catch {
      _ = unlink(unfinished)
      throw error
    }
    // Without this the old name may come back after a crash of the machine.
    let folder = open(Self.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw Failure(during: "is not safe on disk") }
    defer { _ = close(folder) }
    guard fsync(folder) == 0 else { throw Failure(during: "is not safe on disk") }
  }

  private static func create(_ path: String, content: [UInt8]) throws(Failure) {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw Failure(during: "cannot be written") }
    defer { _ = close(file) }
    var written = 0
    while written < content.count {
      let count = content.withUnsafeBytes { bytes in
        write(file, bytes.baseAddress.map { $0 + written }, bytes.count - written)
      }
      guard count > 0 || (count < 0 && errno == EINTR) else {
        throw Failure(during: "cannot be written")
      }
      written += max(count, 0)
    }
    guard fsync(file) == 0 else { throw Failure(during: "cannot be written") }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
