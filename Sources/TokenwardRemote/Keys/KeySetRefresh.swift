// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// When the keys of one issuer are fetched, and which count. A value without clock, lock or network:
/// the loop in `RemoteKeySet` does what it says.
struct KeySetRefresh {
  /// Most names of unknown keys that are remembered.
  static let mostUnknownKeys = 1_024
  /// The first pause after a failure; doubled by each further one.
  static let firstPause: Duration = .seconds(1)
  /// The longest pause after failures.
  static let longestPause: Duration = .seconds(60)

  private let timing: KeyRefreshTiming
  private var keys: KeySet?
  private var document: [UInt8] = []
  private var succeededAt: Moment?
  private var failures = 0
  private var lastProblem: KeyFetchProblem?
  private var attempts: [KeyFetchProblem?: UInt64] = [:]
  /// When the next attempt is due, on the monotonic clock; nil before the first.
  private var due: Duration?
  private var isWanted = false
  private var wantedAt: Duration?
  private var isFetchingOnDemand = false
  private var wasOnDemand = false
  private(set) var isFetching = false
  private(set) var finished: UInt64 = 0
  private var unknown = UnknownKeys(capacity: KeySetRefresh.mostUnknownKeys)

  init(timing: KeyRefreshTiming) { self.timing = timing }

  /// The keys, while they count. Both clocks have a say: one stands still while a machine sleeps, the
  /// other can be set back.
  func current(at now: Moment) -> KeySet? {
    guard let keys, let succeededAt,
      Self.age(since: succeededAt, at: now) < self.timing.maximumStaleness
    else { return nil }
    return keys
  }

  private static func age(since then: Moment, at now: Moment) -> Duration {
    max(now.monotonic - then.monotonic, then.unix.duration(to: now.unix))
  }

  /// Keys that were read before the loop runs. They do not age until it does: nobody has promised to
  /// look for newer ones.
  mutating func seed(_ document: [UInt8], _ keys: KeySet) {
    self.keys = keys
    self.document = document
  }

  /// The keys, whatever their age.
  var seeded: KeySet? { self.keys }

  /// The loop runs from now on.
  mutating func start(at now: Moment) {
    if self.keys != nil, self.succeededAt == nil { self.succeededAt = now }
  }

  // MARK: - Unknown keys

  enum Want {
    /// Nothing is on its way, and nothing will be asked for.
    case nothing
    /// An answer is on its way.
    case underWay
    /// The issuer is to be asked now.
    case asked
  }

  /// A token names a key that the present set lacks.
  mutating func want(_ id: KeyID?, at now: Moment) -> Want {
    if let id, self.remembersUnknown(id, at: now) { return .nothing }
    if self.isFetching || self.isWanted { return .underWay }
    if let wantedAt, now.monotonic - wantedAt < self.timing.cooldown { return .nothing }
    self.isWanted = true
    self.wantedAt = now.monotonic
    return .asked
  }

  func remembersUnknown(_ id: KeyID, at now: Moment) -> Bool {
    self.unknown.contains(id, at: now.monotonic)
  }

  /// Whether an attempt is under way that no token has asked for. It may have begun before a key was
  /// published.
  var isFetchingBySchedule: Bool { self.isFetching && !self.isFetchingOnDemand }

  /// A token named a key that the answer lacked as well. An answer that was asked for before the token
  /// came says nothing about its key.
  mutating func note(unknown id: KeyID, at now: Moment) {
    guard self.failures == 0, self.wasOnDemand else { return }
    self.unknown.insert(id, until: now.monotonic + self.timing.unknownKeyMemory)
  }

  // MARK: - Attempts

  /// How long to wait before the next attempt; zero if it is due.
  func pause(at now: Moment) -> Duration {
    if self.isWanted { return .zero }
    guard let due else { return .zero }
    // Keys that the wall clock has made too old are fetched without waiting, but not in a loop.
    if self.failures == 0, self.keys != nil, self.current(at: now) == nil { return .zero }
    return max(due - now.monotonic, .zero)
  }

  mutating func begin() {
    self.isFetching = true
    self.isFetchingOnDemand = self.isWanted
    self.isWanted = false
  }

  /// The document that the present keys were made of; nil if there are none.
  var knownDocument: [UInt8]? { self.keys == nil ? nil : self.document }

  /// - Parameters:
  ///   - document: what was received.
  ///   - keys: the set that was made of it; nil for a document that was received before, so that what
  ///     was verified with its keys need not be verified again.
  ///   - stated: for how long the issuer says that the answer is fresh.
  ///   - jitter: 0 to 1; spreads the requests of many processes.
  mutating func received(
    _ document: [UInt8],
    _ keys: KeySet?,
    stated: Duration?,
    at now: Moment,
    jitter: Double
  ) {
    if let keys {
      self.keys = keys
      self.document = document
      self.unknown.removeAll()
    }
    self.end(nil, at: now)
    self.failures = 0
    self.succeededAt = now
    let interval = self.timing.interval(stated: stated)
    self.due = now.monotonic + interval * (0.9 + 0.1 * jitter)
  }

  mutating func failed(_ problem: KeyFetchProblem, at now: Moment, jitter: Double) {
    self.end(problem, at: now)
    self.failures = min(self.failures + 1, 30)
    let doubled = Self.firstPause * (1 << (self.failures - 1))
    self.due = now.monotonic + min(doubled, Self.longestPause) * (0.5 + 0.5 * jitter)
  }

  private mutating func end(_ problem: KeyFetchProblem?, at now: Moment) {
    self.isFetching = false
    // The cooldown begins with the answer: after a request that hung for longer than it lasts, the
    // tokens that waited would ask again at once.
    if self.isFetchingOnDemand { self.wantedAt = now.monotonic }
    self.wasOnDemand = self.isFetchingOnDemand
    self.isFetchingOnDemand = false
    self.finished &+= 1
    self.lastProblem = problem
    self.attempts[problem, default: 0] &+= 1
  }

  func status(of issuer: Issuer, at now: Moment) -> KeySetStatus {
    var status = KeySetStatus(issuer)
    status.isUsable = self.current(at: now) != nil
    status.keyCount = self.keys?.keyCount ?? 0
    status.lastSuccess = self.succeededAt?.unix
    status.age = self.succeededAt.map { max(Self.age(since: $0, at: now), .zero) }
    status.nextAttempt = self.isFetching ? .zero : self.pause(at: now)
    status.lastProblem = self.lastProblem
    status.attempts = self.attempts
    return status
  }
}

/// Names of keys that an issuer does not have, for a while: bounded, the oldest makes room. Losing one
/// costs a request after the cooldown, so a flood gains nothing (catalogue J06).
private struct UnknownKeys {
  private let capacity: Int
  private var ends: [KeyID: Duration] = [:]
  private var order: [KeyID] = []
  private var oldest = 0

  init(capacity: Int) { self.capacity = capacity }

  func contains(_ id: KeyID, at now: Duration) -> Bool {
    guard let end = self.ends[id] else { return false }
    return now < end
  }

  mutating func insert(_ id: KeyID, until end: Duration) {
    if self.ends.updateValue(end, forKey: id) != nil { return }
    if self.order.count < self.capacity {
      self.order.append(id)
    } else {
      self.ends[self.order[self.oldest]] = nil
      self.order[self.oldest] = id
      self.oldest = (self.oldest + 1) % self.capacity
    }
  }

  mutating func removeAll() {
    self.ends.removeAll(keepingCapacity: true)
    self.order.removeAll(keepingCapacity: true)
    self.oldest = 0
  }
}
