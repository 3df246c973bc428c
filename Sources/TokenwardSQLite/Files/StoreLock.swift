// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// That a database has one user: a second authority would answer from its own memory and not see what
/// the first one takes back. The lock ends with the process, however it ends.
struct StoreLock: ~Copyable {
  private let descriptor: Int32

  /// - Parameter database: the path of the database; the lock is on a file beside it.
  init(database: String) throws(SQLiteStoreProblem) {
    let path = database + ".lock"
    let descriptor = try OwnerOnlyFile.open(path)
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let isHeld = errno == EWOULDBLOCK
      let reason = OwnerOnlyFile.reason()
      _ = close(descriptor)
      guard isHeld else {
        throw SQLiteStoreProblem(
          .unavailable,
          path,
          "cannot be locked: \(reason)",
          hint: "use a local file system: locks over a network do not hold"
        )
      }
      throw SQLiteStoreProblem(
        .inUse,
        database,
        "is in use by another process, or by another store of this one",
        hint: "one authority per database: end the other one (fuser \(path) names it)"
      )
    }
    self.descriptor = descriptor
  }

  // The file stays: removing it would let two processes lock two files of one name.
  deinit { _ = close(self.descriptor) }
}
