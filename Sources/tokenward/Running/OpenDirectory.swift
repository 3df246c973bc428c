// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// A folder held open: private files are made in it by name, and never wherever a symbolic link on
/// the way points by now.
struct OpenDirectory: ~Copyable {
  private let path: String
  private let descriptor: Int32

  /// Makes the folder with mode 0700, or takes one that is there and private already. Folders above
  /// it are not made.
  /// - Throws: ``CommandFailure`` if it is no folder, is not the user's own, or open to others.
  static func makingPrivate(_ path: String) throws(CommandFailure) -> OpenDirectory {
    if mkdir(path, 0o700) != 0, errno != EEXIST {
      throw CommandFailure(
        "cannot make the folder \(JSONText.quoted(path)): \(SystemError.text(errno))"
      )
    }
    let folder = try OpenDirectory(existing: path, flags: O_NOFOLLOW)
    guard let privacy = FilePrivacy(folder: folder.descriptor, path: path), privacy.isOwn else {
      throw CommandFailure("the folder \(JSONText.quoted(path)) is not yours")
    }
    guard !privacy.isOpenToOthers else {
      throw CommandFailure(
        "others can enter the folder \(JSONText.quoted(path))",
        hint: "name a folder that does not exist yet, or make this one private with chmod 700"
      )
    }
    return folder
  }

  /// Takes a folder that is there.
  /// - Parameters:
  ///   - path: the folder.
  ///   - flags: what else `open` has to heed.
  init(existing path: String, flags: Int32 = 0) throws(CommandFailure) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags)
    guard descriptor >= 0 else {
      throw CommandFailure(
        "cannot open the folder \(JSONText.quoted(path)): \(SystemError.text(errno))",
        hint: "give a folder, not a file or a symbolic link"
      )
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(self.descriptor) }

  /// Which of these names are taken, by whatever it is.
  func existing(among names: [String]) -> [String] {
    names.filter { faccessat(self.descriptor, $0, F_OK, AT_SYMLINK_NOFOLLOW) == 0 }
  }

  /// Makes a file with mode 0600 that did not exist before. It has that mode from the start, so there
  /// is no moment in which others could open it.
  /// - Throws: ``CommandFailure`` if the name is taken or the file cannot be written; then no part of
  ///   it stays behind.
  func create(_ name: String, _ content: [UInt8]) throws(CommandFailure) {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let file = openat(self.descriptor, name, flags, 0o600)
    guard file >= 0 else { throw self.failure("make", name, errno) }
    defer { close(file) }
    do {
      try Console(descriptor: file).write(content)
    } catch {
      let code = errno
      self.remove(name)
      throw self.failure("write", name, code)
    }
  }

  /// Puts a private file in the place of whatever has the name, all at once: a reader sees the old
  /// content or the new one, never a part.
  func replace(_ name: String, _ content: [UInt8]) throws(CommandFailure) {
    let draft = ".\(name).\(UInt64.random(in: .min ... .max))"
    try self.create(draft, content)
    guard renameat(self.descriptor, draft, self.descriptor, name) == 0 else {
      let code = errno
      self.remove(draft)
      throw self.failure("replace", name, code)
    }
  }

  /// Removes a file that was made before.
  func remove(_ name: String) { unlinkat(self.descriptor, name, 0) }

  private func failure(_ verb: String, _ name: String, _ code: Int32) -> CommandFailure {
    let file = JSONText.quoted("\(self.path)/\(name)")
    return CommandFailure("cannot \(verb) \(file): \(SystemError.text(code))")
  }
}
