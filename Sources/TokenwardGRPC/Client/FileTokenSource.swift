// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Reads the token from a file that only its owner can read, and again whenever the file changes.
///
/// Whoever renews the token writes a new file beside it and renames it over the old one; a reader
/// then sees the old token or the new one. One line end after the token is ignored.
///
/// The file is refused if it is not a regular file (symbolic links are followed, as secret mounts
/// need), if it belongs to neither this user nor root, if anyone but its owner has any right to it,
/// or if it is longer than a token can be. There is no switch for this.
public final class FileTokenSource: TokenSource {
  private let path: String
  private let settling: Duration
  private let cache = Mutex<Cached?>(nil)

  private struct Cached {
    let version: FileVersion
    let token: BearerToken
  }

  /// - Parameter path: the file. It is read when the first call asks for a token.
  public convenience init(path: String) {
    self.init(path: path, settling: .seconds(2))
  }

  /// - Parameters:
  ///   - path: the file.
  ///   - settling: how long ago the file must have changed last for its content to be kept: longer
  ///     than the grain of the file system's dates.
  package init(path: String, settling: Duration) {
    self.path = path
    self.settling = settling
  }

  /// Whether the next call needs no reading, unless the file changes.
  package var isCached: Bool { self.cache.withLock { $0 != nil } }

  /// The token in the file.
  /// - Throws: `TokenSourceError`: `unavailable` if the file cannot be read, is empty or keeps changing,
  ///   `unusable` if it is refused.
  public func token() async throws -> BearerToken { try self.read() }

  private func read() throws(TokenSourceError) -> BearerToken {
    if let version = FileVersion(path: self.path),
      let cached = self.cache.withLock({ $0 }), cached.version == version
    {
      return cached.token
    }
    // A file that changes while it is read gives a token made of two; read again.
    for _ in 0 ..< 3 {
      guard let (token, version) = try self.readOnce() else { continue }
      // A later write within the clock's grain leaves the same dates: such a file is not cached.
      let isSettled = version.isSettled(for: self.settling)
      self.cache.withLock { $0 = isSettled ? Cached(version: version, token: token) : nil }
      return token
    }
    throw TokenSourceError(
      problem: "the token file \(self.path) keeps changing while it is read",
      hint: "write a new file beside it and rename it over the old one"
    )
  }

  /// - Returns: nil if the file changed meanwhile.
  private func readOnce() throws(TokenSourceError) -> (BearerToken, FileVersion)? {
    // Not blocking: opening a pipe would wait for a writer.
    let file = open(self.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      throw TokenSourceError(
        problem: "the token file \(self.path) cannot be opened: \(Self.text(of: errno))",
        hint: "check the path, and that this user owns the file"
      )
    }
    defer { close(file) }
    guard let before = FileVersion(descriptor: file) else {
      throw TokenSourceError(
        problem: "the token file \(self.path) cannot be examined",
        hint: "check the file system"
      )
    }
    try self.check(before)
    var bytes = [UInt8](repeating: 0, count: BearerToken.maximumLength + 3)
    var count = 0
    while count < bytes.count {
      let offset = count
      let read = bytes.withUnsafeMutableBytes { buffer in
        Self.retryingInterrupts {
          systemRead(file, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
        }
      }
      guard read >= 0 else {
        throw TokenSourceError(
          problem: "the token file \(self.path) cannot be read: \(Self.text(of: errno))",
          hint: "check the file system"
        )
      }
      if read == 0 { break }
      count += read
    }
    guard FileVersion(descriptor: file) == before else { return nil }
    return (try self.token(in: bytes.prefix(count)), before)
  }

  private func check(_ version: FileVersion) throws(TokenSourceError) {
    guard version.mode & S_IFMT == S_IFREG else {
      throw TokenSourceError(
        .unusable,
        problem: "the token file \(self.path) is not a regular file",
        hint: "name a file that holds nothing but the token"
      )
    }
    guard version.owner == geteuid() || version.owner == 0 else {
      throw TokenSourceError(
        .unusable,
        problem: "the token file \(self.path) belongs to another user",
        hint: "give it to the user that this process runs as"
      )
    }
    guard version.mode & 0o7777 & ~0o600 == 0 else {
      throw TokenSourceError(
        .unusable,
        problem: "the token file \(self.path) is open to others: mode "
          + String(version.mode & 0o7777, radix: 8),
        hint: "chmod 600 \(self.path), and replace the token: it may have been read"
      )
    }
  }

  private func token(in bytes: ArraySlice<UInt8>) throws(TokenSourceError) -> BearerToken {
    var bytes = bytes
    if bytes.last == UInt8(ascii: "\n") {
      bytes.removeLast()
      if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    }
    guard bytes.count <= BearerToken.maximumLength else {
      throw TokenSourceError(
        .unusable,
        problem: "the token file \(self.path) is longer than a token can be",
        hint: "it may hold \(BearerToken.maximumLength) bytes and one line end"
      )
    }
    guard !bytes.isEmpty else {
      throw TokenSourceError(
        problem: "the token file \(self.path) is empty",
        hint: "write a new file beside it and rename it over the old one"
      )
    }
    return BearerToken(bytes: Array(bytes))
  }

  private static func retryingInterrupts(_ call: () -> Int) -> Int {
    while true {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
  }

  private static func text(of code: Int32) -> String {
    String(cString: strerror(code))
  }
}

private func systemRead(_ file: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(file, buffer, count)
}

/// What identifies one state of one file.
private struct FileVersion: Equatable {
  let device: UInt64
  let inode: UInt64
  let size: Int64
  let mode: mode_t
  let owner: uid_t
  let modified: Duration
  let changed: Duration

  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    self.device = UInt64(truncatingIfNeeded: status.st_dev)
    self.inode = UInt64(truncatingIfNeeded: status.st_ino)
    self.size = Int64(status.st_size)
    self.mode = status.st_mode
    self.owner = status.st_uid
    #if canImport(Darwin)
    self.modified = Duration(status.st_mtimespec)
    self.changed = Duration(status.st_ctimespec)
    #else
    self.modified = Duration(status.st_mtim)
    self.changed = Duration(status.st_ctim)
    #endif
  }

  /// Whether the file was last written long enough ago for another write to have other dates.
  func isSettled(for settling: Duration) -> Bool {
    var now = timespec()
    guard clock_gettime(CLOCK_REALTIME, &now) == 0 else { return false }
    let limit = Duration(now) - settling
    return self.modified < limit && self.changed < limit
  }
}

extension Duration {
  fileprivate init(_ time: timespec) {
    self = .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
  }
}
