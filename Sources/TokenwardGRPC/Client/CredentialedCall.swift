// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import TokenwardCore

/// One call of a ``CredentialedClientTransport``: what the application writes goes through here, once
/// or, if the server refuses the token, twice.
final class CredentialedCall<Bytes: GRPCContiguousBytes & Sendable>: Sendable {
  typealias State = CredentialedCallState<Bytes>
  typealias Part = RPCRequestPart<Bytes>
  typealias Inbound = RPCAsyncSequence<RPCResponsePart<Bytes>, any Error>
  typealias Stream = RPCStream<Inbound, State.Writer>
  /// Opens another stream for the same method and keeps it open until its closure returns.
  typealias Opener = @Sendable (@Sendable (Stream) async -> Void) async throws -> Void

  private let source: any TokenSource
  private let open: Opener
  private let state: Mutex<State>
  /// The second attempt: the task that holds its stream.
  private let second = Mutex<(task: Task<Void, Never>?, isCancelled: Bool)>((nil, false))
  private let isOver = OneShot<Void>()

  init(source: any TokenSource, writer: State.Writer, open: @escaping Opener) {
    self.source = source
    self.open = open
    self.state = Mutex(State(writer: writer))
  }
}

// MARK: - Writing

extension CredentialedCall {
  /// Sends the first part with a token: the latest moment to ask for one, after every wait for a
  /// connection, so that no token expires in a queue.
  func begin(_ metadata: Metadata) async throws {
    try self.change { state in
      guard case .unsent(isBeginning: false) = state.phase else {
        throw RPCError(code: .internalError, message: "The metadata of a call is sent once.")
      }
      return (state.enter(.unsent(isBeginning: true)), ())
    }
    do {
      try BearerCredential.checkAbsence(in: metadata)
      let credential = try await BearerCredential(from: self.source)
      let record = State.Record(token: credential.token, metadata: metadata, begin: .now)
      let writer = try self.change { state in
        guard case .unsent = state.phase else { throw RPCError.notSentCancelled }
        return (state.enter(.trying(record)), state.writer)
      }
      try await self.write(.metadata(credential.added(to: metadata)), to: writer, isRecorded: true)
    } catch {
      self.change { state in
        guard case .unsent = state.phase else { return ([], ()) }
        return (state.enter(.withheld(RPCError(wrapping: error))), ())
      }
      throw error
    }
  }

  private enum Step {
    case write(State.Writer, isRecorded: Bool)
    case wait(OneShot<Void>)
  }

  /// Sends a message, or keeps it until it is known where to.
  func send(_ part: Part) async throws {
    while true {
      let step: Step = try self.state.withLock { state in
        switch state.phase {
        case .unsent:
          throw RPCError(code: .internalError, message: "The metadata of a call is sent first.")
        case .withheld(let error): throw error
        case .over: throw RPCError(code: .cancelled, message: "The call is over.")
        case .trying:
          state.record(part)
          return .write(state.writer, isRecorded: true)
        case .settled: return .write(state.writer, isRecorded: false)
        case .switching: return .wait(state.watch())
        }
      }
      switch step {
      case .write(let writer, let isRecorded):
        return try await self.write(part, to: writer, isRecorded: isRecorded)
      case .wait(let change):
        try await change.value
      }
    }
  }

  /// Writes to the first attempt. A server that refuses the token closes the stream, so writing may
  /// fail before the refusal has been read. Such a failure is kept back until it is known whether
  /// what was written is sent again.
  private func write(_ part: Part, to writer: State.Writer, isRecorded: Bool) async throws {
    do {
      try await writer.write(part)
    } catch {
      guard isRecorded, try await self.isSentAgain() else { throw error }
    }
  }

  private func isSentAgain() async throws -> Bool {
    while true {
      let (answer, change): (Bool, OneShot<Void>?) = self.state.withLock { state in
        switch state.phase {
        case .trying(let record) where record.isRepeatable: (false, state.watch())
        case .switching: (false, state.watch())
        case .settled: (state.isSecond, nil)
        case .unsent, .withheld, .trying, .over: (false, nil)
        }
      }
      guard let change else { return answer }
      try await change.value
    }
  }

  /// The application has nothing more to send.
  func finish(_ ending: State.Record.Ending) async {
    let (writer, withheld): (State.Writer?, RPCError?) = self.change { state in
      state.end(ending)
      switch state.phase {
      // The one who sends everything again ends it, too.
      case .switching: return ([], (nil, nil))
      case .withheld(let error): return ([], (state.writer, error))
      case .unsent: return (state.enter(.settled), (state.writer, nil))
      case .trying, .settled, .over: return ([], (state.writer, nil))
      }
    }
    guard let writer else { return }
    if let withheld {
      await writer.finish(throwing: withheld)
    } else {
      await Self.end(writer, ending)
    }
  }

  private static func end(_ writer: State.Writer, _ ending: State.Record.Ending) async {
    switch ending {
    case .finished: await writer.finish()
    case .failed(let error): await writer.finish(throwing: error)
    }
  }
}

