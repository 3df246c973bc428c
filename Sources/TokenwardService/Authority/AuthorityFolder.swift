// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

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

/// The folder of an authority: secrets lie in it, and whoever can write to it can replace them.
enum AuthorityFolder {
  /// Makes the folder with mode 0700, or takes one that is there and private already. Folders above
  /// it are not made.
  static func prepare(_ path: String) throws(AuthorityStartError) {
    if mkdir(path, 0o700) != 0, errno != EEXIST {
      throw AuthorityStartError(
        "the folder \(ConfigurationError.shown(path)) cannot be made:"
          + " \(String(cString: strerror(errno)))",
        hint: "make the folder above it, or let this user write there"
      )
    }
    // Foundation is asked instead of `stat`, whose fields belong to whichever module comes first.
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
      let permissions = attributes[.posixPermissions] as? UInt,
      let owner = attributes[.ownerAccountID] as? UInt,
      attributes[.type] as? FileAttributeType == .typeDirectory
    else {
      throw AuthorityStartError(
        "\(ConfigurationError.shown(path)) is no folder, or a symbolic link to one",
        hint: "name a folder that does not exist yet"
      )
    }
    guard owner == UInt(geteuid()), permissions & 0o077 == 0 else {
      throw AuthorityStartError(
        "others than this user can enter the folder \(ConfigurationError.shown(path))",
        hint: "chmod 700 it, if it is this user's; the secrets of the authority lie in it"
      )
    }
  }
}
