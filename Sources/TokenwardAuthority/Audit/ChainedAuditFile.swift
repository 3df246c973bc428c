// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Dispatch
internal import Synchronization
public import TokenwardCore

/// An audit trail in a file: one line of JSON for each event, each with a hash over itself and the
/// line before it. ``AuditChain`` checks the lines and says what that proves.
///
/// ``record(_:)`` returns when the record is on the disk (`fdatasync`). Whoever records at the same
/// time shares one write and one wait. None of Swift's threads waits for the disk: a queue of its own
/// does. If the disk does not answer, every caller is told so after `timeout`, and those that come
/// later at once, until it answers again. A record whose caller was told so may still be written if it
/// had been handed to the disk by then; it says `allowed` although nothing was handed out.
///
/// A write that fails half-way (a full disk) is taken back, so that the next one follows the last
/// whole record. What a crash left half-written is removed at the next start, and a record
/// `audit.recovered` says how much that was. Nothing else is ever mended: a file that does not verify
/// is refused.
///
/// Beside the file lies `NAME.head`, which says where the chain ends, and is locked: a second process
/// is refused. Both belong to this user alone (mode 0600), in a folder that nobody else can write to.
///
/// To rotate the file, rename it and call ``reopen()``. The chain goes on in the new one. `NAME.head`
/// stays where it is.
public final class ChainedAuditFile: AuditTrail {
  /// Default of `timeout`: short enough for a caller that waits for its answer.
  public static let defaultTimeout: Duration = .seconds(3)
  /// Default of `capacity`.
  public static let defaultCapacity = 8_192

  private static let mostPerWrite = 1_024

  private let writer: AuditChainWriter
  private let timeout: Duration
  private let state: Mutex<AuditQueue>
  private let queue = DispatchQueue(label: "tokenward.authority.audit", qos: .userInitiated)
  private let watch = DispatchQueue(label: "tokenward.authority.audit.deadlines")

  /// Opens the file, or makes it, and looks at the end of what is there. Waits for the disk.
  /// - Parameters:
  ///   - path: the file.
  ///   - keys: under which the chain is written: the first one for new records, the others for what
  ///     was written before. Without any, anybody who can write to the file can make a sound chain of
  ///     it; a chain with keys cannot be continued without, nor the other way around.
  ///   - history: what is known of the chain from elsewhere.
  ///   - timeout: how long ``record(_:)`` waits for the disk.
  ///   - capacity: most records that wait for the disk; the next one is refused.
  ///   - time: the clock for the trail's own records.
  /// - Throws: ``AuditTrailError``: the files are not what they have to be, or the end of the chain
  ///   does not verify. The text says what to do.
  public convenience init(
    path: String,
    keys: [Pepper] = [],
    history: AuditHistory = .unknown,
    timeout: Duration = ChainedAuditFile.defaultTimeout,
    capacity: Int = ChainedAuditFile.defaultCapacity,
    time: any TimeSource = SystemTime()
  ) throws(AuditTrailError) {
    try self.init(
      path: path,
      keys: keys,
      history: history,
      timeout: timeout,
      capacity: capacity,
      time: time,
      device: { $0 }
    )
  }

  /// - Parameter device: puts something between the trail and its files.
  package init(
    path: String,
    keys: [Pepper] = [],
    history: AuditHistory = .unknown,
    timeout: Duration = ChainedAuditFile.defaultTimeout,
    capacity: Int = ChainedAuditFile.defaultCapacity,
    time: any TimeSource = SystemTime(),
    device: (AuditFiles) -> any AuditDevice
  ) throws(AuditTrailError) {
    let files = try AuditFiles(path: path)
    let hash = ChainHash(keys: keys)
    self.writer = try AuditChainWriter(path, files, device(files), hash, history, time)
    self.timeout = timeout
    self.state = Mutex(AuditQueue(capacity: capacity))
  }

  /// Writes a record. Cancellation does not shorten the wait: whether it is written has to be known.
  /// - Throws: ``AuditTrailError``: the disk is full, fails or does not answer in time, or too many
  ///   records wait for it.
  public func record(_ event: AuditEvent) async throws(AuditTrailError) {
    let content = AuditLine.Content(event)
    let deadline = ContinuousClock.now + self.timeout
    let outcome = await withCheckedContinuation { (waiter: AuditQueue.Waiter) in
      switch self.state.withLock({ $0.add(content, until: deadline, waiter) }) {
      case .refuse(let error): waiter.resume(returning: .failure(error))
      case .queued(let mustWrite, let mustWatch):
        if mustWrite { self.queue.async { self.writeBatch() } }
        if mustWatch { self.watchDeadlines() }
      }
    }
    try outcome.get()
  }

  /// Goes on in a new file, after somebody renamed the old one (on SIGHUP). Changes nothing if nobody
  /// did. Waits for the disk, however long that takes.
  /// - Throws: ``AuditTrailError`` if the new file cannot be used; the old one is kept then.
  public func reopen() async throws(AuditTrailError) {
    let outcome = await withCheckedContinuation { (waiter: AuditQueue.Waiter) in
      self.queue.async {
        do throws(AuditTrailError) {
          try self.writer.reopen()
          waiter.resume(returning: .success(()))
        } catch {
          waiter.resume(returning: .failure(error))
        }
      }
    }
    try outcome.get()
  }

  /// Writes what waits. Later records are refused.
  public func close() async {
    self.state.withLock { $0.close() }
    await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
      self.queue.async { self.finish(waiter) }
    }
  }
}

extension ChainedAuditFile {
  /// One write, then the next one in its turn: ``reopen()`` has one too.
  private func writeBatch() {
    guard let batch = self.state.withLock({ $0.nextBatch(most: Self.mostPerWrite) }) else { return }
    let outcome: AuditQueue.Outcome
    do throws(AuditTrailError) {
      try self.writer.write(batch)
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    for waiter in self.state.withLock({ $0.finishBatch() }) { waiter.resume(returning: outcome) }
    self.queue.async { self.writeBatch() }
  }

  private func finish(_ waiter: CheckedContinuation<Void, Never>) {
    // As long as something waits, a write of it stands in the queue already.
    if self.state.withLock(\.isWriting) { return self.queue.async { self.finish(waiter) } }
    self.writer.close()
    waiter.resume()
  }

  private func watchDeadlines() {
    let pause = max(Int(self.timeout / .milliseconds(1)) / 8, 1)
    self.watch.asyncAfter(deadline: .now() + .milliseconds(pause)) { [weak self] in
      guard let self else { return }
      let (expired, mustWatch) = self.state.withLock { $0.expire(at: ContinuousClock.now) }
      let error = AuditTrailError("the disk of the audit trail has not answered in time")
      for waiter in expired { waiter.resume(returning: .failure(error)) }
      if mustWatch { self.watchDeadlines() }
    }
  }
}
