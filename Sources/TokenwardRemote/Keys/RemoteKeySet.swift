// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import ServiceLifecycle
internal import Synchronization
public import TokenwardCore

/// The keys of one issuer, fetched and kept up to date in the background.
///
/// ```swift
/// let keys = try RemoteKeySet(of: "https://issuer.example.com", from: .discovery())
/// let issuer = try TrustedIssuer("https://issuer.example.com", …, keys: keys)
/// // and run `keys` with the other services of the process
/// ```
///
/// Verification reads a snapshot and never waits for the network, with one exception: a token that
/// names a key which nobody here knows may wait for one request to the issuer, at most one for each
/// cooldown however many tokens ask (catalogue J06, J11). Until the first fetch, and once the last
/// good keys are older than ``KeyRefreshTiming/maximumStaleness``, there are no keys, and the
/// issuer's tokens are denied as unavailable. While the service does not run, nothing is fetched.
///
/// A fetch that fails, and an answer that is no usable key set, change nothing but ``status(at:)``:
/// an answer is taken whole or not at all.
public final class RemoteKeySet: KeySource, Service {
  /// Most calls that wait for one answer; further ones are judged by the present keys.
  static let mostWaiting = 1_024

  /// The issuer whose keys these are.
  public let issuer: Issuer

  private let documents: any KeyDocuments
  private let revoked: Set<KeyID>
  private let time: any TimeSource
  private let sleeping: any Sleeping
  private let wakeUp = WakeUp()
  private let state: Mutex<State>

  private struct State {
    var refresh: KeySetRefresh
    var isRunning = false
    var hasRun = false
    var waiting: [UInt64: Waiting] = [:]
    var nextWaiting: UInt64 = 0
  }

  private struct Waiting {
    var id: KeyID?
    var continuation: CheckedContinuation<Bool, Never>
  }

  /// - Parameters:
  ///   - issuer: the exact value of `iss`.
  ///   - location: where the keys are published.
  ///   - access: how they are asked for.
  ///   - timing: how often, and how long an answer counts.
  ///   - revoked: names of keys that were withdrawn; they are not used even if an old set comes back.
  ///   - time: the clocks.
  /// A file is read at once and must be good; everything else is fetched when the service runs.
  /// - Throws: `ConfigurationError` with every problem.
  public convenience init(
    of issuer: Issuer,
    from location: KeyLocation,
    access: KeyAccess = KeyAccess(),
    timing: KeyRefreshTiming = KeyRefreshTiming(),
    revoked: Set<KeyID> = [],
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) {
    let problems = timing.problems()
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    var timing = timing
    if case .file = location { timing.shortestInterval = KeyFile.interval }
    self.init(
      of: issuer,
      documents: try location.documents(of: issuer, access: access),
      timing: timing,
      revoked: revoked,
      time: time,
      sleeping: RealSleep()
    )
    guard case .file(let path) = location else { return }
    do throws(KeyFetchProblem) {
      try self.seed(try KeyFile(path: path).read().bytes)
    } catch {
      throw ConfigurationError([
        .init(
          path: "jwks.file",
          problem: "holds no usable key set: \(error.rawValue)",
          hint: "name a file of public keys in strict JSON that not everybody can write to"
        )
      ])
    }
  }

  package init(
    of issuer: Issuer,
    documents: any KeyDocuments,
    timing: KeyRefreshTiming,
    revoked: Set<KeyID> = [],
    time: any TimeSource,
    sleeping: any Sleeping
  ) {
    self.issuer = issuer
    self.documents = documents
    self.revoked = revoked
    self.time = time
    self.sleeping = sleeping
    self.state = Mutex(State(refresh: KeySetRefresh(timing: timing)))
  }

  /// The last good keys, while they are not older than ``KeyRefreshTiming/maximumStaleness``. Before
  /// the service runs: what was read from a file at the start, or by ``fetchOnce()``.
  public func current(at now: Moment) -> KeySet? {
    self.state.withLock { $0.hasRun ? $0.refresh.current(at: now) : $0.refresh.seeded }
  }

  /// Gets the keys once, for a command that does not run the service. They do not age until the
  /// service runs.
  /// - Throws: why they could not be had; then there are none, or the ones that were there before.
  public func fetchOnce() async throws(KeyFetchProblem) {
    let document = try await self.documents.fetch()
    try self.seed(document.bytes)
  }

  private func seed(_ bytes: [UInt8]) throws(KeyFetchProblem) {
    do {
      let keys = try KeySet(jwks: bytes, trust: .publicKeys, revoked: self.revoked)
      self.state.withLock { $0.refresh.seed(bytes, keys) }
    } catch {
      throw KeyFetchProblem(error)
    }
  }

  /// How the keys are kept up to date.
  public func status(at now: Moment) -> KeySetStatus {
    self.state.withLock { $0.refresh.status(of: self.issuer, at: now) }
  }

  /// Asks the issuer, unless it was asked for such a reason within the cooldown, and answers what to
  /// wait for.
  public func lookup(for id: KeyID?, at now: Moment) -> KeyLookup? {
    self.lookup(for: id, at: now, isSecond: false)
  }

