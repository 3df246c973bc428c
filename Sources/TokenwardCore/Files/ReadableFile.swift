// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Reads small files, and refuses those that the wrong people can read or write.
///
/// The core itself reads no file. This stands here for the targets above it: beside SwiftNIO the
/// members of `struct stat` count as NIO's and cannot be named without importing one of its private
/// modules.
package enum ReadableFile {
  /// Who else may have access.
  package enum Privacy: Sendable {
    /// Anyone may read; only the owner and its group may write. For public keys and configuration.
    case publicContent
    /// Anyone may read; only the owner may write, and it is this user or root. For what the platform
    /// mounts readable into a container, such as service-account tokens: who may read them is a
    /// question of the mount, but nobody else may exchange them.
    case platformMount
    /// The owner and its group may read. For a server's key, which orchestrators mount that way.
    case groupSecret
    /// The owner alone. For keys that sign as well as verify.
    case ownerSecret

    fileprivate var forbidden: mode_t {
      switch self {
      case .publicContent: 0o002
      case .platformMount: 0o022
      case .groupSecret: 0o027
      case .ownerSecret: 0o077
      }
    }

    fileprivate var complaint: (problem: String, hint: String) {
      switch self {
      case .publicContent: ("can be written by everybody", "chmod o-w it")
      case .platformMount: ("can be written by others than its owner", "chmod go-w it")
      case .groupSecret: ("can be read by everybody or written by its group", "chmod 640 it")
      case .ownerSecret: ("can be read by others than its owner", "chmod 600 it")
      }
    }
  }

  /// What is wrong with a file, and what to do about it.
  package struct Failure: Error {
    package let problem: String
    package let hint: String
    /// Whether the wrong people have access, rather than nobody.
    package var isRefusal = false
  }

  /// - Parameters:
  ///   - path: the file.
  ///   - limit: longest content, in bytes.
  ///   - privacy: who else may have access; looked at on the open file, so that it cannot be
  ///     exchanged in between.
  package static func read(_ path: String, limit: Int, privacy: Privacy) throws(Failure) -> [UInt8]
  {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let reason = unsafe String(cString: strerror(errno))
      throw Failure(problem: "cannot be read: \(reason)", hint: "name a file that exists")
    }
    defer { _ = close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Failure(problem: "is no regular file", hint: "name a file")
    }
    guard status.st_mode & privacy.forbidden == 0 else {
      throw Failure(
        problem: privacy.complaint.problem,
        hint: privacy.complaint.hint,
        isRefusal: true
      )
    }
    // Whoever owns a file can change who may read it. Orchestrators mount secrets as root.
    guard privacy == .publicContent || status.st_uid == geteuid() || status.st_uid == 0 else {
      throw Failure(
        problem: "belongs to another user",
        hint: "give it to the user that this process runs as",
        isRefusal: true
      )
    }
    var bytes: [UInt8] = []
    while bytes.count <= limit {
      var count = 0
      unsafe bytes += [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, initializedCount in
        count = unsafe readBytes(descriptor, buffer.baseAddress, buffer.count)
        initializedCount = max(0, count)
      }
      if count == 0 { return bytes }
      guard count > 0 || errno == EINTR else {
        throw Failure(problem: "cannot be read", hint: "check the disk")
      }
    }
    throw Failure(problem: "is longer than \(limit) bytes", hint: "name the right file")
  }
}

// Outside of the type, whose method has the name of the system call.
private func readBytes(_ descriptor: CInt, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  unsafe read(descriptor, bytes, count)
}
