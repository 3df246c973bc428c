// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// The file of a chain and, beside it, `NAME.head`, which is locked while the chain is open. The lock
/// is not on the file itself: that is renamed when it is rotated, and a second process would find the
/// new one unlocked.
package final class AuditFiles: AuditDevice {
  private let path: String
  private let head: AuditDescriptor
  /// Replaced when the file was rotated.
  private let file: Mutex<AuditDescriptor>

  /// Opens or makes both files.
  /// - Throws: what is wrong: no regular file, not ours, a link, readable by others, in a folder that
  ///   others can write to, or in use by another process.
  package init(path: String) throws(AuditTrailError) {
    self.path = path
    try Self.checkFolder(of: path)
    // The lock first: nothing is touched that another process is using.
    let head = try Self.open(path + AuditHead.suffix, 0)
    try head.lock()
    self.head = head
    self.file = Mutex(try Self.open(path, O_APPEND))
    try Self.synchronizeFolder(of: path)
  }

  package func check(length: Int64) throws(AuditTrailError) {
    var status = stat()
    guard fstat(self.current.number, &status) == 0 else {
      throw AuditTrailError("cannot look at \(self.path): \(systemReason())")
    }
    guard status.st_nlink > 0 else {
      throw AuditTrailError("\(self.path) was removed; restart, and rename it the next time")
    }
    guard Int64(status.st_size) == length else {
      throw AuditTrailError(
        "\(self.path) was written or shortened by somebody else; rename it and let it be opened again"
      )
    }
  }

  package func append(_ bytes: [UInt8]) throws(AuditTrailError) {
    try self.current.write(bytes, at: nil, self.path)
  }

  package func synchronize() throws(AuditTrailError) { try self.current.synchronize(self.path) }

  package func cutBack(to length: Int64) throws(AuditTrailError) {
    guard ftruncate(self.current.number, off_t(length)) == 0 else {
      throw AuditTrailError("cannot shorten \(self.path): \(systemReason())")
    }
  }

  package func writeHead(_ bytes: [UInt8]) throws(AuditTrailError) {
    try self.head.write(bytes, at: 0, self.path + AuditHead.suffix)
  }

  package func synchronizeHead() throws(AuditTrailError) {
    try self.head.synchronize(self.path + AuditHead.suffix)
  }

  /// What stands in `NAME.head`.
  func readHead() throws(AuditTrailError) -> [UInt8] {
    do throws(AuditReadFault) {
      return try self.head.read(at: 0, count: AuditHead.length + 1)
    } catch {
      throw AuditTrailError("cannot read \(self.path)\(AuditHead.suffix): \(error.reason)")
    }
  }

  /// The file, for reading what is in it already.
  var current: AuditDescriptor { self.file.withLock { $0 } }

  /// Opens the file of this name if it is another one by now.
  /// - Returns: the one that was open; nil if it is the same.
  func openAgain() throws(AuditTrailError) -> AuditDescriptor? {
    try Self.checkFolder(of: self.path)
    let new = try Self.open(self.path, O_APPEND)
    let old = self.current
    if try old.isSameFile(as: new) { return nil }
    self.file.withLock { $0 = new }
    try Self.synchronizeFolder(of: self.path)
    return old
  }

  /// Lets another process have the files. By hand, because a child process that is just being started
  /// has a copy of the descriptor for a moment, and would keep the lock.
  func unlock() { self.head.unlock() }

  deinit { self.unlock() }

  /// Takes a file back into use, after another turned out not to be usable.
  func use(_ file: AuditDescriptor) { self.file.withLock { $0 = file } }
}

extension AuditFiles {
  private static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.utf8.startIndex
      ? "/" : String(decoding: path.utf8[..<slash], as: UTF8.self)
  }

  /// Whoever can write to the folder can put another file in the place of this one.
  private static func checkFolder(of path: String) throws(AuditTrailError) {
    guard !path.isEmpty, !path.utf8.contains(0), path.utf8.last != UInt8(ascii: "/") else {
      throw AuditTrailError("the audit trail needs the path of a file")
    }
    let folder = Self.folder(of: path)
    var status = stat()
    guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw AuditTrailError("\(folder) is no folder for an audit trail; make it, with chmod 700")
    }
    guard status.st_uid == geteuid() || status.st_uid == 0, status.st_mode & 0o022 == 0 else {
      throw AuditTrailError(
        "\(folder) can be written by others, who could exchange the audit trail; chmod go-w it, or "
          + "name a file in a folder of its own"
      )
    }
  }

  /// The name of a new file outlasts a crash of the machine only if its folder was synchronized.
  private static func synchronizeFolder(of path: String) throws(AuditTrailError) {
    let folder = Self.folder(of: path)
    let number = openFile(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else {
      throw AuditTrailError("cannot open \(folder): \(systemReason())")
    }
    try AuditDescriptor(number).synchronize(folder)
  }

  private static func open(
    _ path: String,
    _ flags: CInt
  ) throws(AuditTrailError) -> AuditDescriptor {
    // Non-blocking, so that a pipe without a reader is refused instead of waited for. No link is
    // followed.
    let number = openFile(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags)
    guard number >= 0 else {
      throw AuditTrailError(
        errno == ELOOP
          ? "\(path) is a link; name the file itself"
          : "cannot open \(path) for audit: \(systemReason())"
      )
    }
    let file = AuditDescriptor(number)
    var status = stat()
    guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw AuditTrailError("\(path) is no regular file; name one for the audit trail")
    }
    guard status.st_uid == geteuid() else {
      throw AuditTrailError("\(path) belongs to another user; name another file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw AuditTrailError("\(path) is open to others than its owner; chmod 600 it")
    }
    guard status.st_nlink == 1 else {
      throw AuditTrailError("\(path) has a second name in the file system; name another file")
    }
    return file
  }
}

private func openFile(_ path: String, _ flags: CInt) -> CInt { open(path, flags, 0o600) }
