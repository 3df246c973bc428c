// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// What identifies one state of one file, without its content: two equal versions are the same bytes
/// unless the file was written again within the grain of the file system's dates
/// (``isSettled(for:)``).
///
/// Symbolic links are followed: mounts of secrets replace a link, and the file behind it is then
/// another one.
package struct FileVersion: Hashable, Sendable {
  private let device: UInt64
  private let inode: UInt64
  private let size: Int64
  private let mode: UInt32
  private let owner: UInt32
  private let modified: Duration
  private let changed: Duration

  /// - Parameter path: the file; nil if it is not there or cannot be looked at.
  package init?(path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.device = UInt64(truncatingIfNeeded: status.st_dev)
    self.inode = UInt64(truncatingIfNeeded: status.st_ino)
    self.size = Int64(status.st_size)
    self.mode = UInt32(status.st_mode)
    self.owner = UInt32(status.st_uid)
    #if canImport(Darwin)
    self.modified = Duration(status.st_mtimespec)
    self.changed = Duration(status.st_ctimespec)
    #else
    self.modified = Duration(status.st_mtim)
    self.changed = Duration(status.st_ctim)
    #endif
  }

  /// Whether the file was last written long enough ago for another write to have other dates. The
  /// dates are those of this machine's clock, and so is this.
  package func isSettled(for settling: Duration) -> Bool {
    var now = timespec()
    guard unsafe clock_gettime(CLOCK_REALTIME, &now) == 0 else { return false }
    let limit = Duration(now) - settling
    return self.modified < limit && self.changed < limit
  }
}

extension Duration {
  fileprivate init(_ time: timespec) {
    self = .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
  }
}
