// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRDB
internal import Synchronization
internal import TokenwardAuthority

/// Writes what all callers have waiting in one transaction of SQLite, with one sync of the WAL and one
/// of the epoch, and then answers all of them. While it writes, the next group gathers.
final class GroupCommit: Sendable {
  /// One caller's work: does it within a session, and hands back how the caller is answered once the
  /// whole group is durable.
  typealias Work = @Sendable (inout WriteSession) throws -> @Sendable () -> Void

  private struct Queue {
    var waiting: [Waiting] = []
    var isWriting = false
  }

  struct Waiting: Sendable {
    let work: Work
    /// For when it comes to nothing.
    let refuse: @Sendable (StoreError) -> Void
  }

  private struct Durable: ~Copyable {
    var epoch: EpochFile
    /// Set once a write could not be made durable. The kernel may have dropped what it could not write
    /// and reports that only once, so nothing after it can be trusted until the file is opened again.
    var broken: String?
  }

  private let pool: DatabasePool
  private let queue = Mutex(Queue())
  private let durable: Mutex<Durable>

  init(pool: DatabasePool, epoch: consuming EpochFile) {
    self.pool = pool
    self.durable = Mutex(Durable(epoch: epoch, broken: nil))
  }

  /// Does work with the next group.
  func perform<Value: Sendable>(
    _ body: @escaping @Sendable (inout WriteSession) throws -> Value
  ) async throws(StoreError) -> Value {
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
      self.add(
        Waiting { session in
          let value = try body(&session)
          return { continuation.resume(returning: .success(value)) }
        } refuse: { error in
          continuation.resume(returning: .failure(error))
        }
      )
    }
    return try result.get()
  }

  private func add(_ waiting: Waiting) {
    let isFirst = self.queue.withLock { queue in
      queue.waiting.append(waiting)
      defer { queue.isWriting = true }
      return !queue.isWriting
    }
    if isFirst { self.pool.asyncWriteWithoutTransaction { db in self.writeAll(db) } }
  }

  private func writeAll(_ db: Database) {
    while true {
      let group = self.queue.withLock { queue in
        let group = queue.waiting
        queue.waiting = []
        if group.isEmpty { queue.isWriting = false }
        return group
      }
      guard !group.isEmpty else { return }
      self.durable.withLock { durable in
        self.write(group, db, &durable)
      }
    }
  }

  private func write(_ group: [Waiting], _ db: Database, _ durable: inout Durable) {
    if let broken = durable.broken {
      for waiting in group { waiting.refuse(.undurable(broken)) }
      return
    }
    var answers: [@Sendable () -> Void] = []
    do {
      try db.beginTransaction(.immediate)
      var session = try WriteSession(db)
      for waiting in group {
        do {
          answers.append(try waiting.work(&session))
        } catch let error as StoreError {
          // This caller's own; the others go on. It is told at the end, like them: what it was judged
          // by may be the work of another one of this group.
          answers.append { waiting.refuse(error) }
        }
      }
      if session.hasChanged {
        try session.save()
        try db.commit()
        if !durable.epoch.advance(to: session.state.version) {
          throw Undurable(path: self.pool.path)
        }
      } else {
        try db.rollback()
      }
    } catch {
      if db.isInsideTransaction { try? db.rollback() }
      var failure = StoreError(error, path: self.pool.path)
      if Undurable.isSign(error) {
        let problem =
          "\(self.pool.path): a write could not be made durable; check the disk and start again"
        durable.broken = problem
        failure = .undurable(problem)
      }
      // Nobody has had an answer yet: all of them get this one.
      for waiting in group { waiting.refuse(failure) }
      return
    }
    for answer in answers { answer() }
  }
}

/// That a commit is in the file and may be lost by a crash all the same.
struct Undurable: Error {
  let path: String

  static func isSign(_ error: any Error) -> Bool {
    if error is Undurable { return true }
    let code = (error as? DatabaseError)?.extendedResultCode
    return code == .SQLITE_IOERR_FSYNC || code == .SQLITE_IOERR_DIR_FSYNC
  }
}