  private func lookup(for id: KeyID?, at now: Moment, isSecond: Bool) -> KeyLookup? {
    if let id, self.revoked.contains(id) { return nil }
    let (want, finished, isScheduled) = self.state.withLock { state in
      let want = state.isRunning ? state.refresh.want(id, at: now) : .nothing
      return (want, state.refresh.finished, state.refresh.isFetchingBySchedule)
    }
    switch want {
    case .nothing: return nil
    case .underWay: break
    case .asked: self.wakeUp.signal()
    }
    return KeyLookup { [weak self] in
      guard let self, await self.wait(for: id, beyond: finished) else { return false }
      // What was asked for by schedule may be older than the key.
      guard isScheduled, !isSecond, let id, let now = self.time.now(),
        self.current(at: now)?.keyIDs.contains(id) != true,
        let again = self.lookup(for: id, at: now, isSecond: true)
      else { return true }
      return await again.wait()
    }
  }

  /// Waits for the end of the attempt that is under way.
  /// - Returns: false if there is no room to wait, or the service has stopped.
  private func wait(for id: KeyID?, beyond finished: UInt64) async -> Bool {
    let place = self.state.withLock { state in
      state.nextWaiting &+= 1
      return state.nextWaiting
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Bool? = self.state.withLock { state in
          if state.refresh.finished != finished { return true }
          guard state.isRunning, !Task.isCancelled, state.waiting.count < Self.mostWaiting else {
            return false
          }
          state.waiting[place] = Waiting(id: id, continuation: continuation)
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let waiting = self.state.withLock { $0.waiting.removeValue(forKey: place) }
      waiting?.continuation.resume(returning: false)
    }
  }

  /// How many calls wait for an answer.
  package var waitingCount: Int { self.state.withLock { $0.waiting.count } }

  // MARK: - Service

  /// Fetches the keys, again and again, until the service group shuts down.
  public func run() async throws {
    let isFirst = self.state.withLock { state in
      defer { state.isRunning = true }
      return !state.isRunning
    }
    // A second loop would ask twice as often as anybody was promised. It may not return either: a
    // service that ends by itself ends its group.
    guard isFirst else {
      try? await gracefulShutdown()
      return
    }
    defer { self.stopped() }
    await cancelWhenGracefulShutdown { await self.refreshUntilCancelled() }
  }

  private func refreshUntilCancelled() async {
    while !Task.isCancelled {
      guard let now = self.time.now() else {
        await self.wakeUp.wait(for: KeySetRefresh.firstPause, sleeping: self.sleeping)
        continue
      }
      let pause = self.state.withLock { state in
        // Together, so that keys of before do not vanish in between.
        state.refresh.start(at: now)
        state.hasRun = true
        return state.refresh.pause(at: now)
      }
      guard pause == .zero else {
        await self.wakeUp.wait(for: pause, sleeping: self.sleeping)
        continue
      }
      self.state.withLock { $0.refresh.begin() }
      let outcome = await self.fetch()
      self.finish(outcome, at: self.time.now() ?? now)
    }
  }

  /// What an attempt brought. Made outside of the lock that every decision takes: a set of a hundred
  /// keys is work.
  private enum Outcome {
    case keys(KeySet, KeyDocument)
    case unchanged(KeyDocument)
    case problem(KeyFetchProblem)
  }

  private func fetch() async -> Outcome {
    let document: KeyDocument
    do throws(KeyFetchProblem) {
      document = try await self.documents.fetch()
    } catch {
      return .problem(error)
    }
    let known = self.state.withLock { $0.refresh.knownDocument }
    if let known, known == document.bytes { return .unchanged(document) }
    do throws(KeySetProblem) {
      let keys = try KeySet(jwks: document.bytes, trust: .publicKeys, revoked: self.revoked)
      return .keys(keys, document)
    } catch {
      return .problem(KeyFetchProblem(error))
    }
  }

  private func finish(_ outcome: Outcome, at now: Moment) {
    let jitter = Double.random(in: 0 ... 1)
    let waiting = self.state.withLock { state in
      switch outcome {
      case .keys(let keys, let document):
        state.refresh.received(
          document.bytes,
          keys,
          stated: document.freshness,
          at: now,
          jitter: jitter
        )
      case .unchanged(let document):
        state.refresh.received(
          document.bytes,
          nil,
          stated: document.freshness,
          at: now,
          jitter: jitter
        )
      case .problem(let problem):
        state.refresh.failed(problem, at: now, jitter: jitter)
      }
      let known = Set(state.refresh.current(at: now)?.keyIDs ?? [])
      for waiting in state.waiting.values {
        if let id = waiting.id, !known.contains(id) { state.refresh.note(unknown: id, at: now) }
      }
      defer { state.waiting = [:] }
      return state.waiting.values.map(\.continuation)
    }
    for continuation in waiting { continuation.resume(returning: true) }
  }

  private func stopped() {
    let waiting = self.state.withLock { state in
      state.isRunning = false
      defer { state.waiting = [:] }
      return state.waiting.values.map(\.continuation)
    }
    for continuation in waiting { continuation.resume(returning: false) }
  }
}
