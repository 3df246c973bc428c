// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

/// Records that wait for the disk, and who waits for them: the ones to be written next, and the ones
/// that are being written.
struct AuditQueue {
  typealias Outcome = Result<Void, AuditTrailError>
  typealias Waiter = CheckedContinuation<Outcome, Never>

  private struct Entry {
    let content: AuditLine.Content
    let deadline: ContinuousClock.Instant
    /// Nil once it was told that its time is up.
    var waiter: Waiter?
  }

  private let capacity: Int
  private var waiting: [Entry] = []
  private var writing: [Entry] = []
  /// Whether somebody is writing or about to.
  private(set) var isWriting = false
  private var isWatched = false
  private var isClosed = false
  /// The disk has not answered for longer than anybody waits: nobody waits for it in vain again.
  private var isStuck = false

  init(capacity: Int) { self.capacity = max(1, capacity) }

  /// What to do after a record was offered.
  enum Step {
    case refuse(AuditTrailError)
    /// It is in the queue. `mustWrite`: nobody is writing yet; `mustWatch`: nobody looks at deadlines.
    case queued(mustWrite: Bool, mustWatch: Bool)
  }

  mutating func add(
    _ content: AuditLine.Content,
    until deadline: ContinuousClock.Instant,
    _ waiter: Waiter
  ) -> Step {
    if self.isClosed { return .refuse(AuditTrailError("the audit trail is closed")) }
    if self.isStuck {
      return .refuse(AuditTrailError("the disk of the audit trail has not answered for a while"))
    }
    guard self.waiting.count < self.capacity else {
      return .refuse(AuditTrailError("too many records wait for the disk of the audit trail"))
    }
    self.waiting.append(Entry(content: content, deadline: deadline, waiter: waiter))
    defer {
      self.isWriting = true
      self.isWatched = true
    }
    return .queued(mustWrite: !self.isWriting, mustWatch: !self.isWatched)
  }

  /// What is written together; nil if there is nothing left to write.
  mutating func nextBatch(most: Int) -> [AuditLine.Content]? {
    guard !self.waiting.isEmpty else {
      self.isWriting = false
      return nil
    }
    let count = min(most, self.waiting.count)
    self.writing = Array(self.waiting.prefix(count))
    self.waiting.removeFirst(count)
    return self.writing.map(\.content)
  }

  /// Who has to be told what became of the batch.
  mutating func finishBatch() -> [Waiter] {
    defer { self.writing = [] }
    self.isStuck = false
    return self.writing.compactMap(\.waiter)
  }

  /// Who has waited for too long. Their records are not written any more, unless they are being
  /// written.
  /// - Returns: them, and whether somebody is left to look after.
  mutating func expire(at now: ContinuousClock.Instant) -> (expired: [Waiter], mustWatch: Bool) {
    var expired: [Waiter] = []
    for index in self.writing.indices where self.writing[index].deadline <= now {
      if let waiter = self.writing[index].waiter {
        expired.append(waiter)
        self.writing[index].waiter = nil
        self.isStuck = true
      }
    }
    self.waiting.removeAll { entry in
      guard entry.deadline <= now else { return false }
      if let waiter = entry.waiter { expired.append(waiter) }
      return true
    }
    self.isWatched = !self.waiting.isEmpty || self.writing.contains { $0.waiter != nil }
    return (expired, self.isWatched)
  }

  /// Refuses further records. What is in the queue is still written.
  mutating func close() { self.isClosed = true }
}
