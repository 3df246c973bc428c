// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import TokenwardCore

/// A client transport whose server is the test, part by part.
final class ScriptedClientTransport: ClientTransport {
  typealias Bytes = [UInt8]
  typealias Server = @Sendable (_ attempt: ScriptedAttempt) async -> Void

  private let server: Script
  private let state = Mutex((attempts: [ScriptedAttempt](), open: 0))

  /// - Parameter server: runs beside every stream, and is cancelled when the stream is closed.
  init(_ server: @escaping Server) { self.server = Script(server) }
  init(_ script: Script) { self.server = script }

  var attempts: [ScriptedAttempt] { self.state.withLock { $0.attempts } }
  /// How many streams are open.
  var open: Int { self.state.withLock { $0.open } }

  let retryThrottle: RetryThrottle? = nil
  func connect() async throws {}
  func beginGracefulShutdown() {}
  func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? { nil }

  @concurrent
  func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure:
      @concurrent (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ClientContext
      ) async throws -> T
  ) async throws -> T {
    try Task.checkCancellation()
    let attempt = self.state.withLock { state in
      let attempt = ScriptedAttempt(number: state.attempts.count + 1)
      if self.server.stuck == attempt.number { attempt.getStuck() }
      state.attempts.append(attempt)
      state.open += 1
      return attempt
    }
    let server = Task { await self.server.run(attempt) }
    defer {
      server.cancel()
      attempt.close()
      self.state.withLock { $0.open -= 1 }
    }
    if let error = attempt.refusal { throw error }
    return try await closure(
      RPCStream(
        descriptor: descriptor,
        inbound: RPCAsyncSequence(wrapping: attempt.inbound),
        outbound: RPCWriter.Closable(wrapping: attempt)
      ),
      ClientContext(descriptor: descriptor, remotePeer: "test:\(attempt.number)", localPeer: "")
    )
  }
}

/// What a server does with one stream.
struct Script: Sendable {
  /// The number of the stream that takes nothing from its beginning.
  let stuck: Int?
  let run: ScriptedClientTransport.Server

  init(stuck: Int? = nil, _ run: @escaping ScriptedClientTransport.Server) {
    self.stuck = stuck
    self.run = run
  }
}

/// One stream as the test sees it: what the client wrote, and what it is answered.
final class ScriptedAttempt: ClosableRPCWriterProtocol {
  typealias Element = RPCRequestPart<[UInt8]>

  private struct State {
    var parts: [Element] = []
    var isFinished = false
    var failure: (any Error)?
    var isClosed = false
    var isBroken = false
    var failedWrites = 0
    var isStuck = false
    var stuck: [CheckedContinuation<Void, Never>] = []
  }

  let number: Int
  let inbound: AsyncThrowingStream<RPCResponsePart<[UInt8]>, any Error>
  private let responses: AsyncThrowingStream<RPCResponsePart<[UInt8]>, any Error>.Continuation
  private let state = Mutex(State())
  /// Why the stream cannot be opened.
  let refusal: RPCError?

  init(number: Int, refusal: RPCError? = nil) {
    self.number = number
    self.refusal = refusal
    (self.inbound, self.responses) = AsyncThrowingStream.makeStream()
  }

  var parts: [Element] { self.state.withLock { $0.parts } }
  var isFinished: Bool { self.state.withLock { $0.isFinished } }
  var failure: (any Error)? { self.state.withLock { $0.failure } }
  /// Writes that failed because the stream broke down.
  var failedWrites: Int { self.state.withLock { $0.failedWrites } }
  var stuckCount: Int { self.state.withLock { $0.stuck.count } }

  var metadata: Metadata? {
    if case .metadata(let metadata) = self.parts.first { metadata } else { nil }
  }
  var token: String? { self.metadata?[stringValues: "authorization"].first { _ in true } }
  var messages: [String] {
    self.parts.compactMap {
      if case .message(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil }
    }
  }

  /// Waits until so many parts were written.
  func written(_ count: Int) async {
    while self.parts.count < count, !Task.isCancelled { await Task.yield() }
  }

  /// Every further write fails.
  func breakDown() { self.state.withLock { $0.isBroken = true } }
  /// Every further write waits until the writer is finished, like one without a window.
  func getStuck() { self.state.withLock { $0.isStuck = true } }

  func send(_ part: RPCResponsePart<[UInt8]>) { self.responses.yield(part) }
  func fail(_ error: any Error) { self.responses.finish(throwing: error) }
  func end() { self.responses.finish() }

  /// Answers with a status alone, as the guard does.
  func deny(_ reason: DenialReason) {
    let response = reason.response
    self.send(
      .status(
        Status(code: Status.Code(rawValue: response.grpcStatus) ?? .unknown, message: ""),
        ["grpc-status-details-bin": .binary(response.statusDetails)]
      )
    )
    self.end()
  }

  /// Answers with an echo of everything, and OK.
  func echo() async {
    self.send(.metadata([:]))
    var next = 1
    while !Task.isCancelled {
      let (parts, isFinished) = self.state.withLock { ($0.parts, $0.isFinished) }
      while next < parts.count {
        if case .message(let bytes) = parts[next] { self.send(.message(bytes)) }
        next += 1
      }
      if isFinished { break }
      await Task.yield()
    }
    self.send(.status(Status(code: .ok, message: ""), [:]))
    self.end()
  }

  func close() {
    let stuck = self.state.withLock { state in
      state.isClosed = true
      defer { state.stuck = [] }
      return state.stuck
    }
    stuck.forEach { $0.resume() }
  }

  func write(_ element: Element) async throws {
    let mustWait = try self.state.withLock { state in
      if state.isBroken { state.failedWrites += 1 }
      guard !state.isFinished, !state.isClosed, !state.isBroken else {
        throw RPCError(code: .unavailable, message: "the stream is closed")
      }
      state.parts.append(element)
      return state.isStuck
    }
    guard mustWait else { return }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = self.state.withLock { state in
          if state.isFinished || state.isClosed || !state.isStuck { return true }
          state.stuck.append(continuation)
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      self.close()
    }
  }

  func write(contentsOf elements: some Sequence<Element>) async throws {
    for element in elements { try await self.write(element) }
  }

  func finish() async {
    let stuck = self.state.withLock { state in
      state.isFinished = true
      defer { state.stuck = [] }
      return state.stuck
    }
    stuck.forEach { $0.resume() }
  }

  func finish(throwing error: any Error) async {
    self.state.withLock { $0.failure = error }
    await self.finish()
  }
}
