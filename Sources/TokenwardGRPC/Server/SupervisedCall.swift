// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import TokenwardCore

/// One admitted call whose permission ends. It sees to it that the client gets exactly one status:
/// the handler's, if that comes first, or UNAUTHENTICATED with ACCESS_TOKEN_EXPIRED.
///
/// The handler runs in a task of its own. At the deadline that task is cancelled, and a handler
/// that does not listen is left behind: it keeps its task, but the stream is closed without it.
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
    var handler: Task<Void, Never>?
    var isHandlerCancelled = false
    var hasEnded = false
    var isForced = false
    var waiter: CheckedContinuation<Void, Never>?
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

  /// Whether the deadline has ended the call.
  var isExpired: Bool { self.state.withLock { $0.phase == .expired } }

  /// - Throws: ACCESS_TOKEN_EXPIRED after the deadline.
  func checkOpen() throws {
    if self.isExpired { throw Self.expired }
  }

  /// Claims the right to write the final status.
  /// - Throws: ACCESS_TOKEN_EXPIRED after the deadline, which has claimed it.
  func claimStatus() throws {
    let isExpired = self.state.withLock { state in
      if state.phase == .open { state.phase = .answered }
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
      // First the handler, so that messages of it which wait for the client to read are dropped.
      self.cancelHandler()
      self.cancellation.cancel()
      let response = DenialReason.tokenExpired.response
      let writing = Task.detached { [outbound] in
        try? await outbound.write(.status(response.status, response.metadata))
        await outbound.finish()
      }
      try? await Task.sleep(for: self.closingGrace)
      writing.cancel()
    } else {
      // The handler's status is on its way. It may be stuck behind a client that does not read.
      try? await Task.sleep(for: self.closingGrace)
      guard !self.state.withLock({ $0.hasEnded }) else { return }
      self.cancelHandler()
      self.cancellation.cancel()
    }
    self.end(byForce: true)
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
