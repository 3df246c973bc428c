// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import CoreMetrics
internal import Dispatch
public import Logging
internal import Synchronization
public import TokenwardCore

/// Writes one line of JSON for each decision to a file.
///
/// The path of a request only puts the record into a bounded queue; one background queue renders and
/// writes. When the disk does not keep up the queue fills, further records are dropped, and
/// `tokenward_audit_dropped_total` counts them: a flood of denials can neither block verification
/// nor fill the memory.
///
/// ```swift
/// let audit = try AuditObserver(path: "/var/log/tokenward/audit.jsonl")
/// let requestGuard = RequestGuard(policy: policy, verifier: verifier, observers: [audit])
/// …
/// audit.close()
/// ```
public final class AuditObserver: DecisionObserver {
  /// Default of `capacity`.
  public static let defaultCapacity = 8_192

  /// How long records are gathered before the next write. While calls come in quick succession, the
  /// background queue is woken once for all of them.
  private static let gatheringTime: DispatchTimeInterval = .milliseconds(2)

  private static let recordsPerWrite = 256

  private struct State {
    var records: [AuditRecord] = []
    var dropped: UInt64 = 0
    var isScheduled = false
    var isClosed = false
  }

  private let sink: any AuditSink
  private let capacity: Int
  private let logger: Logger?
  private let written: Counter
  private let lost: Counter
  private let state = Mutex(State())
  private let isFailing = Atomic<Bool>(false)
  private let queue = DispatchQueue(label: "tokenward.audit", qos: .utility)

  /// - Parameters:
  ///   - path: the file; made with mode 0600 if there is none, appended to otherwise.
  ///   - capacity: most records that wait to be written.
  ///   - logger: told when the file becomes unwritable and when it is writable again.
  ///   - factory: the metrics backend; the one of `MetricsSystem` unless given.
  /// - Throws: ``AuditFileError`` if the file cannot be used.
  public convenience init(
    path: String,
    capacity: Int = AuditObserver.defaultCapacity,
    logger: Logger? = nil,
    factory: (any MetricsFactory)? = nil
  ) throws(AuditFileError) {
    let file = try AuditFile(path: path)
    self.init(sink: file, capacity: capacity, logger: logger, factory: factory)
  }

  package init(
    sink: any AuditSink,
    capacity: Int,
    logger: Logger? = nil,
    factory: (any MetricsFactory)? = nil
  ) {
    let factory = factory ?? MetricsSystem.factory
    self.sink = sink
    self.capacity = max(1, capacity)
    self.logger = logger
    self.written = Counter(label: MetricName.auditRecords, factory: factory)
    self.lost = Counter(label: MetricName.auditDropped, factory: factory)
  }

  /// Queues one record, or drops and counts it if the queue is full. Never waits for the disk.
  public func observe(_ record: DecisionRecord) {
    let record = AuditRecord(record)
    let (isDropped, mustWake) = self.state.withLock { state in
      guard !state.isClosed, state.records.count < self.capacity else {
        state.dropped &+= 1
        return (true, false)
      }
      state.records.append(record)
      let mustWake = !state.isScheduled
      state.isScheduled = true
      return (false, mustWake)
    }
    if isDropped { self.lost.increment() }
    if mustWake { self.queue.async { self.writeAll() } }
  }

  /// Records lost so far: the queue was full, the file not writable, or the observer closed.
  public var droppedRecords: UInt64 { self.state.withLock { $0.dropped } }

  /// Waits until every record observed so far is written. Blocks; not for the path of a request.
  public func flush() {
    self.queue.sync { self.writeBatch() }
  }

  /// Opens the file again, for log rotation: rename the file, then call this (on SIGHUP).
  /// - Throws: ``AuditFileError`` if the new file cannot be used; the old one is kept then.
  public func reopen() throws(AuditFileError) {
    // A typed error does not pass through `sync`.
    let result = self.queue.sync { () -> Result<Void, AuditFileError> in
      self.writeBatch()
      do throws(AuditFileError) {
        try self.sink.reopen()
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// Writes what waits and closes the file. Later records are dropped and counted.
  public func close() {
    self.state.withLock { $0.isClosed = true }
    self.queue.sync {
      self.writeBatch()
      self.sink.close()
    }
  }
}

extension AuditObserver {
  private func writeAll() {
    self.writeBatch()
    let isDone = self.state.withLock { state in
      if state.records.isEmpty { state.isScheduled = false }
      return state.records.isEmpty
    }
    guard !isDone else { return }
    self.queue.asyncAfter(deadline: .now() + Self.gatheringTime) { self.writeAll() }
  }

  /// Renders and writes what waits. On the background queue only.
  private func writeBatch() {
    let records = self.state.withLock { state in
      let records = state.records
      state.records = []
      state.records.reserveCapacity(min(records.count, self.capacity))
      return records
    }
    var lines: [UInt8] = []
    var start = 0
    while start < records.count {
      // In portions, so that a full queue of the longest records does not double in memory.
      let portion = records[start ..< min(start + Self.recordsPerWrite, records.count)]
      lines.removeAll(keepingCapacity: true)
      for record in portion { record.append(to: &lines) }
      self.write(lines, count: portion.count)
      start = portion.endIndex
    }
  }

  private func write(_ lines: [UInt8], count: Int) {
    let isWritten = self.sink.write(lines)
    if isWritten {
      self.written.increment(by: count)
    } else {
      self.lost.increment(by: count)
      self.state.withLock { $0.dropped &+= UInt64(count) }
    }
    self.report(isFailing: !isWritten)
  }

  /// Says so once when writing fails, and once when it works again: a full disk is not made fuller.
  private func report(isFailing: Bool) {
    guard self.isFailing.exchange(isFailing, ordering: .relaxed) != isFailing else { return }
    if isFailing {
      self.logger?.error("audit records are lost: the audit file cannot be written")
    } else {
      self.logger?.notice("audit records are written again")
    }
  }
}
