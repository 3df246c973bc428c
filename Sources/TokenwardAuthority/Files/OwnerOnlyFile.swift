// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Why a private file could not be written or read. The text names the file, not what is in it.
public struct OwnerOnlyFileError: Error, Sendable, Hashable {
  /// What is wrong.
  public let problem: String
  init(_ problem: String) { self.problem = problem }
}

/// A file that only its owner can read.
public enum OwnerOnlyFile {
  /// Makes a file that was not there before, with mode 0600, whole or not at all: it is written
  /// without a name, brought to the disk, and linked to its name, which fails if that is taken. So a
  /// crash leaves no copy of it. When this returns, the file outlasts a crash.
  ///
  /// Where the system or the file system has no files without a name it has another one until it is
  /// complete, `.NAME.` and random characters; a crash at that moment leaves it.
  /// - Parameters:
  ///   - content: what to write.
  ///   - path: where. Its folder must be there.
  /// - Throws: ``OwnerOnlyFileError``; then no part of it is there.
  public static func write(
    _ content: [UInt8],
    to path: String
  ) throws(OwnerOnlyFileError) {
    let (folderPath, name) = try Self.split(path)
    let folder = open(folderPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw Self.failure("open the folder of", path) }
    defer { close(folder) }

    if !(try Self.writeNameless(content, in: folder, as: name, path)) {
      try Self.writeDraft(content, in: folder, as: name, path)
    }
    guard fsync(folder) == 0 else {
      let error = Self.failure("bring to the disk", path)
      unlinkat(folder, name, 0)
      throw error
    }
  }

  /// Reads a private file; nil if there is none.
  /// - Parameters:
  ///   - path: where.
  ///   - most: the longest that is read, in bytes; a longer file is refused.
  /// - Throws: ``OwnerOnlyFileError`` if it cannot be read, is no file, or others can get at it.
  public static func read(
    _ path: String,
    atMost most: Int
  ) throws(OwnerOnlyFileError) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else {
      guard errno != ENOENT else { return nil }
      throw Self.failure("read", path)
    }
    defer { close(file) }
    var status = stat()
    guard unsafe fstat(file, &status) == 0 else { throw Self.failure("read", path) }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
      status.st_mode & 0o077 == 0
    else {
      throw OwnerOnlyFileError(
        "\(JSONText.quoted(path)) is not a file that only its owner can read"
      )
    }
    guard status.st_size <= most else {
      throw OwnerOnlyFileError("\(JSONText.quoted(path)) is longer than expected")
    }
    var content = [UInt8](repeating: 0, count: most + 1)
    var length = 0
    while length < content.count {
      let room = content.count - length
      let count = unsafe content.withUnsafeMutableBytes { buffer in
        unsafe buffer.baseAddress.map { unsafe systemRead(file, $0 + length, room) } ?? 0
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure("read", path) }
      if count == 0 { break }
      length += count
    }
    guard length <= most else {
      throw OwnerOnlyFileError("\(JSONText.quoted(path)) is longer than expected")
    }
    return Array(content[..<length])
  }

  /// - Returns: false if there are no files without a name here.
  private static func writeNameless(
    _ content: [UInt8],
    in folder: Int32,
    as name: String,
    _ path: String
  ) throws(OwnerOnlyFileError) -> Bool {
    #if canImport(Glibc) || canImport(Musl)
    // O_TMPFILE, whose macro Swift does not import.
    let flags = 0o20_000_000 | O_DIRECTORY | O_WRONLY | O_CLOEXEC
    let file = openat(folder, ".", flags, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    try Self.fill(file, content, path)
    guard linkat(AT_FDCWD, "/proc/self/fd/\(file)", folder, name, AT_SYMLINK_FOLLOW) == 0 else {
      // Without /proc there is no way from the descriptor to the file.
      if errno != EEXIST { return false }
      throw Self.failure("make", path)
    }
    return true
    #else
    return false
    #endif
  }

  private static func writeDraft(
    _ content: [UInt8],
    in folder: Int32,
    as name: String,
    _ path: String
  ) throws(OwnerOnlyFileError) {
    let draft = ".\(name).\(String(UInt64.random(in: .min ... .max), radix: 36))"
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let file = openat(folder, draft, flags, 0o600)
    guard file >= 0 else { throw Self.failure("make", path) }
    defer {
      close(file)
      unlinkat(folder, draft, 0)
    }
    try Self.fill(file, content, path)
    guard linkat(folder, draft, folder, name, 0) == 0 else { throw Self.failure("make", path) }
  }

  private static func fill(
    _ file: Int32,
    _ content: [UInt8],
    _ path: String
  ) throws(OwnerOnlyFileError) {
    // The mask of the process may have taken the owner's own rights away.
    guard fchmod(file, 0o600) == 0, Self.write(content, to: file), fsync(file) == 0 else {
      throw Self.failure("write", path)
    }
  }

  private static func write(_ content: [UInt8], to file: Int32) -> Bool {
    var offset = 0
    while offset < content.count {
      let rest = content.count - offset
      let count = unsafe content.withUnsafeBytes { buffer in
        unsafe buffer.baseAddress.map { unsafe systemWrite(file, $0 + offset, rest) } ?? 0
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      offset += count
    }
    return true
  }

  private static func split(_ path: String) throws(OwnerOnlyFileError) -> (String, String) {
    let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard let last = parts.last, !last.isEmpty, !path.utf8.contains(0) else {
      throw OwnerOnlyFileError("\(JSONText.quoted(path)) names no file")
    }
    let folder = String(decoding: path.utf8.dropLast(last.count), as: UTF8.self)
    return (folder.isEmpty ? "." : folder, String(decoding: last, as: UTF8.self))
  }

  private static func failure(_ verb: String, _ path: String) -> OwnerOnlyFileError {
    let code = errno
    let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    return OwnerOnlyFileError("cannot \(verb) \(JSONText.quoted(path)): \(text)")
  }
}

// Outside of the type, whose own `read` and `write` would hide those of the system.

private func systemRead(_ file: Int32, _ start: UnsafeMutableRawPointer, _ count: Int) -> Int {
  unsafe read(file, start, count)
}

private func systemWrite(_ file: Int32, _ start: UnsafeRawPointer, _ count: Int) -> Int {
  unsafe write(file, start, count)
}
