// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import TokenwardCore

/// One call behind ``GuardInterceptor`` whose permission ends.
final class InterceptedCall: DeadlineBound {
  private struct State {
    var isExpired = false
    var producer: CheckedContinuation<Metadata, any Error>?
  }

  private let cancellation: ServerContext.RPCCancellationHandle
  /// Looked at with each message: a handler that never suspends keeps the deadline's task waiting.
  private let deadline: ContinuousClock.Instant
  private let task = CancellableTask()
  private let state = Mutex(State())

  init(cancellation: ServerContext.RPCCancellationHandle, lifetime: Duration) {
    self.cancellation = cancellation
    self.deadline = DeadlineRegistry.instant(after: lifetime)
  }

  /// - Throws: ACCESS_TOKEN_EXPIRED after the deadline.
  func checkOpen() throws {
    if ContinuousClock.now >= self.deadline || self.state.withLock({ $0.isExpired }) {
      throw Self.expired
    }
  }

  private static var expired: RPCError { DenialReason.tokenExpired.response.rpcError }

  /// Runs a response's producer until it ends or the deadline passes; then it is left behind.
  func run(_ producer: @escaping @Sendable () async throws -> Metadata) async throws -> Metadata {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isExpired = self.state.withLock { state in
          if !state.isExpired { state.producer = continuation }
          return state.isExpired
        }
        guard !isExpired else { return continuation.resume(throwing: Self.expired) }
        let task = Task {
          do {
            let metadata = try await producer()
            try self.checkOpen()
            self.finish(.success(metadata))
          } catch {
            self.finish(.failure(error))
          }
        }
        self.task.set(cancel: { task.cancel() })
      }
    } onCancel: {
      self.task.cancel()
    }
  }

  func deadlinePassed() async {
    self.state.withLock { $0.isExpired = true }
    self.finish(.failure(Self.expired))
    // On a task of its own: cancellation handlers of the application run in here and may block.
    Task.detached(priority: .high) {
      self.cancellation.cancel()
      self.task.cancel()
    }
  }

  private func finish(_ result: Result<Metadata, any Error>) {
    let continuation = self.state.withLock { state in
      defer { state.producer = nil }
      return state.producer
    }
    continuation?.resume(with: result)
  }
}

/// The request's messages until the call's permission ends.
struct InterceptedMessages<Message: Sendable>: AsyncSequence, Sendable {
  typealias Element = Message
  typealias Failure = any Error

  let base: RPCAsyncSequence<Message, any Error>
  let call: InterceptedCall

  func makeAsyncIterator() -> Iterator {
    Iterator(base: self.base.makeAsyncIterator(), call: self.call)
  }

  struct Iterator: AsyncIteratorProtocol {
    fileprivate var base: RPCAsyncSequence<Message, any Error>.AsyncIterator
    fileprivate let call: InterceptedCall

    mutating func next(isolation actor: isolated (any Actor)?) async throws -> Message? {
      try self.call.checkOpen()
      let message: Message?
      do {
        message = try await self.base.next(isolation: actor)
      } catch {
        try self.call.checkOpen()
        throw error
      }
      try self.call.checkOpen()
      return message
    }

    mutating func next() async throws -> Message? { try await self.next(isolation: nil) }
  }
}

/// The response's messages until the call's permission ends.
struct InterceptedWriter<Message: Sendable>: RPCWriterProtocol {
  typealias Element = Message

  let base: RPCWriter<Message>
  let call: InterceptedCall

  func write(_ element: Message) async throws {
    try self.call.checkOpen()
    try await self.base.write(element)
  }

  func write(contentsOf elements: some Sequence<Message>) async throws {
    for element in elements { try await self.write(element) }
  }
}
