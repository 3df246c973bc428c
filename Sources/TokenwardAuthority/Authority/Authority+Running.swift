// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

extension TokenAuthority {
  /// Loads everything that verification needs. To be called once, before anything else.
  /// - Throws: ``AuthorityError/unavailable(_:)`` if the store or the vault cannot be used.
  public func start() async throws(AuthorityError) {
    self.snapshot.setPeppers(self.secrets.peppers, current: self.secrets.current.id)
    self.snapshot.setRole(
      .administrator,
      scopes: RoleRecord.administrator.scopes,
      methods: []
    )
    let keys = Mutex<[StoredRecord]>([])
    do {
      // Until the end nothing of it is asked: before the start every question is unavailable.
      _ = try await self.store.forEach { stored in
        if case .signingKey = stored.record {
          keys.withLock { $0.append(stored) }
        } else {
          self.show(stored.record, for: stored.record.key)
        }
        self.watch.note(stored.record.date)
      }
    } catch {
      throw .unavailable(.store)
    }
    if self.configuration.acceptsRecordsFromFuture { self.watch.forgetNewest() }
    _ = self.watch.judge(self.time.now())
    await self.note(try await self.keys.start(loaded: keys.withLock { $0 }))
    self.memory.withLock { $0.isStarted = true }
  }

  /// Works in the background until the task is cancelled: tells the store of uses, keeps the schedule
  /// of signing keys, commits withdrawals that could not be committed, settles what was in doubt,
  /// and forgets what nobody can ask for any more.
  public func run() async {
    var due = Due()
    while !Task.isCancelled {
      await self.work(&due)
      try? await Task.sleep(for: .seconds(1))
    }
    // What is left is written by a task that nobody has cancelled.
    await Task {
      await self.commitPendingWithdrawals()
      await self.flushUses()
    }.value
  }

  /// When regular work was done last, in monotonic time.
  package struct Due {
    var flushed: Duration?
    var advanced: Duration?
    var forgotten: Duration?
    /// Since when the clock has been good.
    var goodSince: Duration?

    package init() {}
  }

  /// How often uses are told, and keys looked at.
  private static var period: Duration { .seconds(60) }
  /// How long records of expired tokens are kept, in seconds: whoever asks what happened should find
  /// them. 30 days.
  static var keptSeconds: Int64 { 30 * 86_400 }
  /// How long the clock has to be good before anything is forgotten. By then every access token that
  /// was withdrawn before the start has expired, whatever that clock says: a start with a clock that
  /// is ahead would give it back otherwise, as soon as the clock is right again.
  static var proving: Duration { .seconds(7_200) }

  /// One round of ``run()``.
  package func work(_ due: inout Due) async {
    await self.commitPendingWithdrawals()
    await self.settleDoubts()
    let now = self.time.now()
    let state = self.watch.judge(now)
    if state != .good { due.goodSince = nil }
    guard let now else { return }
    func isDue(_ last: Duration?, _ period: Duration) -> Bool {
      last.map { now.monotonic - $0 >= period } ?? true
    }
    if isDue(due.flushed, Self.period) || self.uses.count >= PendingUses.many {
      due.flushed = now.monotonic
      await self.flushUses()
    }
    // Keys and records have dates, too: a clock that cannot be trusted ends nothing.
    guard state == .good else { return }
    if isDue(due.advanced, Self.period) {
      due.advanced = now.monotonic
      if let changes = try? await self.keys.advance(at: now) { await self.note(changes) }
    }
    let goodSince = due.goodSince ?? now.monotonic
    due.goodSince = goodSince
    if now.monotonic - goodSince >= Self.proving, isDue(due.forgotten, .seconds(600)) {
      due.forgotten = now.monotonic
      await self.forget(at: now.unix)
    }
  }

  private func forget(at now: UnixTime) async {
    // An hour, as the entries of ``TokenwardCore/RevocationSet``: a clock that was ahead for a while.
    let receipts = now.adding(seconds: -3_600)
    self.withdrawn.forget(before: receipts)
    let tokens = now.adding(seconds: -Self.keptSeconds)
    for _ in 0 ..< 100 {
      guard
        let isMore = try? await self.store.forget(receiptsBefore: receipts, tokensBefore: tokens),
        isMore
      else { return }
    }
  }
}

extension StoreRecord {
  /// When it was written, by the clock of that moment; the distant past for what does not say.
  var date: UnixTime {
    switch self {
    case .token(let record): max(record.createdAt, record.rotatedAt ?? record.createdAt)
    case .owner(let record): record.changedAt
    case .tenant(let record): record.changedAt
    case .role(let record): record.changedAt
    case .signingKey(let record): record.createdAt
    case .receipt(let record): record.expiresAt.adding(seconds: -AuthorityLimits.receiptSeconds)
    // It was made at most an hour before it expires, and taken back later than that.
    case .withdrawn(let record): record.expiresAt.adding(seconds: -3_600)
    }
  }
}
