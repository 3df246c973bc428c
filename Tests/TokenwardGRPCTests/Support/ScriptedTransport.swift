// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization

/// A server transport whose streams are made by the test, part by part, so that it can send what no
/// client library sends and see every part that comes back.
final class ScriptedTransport: ServerTransport {
  typealias Bytes = [UInt8]
  typealias Part = RPCRequestPart<[UInt8]>

  private let streams: AsyncStream<ScriptedCall>
  private let continuation: AsyncStream<ScriptedCall>.Continuation
  private let configured = Mutex<[MethodDescriptor]?>(nil)
  private let started = Atomic<Bool>(false)

  init() {
    (self.streams, self.continuation) = AsyncStream.makeStream()
  }

  /// The methods that the server told this transport.
  var methods: [MethodDescriptor]? { self.configured.withLock { $0 } }
  /// Whether it ever listened.
  var hasListened: Bool { self.started.load(ordering: .relaxed) }

  func configure(context: GRPCServerContext) {
    self.configured.withLock { $0 = context.methods }
  }

  func listen(
    streamHandler:
      @escaping @concurrent @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext
      ) async -> Void
  ) async throws {
    self.started.store(true, ordering: .relaxed)
    await withDiscardingTaskGroup { group in
      for await call in self.streams {
        group.addTask {
          await withServerContextRPCCancellationHandle { handle in
            call.isServed(by: handle)
            let context = ServerContext(
              descriptor: call.descriptor,
              remotePeer: "test:caller",
              localPeer: "test:server",
              cancellation: handle
            )
            await streamHandler(call.serverStream, context)
          }
          call.served(wasForced: Task.isCancelled)
        }
      }
    }
  }

  func beginGracefulShutdown() { self.continuation.finish() }

  /// Opens a stream.
  /// - Parameter onWrite: what happens to each part before it is kept; it may throw or wait.
  func open(
    _ method: String,
    type: MethodDescriptor.RPCType? = nil,
    isStuck: Bool = false,
    onWrite: @escaping RecordedResponse.Hook = { _ in }
  ) -> ScriptedCall {
    let stuck: RecordedResponse.Hook = { _ in try await Task.sleep(for: .seconds(3_600)) }
    let call = ScriptedCall(method, type, onWrite: isStuck ? stuck : onWrite)
    self.continuation.yield(call)
    return call
  }

  /// Makes one call with these headers and one message, and waits for its end.
  func call(
    _ method: String,
    _ headers: [(String, String)] = [],
    message: String = "hello"
  ) async -> ScriptedCall {
    let call = self.open(method)
    call.send(.metadata(Metadata(headers.map { ($0.0, .string($0.1)) })))
    call.send(.message(Array(message.utf8)))
    call.finish()
    await call.end()
    return call
  }
}

/// One stream as the test sees it.
final class ScriptedCall: Sendable {
  let descriptor: MethodDescriptor
  let serverStream: RPCStream<ScriptedTransport.Inbound, ScriptedTransport.Outbound>
  private let inbound: AsyncThrowingStream<RPCRequestPart<[UInt8]>, any Error>.Continuation
  private let response: RecordedResponse
  private let handle = Mutex<ServerContext.RPCCancellationHandle?>(nil)

  fileprivate init(
    _ method: String,
    _ type: MethodDescriptor.RPCType?,
    onWrite: @escaping RecordedResponse.Hook
  ) {
    let slash = method.utf8.firstIndex(of: UInt8(ascii: "/")) ?? method.endIndex
    let (stream, inbound) = AsyncThrowingStream.makeStream(of: RPCRequestPart<[UInt8]>.self)
    self.response = RecordedResponse(onWrite: onWrite)
    self.inbound = inbound
    self.descriptor = MethodDescriptor(
      fullyQualifiedService: String(method[..<slash]),
      method: String(method[slash...].dropFirst()),
      type: type
    )
    self.serverStream = RPCStream(
      descriptor: self.descriptor,
      inbound: RPCAsyncSequence(wrapping: stream),
      outbound: RPCWriter.Closable(wrapping: self.response)
    )
  }

