// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Where a command writes. Unbuffered: what was written is there even if the process is killed.
struct Console: Sendable {
  static let standardOutput = Console(descriptor: STDOUT_FILENO)
  static let standardError = Console(descriptor: STDERR_FILENO)

  let descriptor: Int32

  /// Whether a person is reading.
  var isTerminal: Bool { isatty(self.descriptor) == 1 }

  /// - Throws: ``OutputClosed`` if nobody reads any more, ``CommandFailure`` for other errors.
  func write(_ text: String) throws { try self.write(Array(text.utf8)) }

  /// - Throws: ``OutputClosed`` if nobody reads any more, ``CommandFailure`` for other errors.
  func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { buffer in
        systemWrite(self.descriptor, buffer.baseAddress, buffer.count)
      }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EPIPE {
        throw OutputClosed()
      } else if errno == EAGAIN {
        var entry = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&entry, 1, -1)
      } else if errno != EINTR {
        throw CommandFailure("cannot write the output: \(SystemError.text(errno))")
      }
    }
  }

  /// Writes a line to standard error, if anybody reads it.
  static func complain(_ message: String) {
    try? self.standardError.write(message + "\n")
  }
}

/// Texts of system errors.
enum SystemError {
  static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}

// Outside of the type, whose methods have the name of the system's.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
