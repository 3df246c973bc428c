// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// What identifies one state of one file: a reader that finds the same identity need not read again.
/// Symbolic links are followed, because mounted secrets are replaced by changing where a link leads.
package struct FileIdentity: Hashable, Sendable {
  /// Device, inode, size, mode, owner and both dates in seconds and nanoseconds.
  package let numbers: [Int64]
  private let written: UnixTime

  /// Nil if there is no such file, or it cannot be looked at.
  package init?(path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init(_ status: stat) {
    #if canImport(Darwin)
    let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
    #else
    let (modified, changed) = (status.st_mtim, status.st_ctim)
    #endif
    self.numbers = [
      Int64(truncatingIfNeeded: status.st_dev), Int64(truncatingIfNeeded: status.st_ino),
      Int64(truncatingIfNeeded: status.st_size), Int64(truncatingIfNeeded: status.st_mode),
      Int64(truncatingIfNeeded: status.st_uid),
      Int64(modified.tv_sec), Int64(modified.tv_nsec), Int64(changed.tv_sec),
      Int64(changed.tv_nsec),
    ]
    self.written = max(UnixTime(modified), UnixTime(changed))
  }

  /// Whether the file was last written long enough before `now` for another write to have other
  /// dates. Two writes within the grain of a file system's dates look the same: what was read before
  /// that has passed is not kept.
  package func isSettled(at now: UnixTime) -> Bool { self.written.adding(seconds: 2) < now }
}

extension UnixTime {
  fileprivate init(_ time: timespec) {
    self.init(
      seconds: Int64(time.tv_sec),
      nanoseconds: Int32(truncatingIfNeeded: time.tv_nsec)
    )
  }
}
