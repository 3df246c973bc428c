// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Files that only their owner can use, in a folder that nobody else can put files into. Whoever can
/// write to the folder can exchange the database for another one.
enum OwnerOnlyFile {
  /// What is there under a path.
  enum State { case absent, empty, present }

  /// Refuses a folder that others can write to.
  static func checkFolder(of path: String) throws(SQLiteStoreProblem) {
    let folder = Self.folder(of: path)
    var status = stat()
    guard stat(folder, &status) == 0 else {
      throw SQLiteStoreProblem(
        .unsuitable,
        folder,
        "cannot be looked at: \(Self.reason())",
        hint: "make the folder, with mode 700, for the user that this process runs as"
      )
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw SQLiteStoreProblem(.unsuitable, folder, "is no folder", hint: "name a file in a folder")
    }
    guard status.st_mode & 0o022 == 0, status.st_uid == geteuid() || status.st_uid == 0 else {
      throw SQLiteStoreProblem(
        .unsuitable,
        folder,
        "can be written to by others, who could exchange the database",
        hint: "use a folder of this user's own: chmod go-w it, or mkdir -m 700"
      )
    }
  }

  /// What is there, if it is a file that only this user can use.
  static func state(of path: String) throws(SQLiteStoreProblem) -> State {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return .absent }
      throw SQLiteStoreProblem(
        .unavailable,
        path,
        "cannot be looked at: \(Self.reason())",
        hint: "check the folder"
      )
    }
    try Self.check(status, path)
    return status.st_size == 0 ? .empty : .present
  }

  /// Opens a file that only this user can use, and makes it if it is not there.
  static func open(_ path: String) throws(SQLiteStoreProblem) -> Int32 {
    // Never through a link: what it leads to may be somewhere else tomorrow.
    let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    #if canImport(Glibc)
    let descriptor = Glibc.open(path, flags, 0o600)
    #elseif canImport(Musl)
    let descriptor = Musl.open(path, flags, 0o600)
    #else
    let descriptor = Darwin.open(path, flags, 0o600)
    #endif
    guard descriptor >= 0 else {
      throw SQLiteStoreProblem(
        .unavailable,
        path,
        "cannot be opened for writing: \(Self.reason())",
        hint: "check the rights of file and folder, the disk, and that it is not mounted read-only"
      )
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      _ = close(descriptor)
      throw SQLiteStoreProblem(.unavailable, path, "cannot be looked at", hint: "check the disk")
    }
    do throws(SQLiteStoreProblem) { try Self.check(status, path) } catch {
      _ = close(descriptor)
      throw error
    }
    return descriptor
  }

  private static func check(_ status: stat, _ path: String) throws(SQLiteStoreProblem) {
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SQLiteStoreProblem(.unsuitable, path, "is no regular file", hint: "name a file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw SQLiteStoreProblem(
        .unsuitable,
        path,
        "can be used by others than its owner",
        hint: "chmod 600 it"
      )
    }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw SQLiteStoreProblem(
        .unsuitable,
        path,
        "belongs to another user",
        hint: "give it to the user that this process runs as"
      )
    }
  }

  /// Makes the names in the folder of a file outlast a crash of the machine.
  static func syncFolder(of path: String) -> Bool {
    #if canImport(Glibc)
    let descriptor = Glibc.open(Self.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    #elseif canImport(Musl)
    let descriptor = Musl.open(Self.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    #else
    let descriptor = Darwin.open(Self.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    #endif
    guard descriptor >= 0 else { return false }
    defer { _ = close(descriptor) }
    return fsync(descriptor) == 0
  }

  static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
  }

  static func reason() -> String { String(cString: strerror(errno)) }
}
