// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Where lines of audit go. Used by one thread at a time; it may block.
package protocol AuditSink: Sendable {
  /// Writes whole lines. False if they did not all get there.
  func write(_ lines: [UInt8]) -> Bool
  /// Opens the destination again, after somebody renamed it.
  func reopen() throws(AuditFileError)
  /// Brings what was written to the disk and lets go of it.
  func close()
}

/// Why an audit file cannot be used.
public struct AuditFileError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong, and what to do about it.
  public let description: String
}

/// A file that grows at its end and that only its owner may write.
package final class AuditFile: AuditSink {
  private struct State {
    var descriptor: CInt
    /// A crash, or a disk that was full, leaves half a record behind.
    var endsWithinLine: Bool

    init(_ descriptor: CInt) {
      self.descriptor = descriptor
      self.endsWithinLine = AuditFile.endsWithinLine(descriptor)
    }
  }

  private let path: String
  private let state: Mutex<State>

  /// Opens the file, and makes it with mode 0600 if there is none.
  /// - Throws: ``AuditFileError`` if it cannot be opened, is no regular file, belongs to somebody
  ///   else or can be written by others, who could forge records.
  package init(path: String) throws(AuditFileError) {
    self.path = path
    self.state = Mutex(State(try Self.open(path)))
  }

  deinit { self.close() }

  package func write(_ lines: [UInt8]) -> Bool {
    self.state.withLock { state in
      guard state.descriptor >= 0 else { return false }
      // What an earlier failure cut short must not swallow the next record.
      let lines = state.endsWithinLine ? [UInt8(ascii: "\n")] + lines : lines
      var offset = 0
      while offset < lines.count {
        let descriptor = state.descriptor
        let count = lines.withUnsafeBytes { buffer in
          writeBytes(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
        }
        if count > 0 {
          offset += count
        } else if errno != EINTR {
          break
        }
      }
      if offset > 0 { state.endsWithinLine = lines[offset - 1] != UInt8(ascii: "\n") }
      return offset == lines.count
    }
  }

  package func reopen() throws(AuditFileError) {
    // The old file stays open until the new one is: no record is lost to a bad rotation.
    let descriptor = try Self.open(self.path)
    let old = self.state.withLock { state in
      let old = state.descriptor
      state = State(descriptor)
      return old
    }
    Self.synchronizeAndClose(old)
  }

  package func close() {
    let old = self.state.withLock { state in
      let old = state.descriptor
      state.descriptor = -1
      return old
    }
    Self.synchronizeAndClose(old)
  }
}

extension AuditFile {
  private static func synchronizeAndClose(_ descriptor: CInt) {
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    closeDescriptor(descriptor)
  }

  private static func endsWithinLine(_ descriptor: CInt) -> Bool {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size > 0 else { return false }
    var last: UInt8 = 0
    return pread(descriptor, &last, 1, status.st_size - 1) != 1 || last != UInt8(ascii: "\n")
  }

  private static func open(_ path: String) throws(AuditFileError) -> CInt {
    // Non-blocking, so that a pipe without a reader is refused instead of waited for; it has no
    // effect on a regular file. No link is followed: a link in a shared folder is an attack.
    let flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    let descriptor = openDescriptor(path, flags)
    guard descriptor >= 0 else {
      throw AuditFileError(
        description: "cannot open \(path) for audit: \(String(cString: strerror(errno)))"
      )
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      Self.synchronizeAndClose(descriptor)
      throw AuditFileError(description: "\(path) is no regular file; name one for audit")
    }
    guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
      Self.synchronizeAndClose(descriptor)
      throw AuditFileError(
        description: "\(path) belongs to somebody else or can be written by others; chmod 600 it"
      )
    }
    return descriptor
  }
}

// Outside of the type, whose methods have the names of the system calls.

private func openDescriptor(_ path: String, _ flags: CInt) -> CInt { open(path, flags, 0o600) }

private func closeDescriptor(_ descriptor: CInt) { _ = close(descriptor) }

private func writeBytes(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