// MARK: - The second attempt

extension CredentialedCall {
  /// Waits until there is something that a server could answer.
  /// - Throws: why the call is not sent.
  func sent() async throws {
    while true {
      let change: OneShot<Void>? = try self.state.withLock { state in
        switch state.phase {
        case .unsent: return state.watch()
        case .withheld(let error): throw error
        case .trying, .switching, .settled, .over: return nil
        }
      }
      guard let change else { return }
      try await change.value
    }
  }

  /// The server has answered, and not with a refusal that another token might change: what is
  /// written goes straight to the stream from now on.
  func settle() {
    self.change { state in
      switch state.phase {
      case .trying, .switching: (state.enter(.settled), ())
      case .unsent, .withheld, .settled, .over: ([], ())
      }
    }
  }

  /// Sends the call again with another token. Asked once: afterwards the call is settled.
  /// - Returns: what the server answers now; nil if there is no other token, or if what was sent is
  ///   not there any more.
  /// - Throws: why no second stream could be opened.
  func sendAgain() async throws -> Inbound? {
    let (record, first): (State.Record?, State.Writer) = self.change { state in
      guard case .trying(let record) = state.phase, record.isRepeatable else {
        return ([], (nil, state.writer))
      }
      return (state.enter(.switching(record)), (record, state.writer))
    }
    guard let record,
      let credential = await BearerCredential(insteadOf: record.token, from: self.source)
    else {
      self.settle()
      return nil
    }
    // Ends writes that wait for a window which the server has no reason to open any more.
    await first.finish()
    let opened = OneShot<Inbound>()
    self.hold(
      Task {
        do {
          try await self.open { stream in
            opened.end(with: .success(stream.inbound))
            await self.replay(record, with: credential, on: stream.outbound)
            // Not cut short by cancellation: the application decides when it has read enough.
            await self.over()
          }
        } catch {
          self.settle()
          opened.end(with: .failure(error))
        }
      }
    )
    return try await opened.value
  }

  /// Writes what was written before, then lets the application go on.
  private func replay(
    _ record: State.Record,
    with credential: BearerCredential,
    on writer: State.Writer
  ) async {
    // An application that has returned meanwhile wants nothing sent any more.
    guard self.state.withLock({ if case .switching = $0.phase { true } else { false } }) else {
      return
    }
    do {
      let metadata = record.metadata.shorteningTimeout(by: .now - record.begin)
      try await writer.write(.metadata(credential.added(to: metadata)))
      for message in record.messages { try await writer.write(message) }
    } catch {
      // The stream is closed; the server's reason comes with its answer.
    }
    let ending: State.Record.Ending? = self.change { state in
      guard case .switching(let record) = state.phase else { return ([], nil) }
      return (state.settle(on: writer), record.ending)
    }
    if let ending { await Self.end(writer, ending) }
  }

  private func hold(_ task: Task<Void, Never>) {
    let isCancelled = self.second.withLock { second in
      second.task = task
      return second.isCancelled
    }
    if isCancelled { task.cancel() }
  }

  /// The application's task was cancelled, or the call is over.
  func cancel() {
    let task = self.second.withLock { second in
      second.isCancelled = true
      return second.task
    }
    task?.cancel()
  }

  private func over() async {
    // In a task that nobody cancels, so that waiting does not end before the call does.
    await Task.detached { [isOver = self.isOver] in try? await isOver.value }.value
  }

  /// The application has returned: lets go of everything, and waits until the second stream is
  /// closed.
  func end() async {
    self.change { ($0.enter(.over), ()) }
    self.isOver.end(with: .success(()))
    self.cancel()
    await self.second.withLock(\.task)?.value
  }

  /// Changes the state and tells whoever waits for that.
  @discardableResult
  private func change<Result, Failure: Error>(
    _ body: (inout State) throws(Failure) -> ([OneShot<Void>], Result)
  ) throws(Failure) -> Result {
    let (watchers, result) = try self.state.withLock { state throws(Failure) in try body(&state) }
    for watcher in watchers { watcher.end(with: .success(())) }
    return result
  }
}

extension RPCError {
  /// The reason why a call is not sent, whatever it was thrown as.
  fileprivate init(wrapping error: any Error) {
    switch error {
    case let error as RPCError: self = error
    case is CancellationError: self = .notSentCancelled
    default: self.init(code: .unknown, message: "The call was not sent.")
    }
  }
}

extension Metadata {
  /// Takes from the call's timeout what the first attempt has used up.
  fileprivate func shorteningTimeout(by passed: Duration) -> Metadata {
    guard let text = self[stringValues: "grpc-timeout"].first(where: { _ in true }),
      let timeout = CallTimeout(text)
    else { return self }
    var metadata = self
    metadata.replaceOrAddString(
      timeout.remaining(after: passed).canonicalValue,
      forKey: "grpc-timeout"
    )
    return metadata
  }
}
