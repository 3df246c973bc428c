// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import TokenwardCore

/// One admitted call whose permission ends. It sees to it that the client gets exactly one status:
/// the handler's, if that comes first, or UNAUTHENTICATED with ACCESS_TOKEN_EXPIRED.
///
/// The handler of a stream runs in a task of its own. At the deadline that task is cancelled, and a
/// handler that does not listen is left behind: it keeps its task, but the stream is closed without
/// it. The handler of a unary call runs in the task of its stream, because a task for each call
/// costs more than everything else here: at the deadline that task is cancelled and the client gets
/// its status, but a handler that does not listen keeps the stream until it returns.
///
/// Nothing here may depend on the deadline's task alone: handlers that write to fast readers never
/// suspend, and as many of them as there are processors keep every other task waiting. Each part
/// that a handler reads or writes is therefore compared with the clock as well.
///
/// It is not generic over the transport's bytes: in another module than the transport such code is
/// not specialised, and it runs for every part of every call.
final class SupervisedCall: DeadlineBound {
  /// Writes the status and finishes the response.
  typealias Finish = @Sendable (Status, Metadata) async -> Void

  /// Who has the last word.
  private enum Phase {
    case open
    /// The handler wrote its status, or finished without one.
    case answered
    /// The deadline came first.
    case expired
  }

  private struct State {
    var phase = Phase.open
    /// The code of the status that the handler wrote.
    var answer: Status.Code?
    var handler: Task<Void, Never>?
    /// The task of the stream, while the handler runs in it.
    var place: Place?
    /// Whether that task is being cancelled at this moment, and so must not end.
    var isCancellingPlace = false
    var leaving: CheckedContinuation<Void, Never>?
    var isHandlerCancelled = false
    var hasEnded = false
    var isForced = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let finish: Finish
  private let cancellation: ServerContext.RPCCancellationHandle
  /// How long the client has to read the final status, and what was sent before it, and to close
  /// its side. Then the stream is closed under it: a client that stopped reading would keep it.
  private let closingGrace: Duration
  private let lifetime: Duration
  /// When the permission ends.
  private let deadline: ContinuousClock.Instant
  private let writes = WriteGate()
  /// Whether the handler was told that the call is over.
  private let isRefused = Atomic<Bool>(false)
  private let state = Mutex(State())

  /// - Parameters:
  ///   - lifetime: how long the permission lasts from now.
  ///   - cancellation: signalled at the deadline.
  ///   - closingGrace: how long the client has to read the status.
  ///   - finish: writes the status and finishes the response.
  init(
    for lifetime: Duration,
    cancellation: ServerContext.RPCCancellationHandle,
    closingGrace: Duration,
    finish: @escaping Finish
  ) {
    self.lifetime = lifetime
    self.deadline = DeadlineRegistry.instant(after: lifetime)
    self.cancellation = cancellation
    self.closingGrace = closingGrace
    self.finish = finish
  }

  /// Runs the handler of a stream in a task of its own until it returns, or until the deadline and
  /// the closing grace have passed.
  func run(registry: DeadlineRegistry, _ handler: @escaping @Sendable () async -> Void) async {
    let registration = registry.add(self, for: self.lifetime)
    defer { registry.remove(registration) }
    await withTaskCancellationHandler {
      // Not immediate: before it first suspends, such a task could be neither cancelled nor left.
      let task = Task {
        await handler()
        // After the deadline the stream stays until the status is delivered.
        if !self.handlerReturned() { self.end(byForce: false) }
      }
      self.started(task)
      await self.whenEnded()
    } onCancel: {
      self.cancel(self.claimCancellation())
    }
  }

  /// - Throws: ACCESS_TOKEN_EXPIRED after the deadline.
  func checkOpen() throws {
    guard self.writes.isClosed || ContinuousClock.now >= self.deadline else { return }
    self.isRefused.store(true, ordering: .relaxed)
    throw Self.expired
  }

  /// Announces a part that is no status.
  /// - Throws: ACCESS_TOKEN_EXPIRED after the deadline.
  func beginWriting() throws {
    try self.checkOpen()
    guard self.writes.enter() else {
      self.isRefused.store(true, ordering: .relaxed)
      throw Self.expired
    }
  }

  func endWriting() { self.writes.leave() }

  /// Begins a unary call, whose handler runs in the present task. ``leave(_:of:)`` has to follow in
  /// the same task: until then the call keeps the task for cancelling it. (Two functions instead of
  /// one that takes the handler, because each asynchronous function on the way costs every call.)
  func enter(_ registry: DeadlineRegistry) -> DeadlineRegistry.Registration {
    withUnsafeCurrentTask { task in
      self.state.withLock { $0.place = task.map(Place.init) }
    }
    return registry.add(self, for: self.lifetime)
  }

  /// Takes the task back after the handler has returned.
  /// - Returns: false if ``whenLeft()`` has to be awaited before anything else is done in it.
  func leave(_ registration: DeadlineRegistry.Registration, of registry: DeadlineRegistry) -> Bool {
    registry.remove(registration)
    return self.state.withLock { state in
      state.place = nil
      if state.phase == .open { state.phase = .answered }
      guard !state.isCancellingPlace, state.phase == .answered else { return false }
      state.hasEnded = true
      return true
    }
  }

  /// Waits until nobody cancels the task any more, and until the status of the deadline is delivered.
  func whenLeft() async {
    await withCheckedContinuation { continuation in
      let isDone = self.state.withLock { state in
        if state.isCancellingPlace { state.leaving = continuation }
        return !state.isCancellingPlace
      }
      if isDone { continuation.resume() }
    }
    if self.handlerReturned() { await self.whenEnded() }
    self.state.withLock { $0.hasEnded = true }
  }

