// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Why bytes of a file could not be read, in the words of the system.
struct AuditReadFault: Error {
  let reason: String
}

/// An open file, closed when nobody has it any more.
final class AuditDescriptor: Sendable {
  let number: CInt

  init(_ number: CInt) { self.number = number }

  /// A file to read only. No rights are asked for: who checks a trail may have a copy of it.
  init(reading path: String) throws(AuditReadFault) {
    let number = openToRead(path)
    guard number >= 0 else { throw AuditReadFault(reason: systemReason()) }
    self.number = number
    var status = stat()
    guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw AuditReadFault(reason: "it is no regular file")
    }
  }

  deinit { closeFile(self.number) }

  func lock() throws(AuditTrailError) {
    guard flock(self.number, LOCK_EX | LOCK_NB) == 0 else {
      throw AuditTrailError(
        errno == EWOULDBLOCK
          ? "another process writes this audit trail; stop it first, or name another file"
          : "cannot lock the audit trail: \(systemReason())"
      )
    }
  }

  func unlock() { _ = flock(self.number, LOCK_UN) }

  func size() throws(AuditReadFault) -> Int64 {
    var status = stat()
    guard fstat(self.number, &status) == 0 else { throw AuditReadFault(reason: systemReason()) }
    return Int64(status.st_size)
  }

  func isSameFile(as other: AuditDescriptor) throws(AuditTrailError) -> Bool {
    var mine = stat()
    var others = stat()
    guard fstat(self.number, &mine) == 0, fstat(other.number, &others) == 0 else {
      throw AuditTrailError("cannot look at the audit trail: \(systemReason())")
    }
    return mine.st_dev == others.st_dev && mine.st_ino == others.st_ino
  }

  /// At most `count` bytes from an offset on; fewer at the end of the file.
  func read(at offset: Int64, count: Int) throws(AuditReadFault) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let wanted = count - bytes.count
      let position = offset + Int64(bytes.count)
      var got = 0
      bytes += [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
        got = pread(self.number, buffer.baseAddress, wanted, off_t(position))
        initialized = max(0, got)
      }
      if got == 0 { break }
      guard got > 0 || errno == EINTR else { throw AuditReadFault(reason: systemReason()) }
    }
    return bytes
  }

  /// Writes all bytes: at an offset, or at the end of the file.
  func write(_ bytes: [UInt8], at offset: Int64?, _ path: String) throws(AuditTrailError) {
    var start = 0
    while start < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
        guard let offset else { return writeBytes(self.number, rest) }
        return pwrite(self.number, rest.baseAddress, rest.count, off_t(offset + Int64(start)))
      }
      if count > 0 {
        start += count
      } else if count == 0 || errno != EINTR {
        throw AuditTrailError("cannot write \(path): \(systemReason())")
      }
    }
  }

  func synchronize(_ path: String) throws(AuditTrailError) {
    #if canImport(Darwin)
    // There fsync leaves the bytes in the cache of the drive.
    let result = fcntl(self.number, F_FULLFSYNC)
    #else
    let result = fdatasync(self.number)
    #endif
    guard result == 0 else {
      throw AuditTrailError("cannot bring \(path) to the disk: \(systemReason())")
    }
  }
}

/// What the system says about its last failure.
func systemReason() -> String { String(cString: strerror(errno)) }

// Outside of the type, whose methods have the names of the system calls.

private func openToRead(_ path: String) -> CInt { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }

private func closeFile(_ number: CInt) { _ = close(number) }

private func writeBytes(_ number: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(number, bytes.baseAddress, bytes.count)
}
