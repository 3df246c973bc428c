// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Reads files and standard input within bounds.
enum FileReading {
  private static let chunkLength = 64 * 1_024

  /// The next bytes of a descriptor; none at its end.
  static func chunk(of descriptor: Int32) throws(CommandFailure) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: self.chunkLength) { buffer, count in
      var result = 0
      repeat {
        result = systemRead(descriptor, buffer.baseAddress, buffer.count)
      } while result < 0 && errno == EINTR
      failure = result < 0 ? errno : 0
      count = max(0, result)
    }
    guard failure == 0 else {
      throw CommandFailure("cannot read the input: \(SystemError.text(failure))")
    }
    return bytes
  }

  /// What is left to read from a descriptor, up to `limit` bytes and one more, by which the caller
  /// knows that it is too much.
  static func rest(of descriptor: Int32, limit: Int) throws(CommandFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count <= limit {
      let chunk = try self.chunk(of: descriptor)
      if chunk.isEmpty { return bytes }
      bytes += chunk
    }
    return Array(bytes.prefix(limit + 1))
  }

  /// A file, up to `limit` bytes and one more.
  /// - Parameters:
  ///   - mustBePrivate: whether to refuse a file that others than its owner can read.
  ///   - hint: what to do about one that they can.
  static func file(
    _ path: String,
    limit: Int,
    mustBePrivate: Bool = false,
    hint: String = "make new keys with `tokenward dev init`; whoever could read these still can"
  ) throws(CommandFailure) -> [UInt8] {
    if mustBePrivate {
      guard let privacy = FilePrivacy(path: path), privacy.isRegularFile else {
        throw CommandFailure("\(JSONText.quoted(path)) is no file, or a symbolic link")
      }
      guard privacy.isOwn, !privacy.isOpenToOthers else {
        throw CommandFailure(
          "others than you can use the key \(JSONText.quoted(path))",
          hint: hint
        )
      }
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | (mustBePrivate ? O_NOFOLLOW : 0))
    guard descriptor >= 0 else {
      throw CommandFailure("cannot open \(JSONText.quoted(path)): \(SystemError.text(errno))")
    }
    defer { close(descriptor) }
    return try self.rest(of: descriptor, limit: limit)
  }
}

// Outside of the type, some of whose methods have names like the system's.
private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int
{
  read(descriptor, bytes, count)
}
