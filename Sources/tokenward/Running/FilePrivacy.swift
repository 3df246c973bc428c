// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Who can use a file or folder.
///
/// Foundation is asked instead of `fstat`: on Linux the fields of `stat` belong to whichever module
/// the compiler happens to load first.
struct FilePrivacy {
  /// Whether it is a regular file, not a symbolic link to one.
  let isRegularFile: Bool
  /// Whether it belongs to the user that runs this process.
  let isOwn: Bool
  /// Whether others than its owner can read, write or enter it.
  let isOpenToOthers: Bool

  /// What has this path; nil if nothing does. A symbolic link is not followed.
  init?(path: String) {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
      let permissions = attributes[.posixPermissions] as? UInt,
      let owner = attributes[.ownerAccountID] as? UInt
    else { return nil }
    self.isRegularFile = attributes[.type] as? FileAttributeType == .typeRegular
    self.isOwn = owner == UInt(geteuid())
    self.isOpenToOthers = permissions & 0o077 != 0
  }

  /// An open folder, whatever its path leads to by now.
  init?(folder descriptor: Int32, path: String) {
    #if os(Linux)
    self.init(path: "/proc/self/fd/\(descriptor)/.")
    #else
    self.init(path: path)
    #endif
  }
}