  /// Whether the transport has to close the stream by force.
  var isForced: Bool { self.state.withLock { $0.isForced } }

  /// Why the call is over.
  var end: StreamEnd {
    self.state.withLock { state in
      if state.phase == .expired || state.isForced || self.isRefused.load(ordering: .relaxed) {
        return .tokenExpired
      }
      return state.answer == .ok ? .completed : .failed
    }
  }

  /// Claims the right to write the final status.
  /// - Parameter code: its code; nil for an end without one.
  /// - Returns: whether that status counts. If not, the caller writes that of the token's end in its
  ///   place: the deadline's task has not come to it, and a handler that swallowed the error of a
  ///   refused part must not pass for one that was done.
  /// - Throws: ACCESS_TOKEN_EXPIRED after the deadline, which has claimed it.
  func claimStatus(_ code: Status.Code?) throws -> Bool {
    let isLate =
      code != nil
      && (self.isRefused.load(ordering: .relaxed) || ContinuousClock.now >= self.deadline)
    let (isExpired, isReplaced) = self.state.withLock { state in
      let isReplaced = state.phase == .open && isLate
      if state.phase == .open { state.phase = .answered }
      if state.phase == .answered, let code { state.answer = code }
      return (state.phase == .expired, isReplaced)
    }
    if isExpired { throw Self.expired }
    if isReplaced { self.isRefused.store(true, ordering: .relaxed) }
    return !isReplaced
  }

  static var expired: RPCError { DenialReason.tokenExpired.response.rpcError }

  func deadlinePassed() async {
    let (isOurs, isWriting) = self.state.withLock { state in
      guard state.phase == .open else { return (false, false) }
      state.phase = .expired
      return (true, self.writes.close())
    }
    if isOurs {
      let response = DenialReason.tokenExpired.response
      let writing = Task.detached(priority: .high) { [finish] in
        if isWriting {
          // A message that waits for the client to read is dropped by the cancellation.
          self.signalCancellation()
          await self.writes.whenDrained()
          guard !Task.isCancelled else { return }
        }
        await finish(response.status, response.metadata)
        // Otherwise the status comes first: closures of the application run at a cancellation, and
        // whatever shares a processor with one that blocks waits for it.
        if !isWriting { self.signalCancellation() }
      }
      try? await Task.sleep(for: self.closingGrace)
      writing.cancel()
      // A status that no client reads may never be written. The handler hears of the end all the same.
      self.signalCancellation()
    } else {
      // The handler's status is on its way. It may be stuck behind a client that does not read.
      try? await Task.sleep(for: self.closingGrace)
      let isOver = self.state.withLock { state in
        // Before the handler hears of it: once it has returned, it is too late to say so.
        if !state.hasEnded { state.isForced = true }
        return state.hasEnded
      }
      if isOver { return }
      self.signalCancellation()
    }
    self.end(byForce: true)
  }

  /// On a task of its own: cancellation handlers of the application run in there, and one that
  /// blocks must not keep the stream open.
  private func signalCancellation() {
    let target = self.claimCancellation()
    Task.detached(priority: .high) {
      self.cancel(target)
      self.cancellation.cancel()
    }
  }

  private func started(_ task: Task<Void, Never>) {
    let isCancelled = self.state.withLock { state in
      if !state.hasEnded { state.handler = task }
      return state.isHandlerCancelled
    }
    if isCancelled { task.cancel() }
  }

  /// What a cancellation of the handler reaches; nothing the second time.
  private struct Target {
    var handler: Task<Void, Never>?
    var place: Place?
  }

  /// At once, because the handler's task is forgotten when the call ends. The task of the stream does
  /// not end before it was cancelled (``leave(_:of:)``), which therefore may happen once only.
  private func claimCancellation() -> Target {
    self.state.withLock { state in
      guard !state.isHandlerCancelled else { return Target() }
      state.isHandlerCancelled = true
      state.isCancellingPlace = state.place != nil
      return Target(handler: state.handler, place: state.place)
    }
  }

  private func cancel(_ target: Target) {
    // Outside the lock: cancellation handlers of the application run in here.
    target.handler?.cancel()
    guard let place = target.place else { return }
    place.task.cancel()
    let leaving = self.state.withLock { state in
      state.isCancellingPlace = false
      defer { state.leaving = nil }
      return state.leaving
    }
    leaving?.resume()
  }

  /// - Returns: whether the deadline has come first, so that its status is still to be delivered.
  private func handlerReturned() -> Bool {
    self.state.withLock { state in
      state.handler = nil
      if state.phase == .open { state.phase = .answered }
      return state.phase == .expired
    }
  }

  private func whenEnded() async {
    await withCheckedContinuation { continuation in
      let hasEnded = self.state.withLock { state in
        if !state.hasEnded { state.waiter = continuation }
        return state.hasEnded
      }
      if hasEnded { continuation.resume() }
    }
  }

  private func end(byForce isForced: Bool) {
    let waiter = self.state.withLock { state in
      if !state.hasEnded, isForced { state.isForced = true }
      state.hasEnded = true
      state.handler = nil
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }
}

/// The task of a stream, for cancelling it from another one. Only used while ``SupervisedCall`` keeps
/// that task from ending; `cancel()` is safe from anywhere until then.
// Unchecked: the type of the task is not `Sendable` because it is unsafe to keep for longer.
struct Place: @unchecked Sendable {
  let task: UnsafeCurrentTask
}