  /// What a transport does when the client resets its stream.
  func cancel() { self.handle.withLock { $0 }?.cancel() }
  fileprivate func isServed(by handle: ServerContext.RPCCancellationHandle) {
    self.handle.withLock { $0 = handle }
  }

  func send(_ part: RPCRequestPart<[UInt8]>) { self.inbound.yield(part) }
  func finish() { self.inbound.finish() }
  fileprivate func served(wasForced: Bool) {
    self.inbound.finish()
    self.response.close(wasForced: wasForced)
  }

  /// Waits until the server has let go of the stream.
  func end() async { await self.response.closed() }
  /// Waits until there are as many response parts.
  func parts(atLeast count: Int) async -> [RPCResponsePart<[UInt8]>] {
    await self.response.parts(atLeast: count)
  }

  /// Waits until there is a status, or the server has let go of the stream without one.
  func status() async { await self.response.status() }

  var parts: [RPCResponsePart<[UInt8]>] { self.response.parts }
  var wasForced: Bool { self.response.wasForced }
  var isFinished: Bool { self.response.isFinished }

  var statuses: [(status: Status, metadata: Metadata)] {
    self.parts.compactMap {
      if case .status(let status, let metadata) = $0 { (status, metadata) } else { nil }
    }
  }
  var messages: [String] {
    self.parts.compactMap {
      if case .message(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil }
    }
  }
}

/// Keeps what the server writes. A stuck one accepts nothing, like a client that does not read.
final class RecordedResponse: ClosableRPCWriterProtocol {
  fileprivate struct State {
    var parts: [RPCResponsePart<[UInt8]>] = []
    var hasStatus = false
    var isFinished = false
    var isClosed = false
    var wasForced = false
    var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  typealias Hook = @Sendable (RPCResponsePart<[UInt8]>) async throws -> Void

  private let onWrite: Hook
  private let state = Mutex(State())

  init(onWrite: @escaping Hook) { self.onWrite = onWrite }

  var parts: [RPCResponsePart<[UInt8]>] { self.state.withLock { $0.parts } }
  var isFinished: Bool { self.state.withLock { $0.isFinished } }
  var wasForced: Bool { self.state.withLock { $0.wasForced } }

  func write(_ element: RPCResponsePart<[UInt8]>) async throws {
    try await self.onWrite(element)
    let waiters = try self.state.withLock { state in
      guard !state.isFinished, !state.isClosed else {
        throw RPCError(code: .internalError, message: "written after the end")
      }
      state.parts.append(element)
      if case .status = element { state.hasStatus = true }
      return state.ready()
    }
    waiters.forEach { $0.resume() }
  }

  func write(contentsOf elements: some Sequence<RPCResponsePart<[UInt8]>>) async throws {
    for element in elements { try await self.write(element) }
  }

  func finish() async { self.state.withLock { $0.isFinished = true } }
  func finish(throwing error: any Error) async { self.state.withLock { $0.isFinished = true } }

  func close(wasForced: Bool) {
    let waiters = self.state.withLock { state in
      state.isClosed = true
      state.wasForced = wasForced
      return state.ready()
    }
    waiters.forEach { $0.resume() }
  }

  func closed() async { await self.wait(for: .max) }
  /// As a negative number of parts.
  func status() async { await self.wait(for: -1) }

  func parts(atLeast count: Int) async -> [RPCResponsePart<[UInt8]>] {
    await self.wait(for: count)
    return self.parts
  }

  private func wait(for count: Int) async {
    await withCheckedContinuation { continuation in
      let waiters = self.state.withLock { state in
        state.waiters.append((count, continuation))
        return state.ready()
      }
      waiters.forEach { $0.resume() }
    }
  }
}

extension RecordedResponse.State {
  fileprivate mutating func ready() -> [CheckedContinuation<Void, Never>] {
    let (isClosed, count, hasStatus) = (self.isClosed, self.parts.count, self.hasStatus)
    func isReady(_ wanted: Int) -> Bool {
      isClosed || (wanted < 0 ? hasStatus : wanted <= count)
    }
    let ready = self.waiters.filter { isReady($0.count) }.map(\.continuation)
    self.waiters.removeAll { isReady($0.count) }
    return ready
  }
}
