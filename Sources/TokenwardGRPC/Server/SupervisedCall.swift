// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import TokenwardCore

/// One admitted call whose permission ends. It sees to it that the client gets exactly one status:
/// the handler's, if that comes first, or UNAUTHENTICATED with ACCESS_TOKEN_EXPIRED.
///
/// The handler runs in a task of its own. At the deadline that task is cancelled, and a handler
/// that does not listen is left behind: it keeps its task, but the stream is closed without it.
///
/// Nothing here may depend on the deadline's task alone: handlers that write to fast readers never
/// suspend, and as many of them as there are processors keep every other task waiting. Each part
/// that a handler reads or writes is therefore compared with the clock as well.
final class SupervisedCall<Bytes: GRPCContiguousBytes & Sendable>: DeadlineBound {
  typealias Outbound = RPCWriter<RPCResponsePart<Bytes>>.Closable

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
    /// Whether the handler was told that the call is over.
    var isRefused = false
    var handler: Task<Void, Never>?
    var isHandlerCancelled = false
    var hasEnded = false
    var isForced = false
    /// When the permission ends.
    var deadline: ContinuousClock.Instant?
    /// How many parts of the handler are on their way into the transport.
    var writes = 0
    /// Waits until there are none.
    var drained: CheckedContinuation<Void, Never>?
    var waiter: CheckedContinuation<Void, Never>?

    /// Whether the permission has ended; the handler is told so now.
    mutating func refuseIfOver() -> Bool {
      let isOver = self.phase == .expired || self.deadline.map { ContinuousClock.now >= $0 } == true
      if isOver { self.isRefused = true }
      return isOver
    }
  }

  private let outbound: Outbound
  private let cancellation: ServerContext.RPCCancellationHandle
  /// How long the client has to read the final status, and what was sent before it, and to close
  /// its side. Then the stream is closed under it: a client that stopped reading would keep it.
  private let closingGrace: Duration
  private let state = Mutex(State())

  init(
    outbound: Outbound,
    cancellation: ServerContext.RPCCancellationHandle,
    closingGrace: Duration
  ) {
    self.outbound = outbound
    self.cancellation = cancellation
    self.closingGrace = closingGrace
  }

  /// Runs a handler until it returns, or until the deadline and the closing grace have passed.
  /// - Returns: whether the transport has to close the stream by force.
  func run(
    for lifetime: Duration,
    registry: DeadlineRegistry,
    _ handler: @escaping @Sendable () async -> Void
  ) async -> Bool {
    self.state.withLock { $0.deadline = DeadlineRegistry.instant(after: lifetime) }
    let registration = registry.add(self, for: lifetime)
    defer { registry.remove(registration) }
    await withTaskCancellationHandler {
      let task = Task.immediate {
        await handler()
        self.handlerReturned()
      }
      self.started(task)
      await withCheckedContinuation { continuation in
        let hasEnded = self.state.withLock { state in
          if !state.hasEnded { state.waiter = continuation }
          return state.hasEnded
        }
        if hasEnded { continuation.resume() }
      }
    } onCancel: {
      self.cancelHandler()
    }
    return self.state.withLock { $0.isForced }
  }

  /// - Throws: ACCESS_TOKEN_EXPIRED after the deadline.
  func checkOpen() throws {
    if self.state.withLock({ $0.refuseIfOver() }) { throw Self.expired }
  }

  /// Announces a part that is no status. No status of ours is written until ``endWriting()``: a
  /// part behind the status breaks the protocol.
  /// - Throws: ACCESS_TOKEN_EXPIRED after the deadline.
  func beginWriting() throws {
    let isOver = self.state.withLock { state in
      let isOver = state.refuseIfOver()
      if !isOver { state.writes += 1 }
      return isOver
    }
    if isOver { throw Self.expired }
  }

  func endWriting() {
    let drained = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.writes -= 1
      guard state.writes == 0 else { return nil }
      defer { state.drained = nil }
      return state.drained
    }
    drained?.resume()
  }

  /// Waits until no part of the handler is on its way, or the task is cancelled.
  private func whenDrained() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mustWait = self.state.withLock { state in
          guard state.writes > 0, !Task.isCancelled else { return false }
          state.drained = continuation
          return true
        }
        if !mustWait { continuation.resume() }
      }
    } onCancel: {
      let drained = self.state.withLock { state in
        defer { state.drained = nil }
        return state.drained
      }
      drained?.resume()
    }
  }

  /// Why the call is over.
  var end: StreamEnd {
    self.state.withLock { state in
      if state.phase == .expired || state.isRefused { return .tokenExpired }
      return state.answer == .ok ? .completed : .failed
    }
  }

  /// Claims the right to write the final status.
  /// - Parameter code: its code; nil for an end without one.
  /// - Throws: ACCESS_TOKEN_EXPIRED after the deadline, which has claimed it.
  func claimStatus(_ code: Status.Code?) throws {
    let isExpired = self.state.withLock { state in
      if state.phase == .open { state.phase = .answered }
      if state.phase == .answered, let code { state.answer = code }
      return state.phase == .expired
    }
    if isExpired { throw Self.expired }
  }

  static var expired: RPCError { DenialReason.tokenExpired.response.rpcError }

  func deadlinePassed() async {
    let isOurs = self.state.withLock { state in
      guard state.phase == .open else { return false }
      state.phase = .expired
      return true
    }
    if isOurs {
      // The handler is cancelled first, so that messages of it which wait for the client to read
      // are dropped.
      self.signalCancellation()
      let response = DenialReason.tokenExpired.response
      let writing = Task.detached(priority: .high) { [outbound] in
        await self.whenDrained()
        guard !Task.isCancelled else { return }
        try? await outbound.write(.status(response.status, response.metadata))
        await outbound.finish()
      }
      try? await Task.sleep(for: self.closingGrace)
      writing.cancel()
    } else {
      // The handler's status is on its way. It may be stuck behind a client that does not read.
      try? await Task.sleep(for: self.closingGrace)
      guard !self.state.withLock({ $0.hasEnded }) else { return }
      self.signalCancellation()
    }
    self.end(byForce: true)
  }

  /// On a task of its own: cancellation handlers of the application run in here, and one that
  /// blocks must not keep the stream open.
  private func signalCancellation() {
    Task.detached(priority: .high) {
      self.cancelHandler()
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

  private func cancelHandler() {
    let handler = self.state.withLock { state in
      state.isHandlerCancelled = true
      return state.handler
    }
    // Outside the lock: cancellation handlers of the application run in here.
    handler?.cancel()
  }

  private func handlerReturned() {
    let isExpired = self.state.withLock { state in
      state.handler = nil
      if state.phase == .open { state.phase = .answered }
      return state.phase == .expired
    }
    // After the deadline the stream stays until the status is delivered.
    if !isExpired { self.end(byForce: false) }
  }

  private func end(byForce isForced: Bool) {
    let waiter = self.state.withLock { state in
      if !state.hasEnded { state.isForced = isForced }
      state.hasEnded = true
      state.handler = nil
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }
}
