// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardCore

/// What happens to each stream between the transport and the router. A class, because closures that
/// run for every call hold it: copying the guard each time would cost more than some of its checks.
final class GuardedCalls<Bytes: GRPCContiguousBytes & Sendable>: Sendable {
  typealias Inbound = RPCAsyncSequence<RPCRequestPart<Bytes>, any Error>
  typealias Outbound = RPCWriter<RPCResponsePart<Bytes>>.Closable
  typealias Stream = RPCStream<Inbound, Outbound>

  typealias Handler = @concurrent @Sendable (Stream, ServerContext) async -> Void

  private let admission: CallAdmission
  private let deadlines: DeadlineRegistry
  private let closingGrace: Duration
  private let streams: (any StreamObserver)?
  private let handler: Handler

  init(
    admission: CallAdmission,
    deadlines: DeadlineRegistry,
    closingGrace: Duration,
    streams: (any StreamObserver)?,
    handler: @escaping Handler
  ) {
    self.admission = admission
    self.deadlines = deadlines
    self.closingGrace = closingGrace
    self.streams = streams
    self.handler = handler
  }

  func serve(_ stream: Stream, _ context: ServerContext) async {
    var iterator = stream.inbound.makeAsyncIterator()
    let first = try? await iterator.next(isolation: nil)
    guard case .metadata(let metadata)? = first else {
      // Nothing was received, or a message before the metadata: a fault of the transport.
      let denial = self.admission.refuse(stream.descriptor, context)
      return await self.refuse(stream, rest: iterator, with: denial.reason)
    }
    var outcome = self.admission.admit(stream.descriptor, metadata, context)
    if case .pending(let pending, let metadata) = outcome {
      outcome = await self.admission.finish(pending, metadata, deadlines: self.deadlines)
    }
    switch outcome {
    case .denied(let denial):
      await self.refuse(stream, rest: iterator, with: denial.reason)
    case .pending:
      // Nobody waits twice.
      await self.refuse(stream, rest: iterator, with: .internalInvariant)
    case .admitted(let admitted):
      self.streams?.streamOpened()
      // Bound for anonymous callers too: nil has to replace what the server was started under.
      let end = await Principal.$current.withValue(admitted.grant.principal) {
        await self.run(stream, context, admitted, rest: iterator)
      }
      self.streams?.streamEnded(end)
    }
  }

  private func run(
    _ stream: Stream,
    _ context: ServerContext,
    _ admitted: CallAdmission.Admitted,
    rest: Inbound.AsyncIterator
  ) async -> StreamEnd {
    let first = RPCRequestPart<Bytes>.metadata(admitted.metadata)
    guard let lifetime = admitted.grant.lifetime else {
      return await self.runForever(stream, context, first: first, rest: rest)
    }
    let isUnary = stream.descriptor.type == .unary
    let call = SupervisedCall(
      for: lifetime,
      cancellation: context.cancellation,
      closingGrace: self.closingGrace
    ) { [outbound = stream.outbound] status, metadata in
      try? await outbound.write(.status(status, metadata))
      await outbound.finish()
    }
    // Constants, so that closures refer to them instead of copying them.
    let supervised = Stream(
      descriptor: stream.descriptor,
      inbound: Inbound(wrapping: SupervisedInbound(first: first, rest: rest, call: call)),
      outbound: Outbound(wrapping: SupervisedOutbound(call: call, base: stream.outbound))
    )
    if isUnary {
      let registration = call.enter(self.deadlines)
      await self.handler(supervised, context)
      if !call.leave(registration, of: self.deadlines) { await call.whenLeft() }
    } else {
      await call.run(registry: self.deadlines) {
        await self.handler(supervised, context)
      }
    }
    let end = call.end
    if call.isForced { Self.closeByForce() }
    return Self.end(end, context)
  }

  /// An anonymous call, whose permission does not end.
  private func runForever(
    _ stream: Stream,
    _ context: ServerContext,
    first: RPCRequestPart<Bytes>,
    rest: Inbound.AsyncIterator
  ) async -> StreamEnd {
    var stream = stream
    stream.inbound = Inbound(wrapping: SupervisedInbound(first: first, rest: rest, call: nil))
    let outcome = StreamOutcome()
    stream.outbound = Outbound(
      wrapping: ObservedOutbound(outcome: outcome, base: stream.outbound)
    )
    await self.handler(stream, context)
    return Self.end(outcome.end, context)
  }

  /// A handler whose client has gone fails, for no fault of its own.
  private static func end(_ end: StreamEnd, _ context: ServerContext) -> StreamEnd {
    end == .failed && context.cancellation.isCancelled ? .cancelled : end
  }

  /// Answers trailers-only: no initial metadata, one status.
  private func refuse(
    _ stream: Stream,
    rest: Inbound.AsyncIterator,
    with reason: DenialReason
  ) async {
    let refusal = Refusal<Bytes>(outbound: stream.outbound, response: reason.response, rest: rest)
    if await refusal.run(for: self.closingGrace, registry: self.deadlines) { return }
    Self.closeByForce()
  }

  /// Makes the transport close the stream instead of waiting for the client to do so: transports
  /// wait for the client's half only while the task that serves the stream is not cancelled.
  private static func closeByForce() {
    withUnsafeCurrentTask { $0?.cancel() }
  }
}

/// The end of a denied call, bounded in time and in what it reads.
///
/// The status is written at once. Then the client gets a moment to take notice: a stream that is
/// reset under a client that is still sending may cost it the status. A client that neither stops
/// sending nor reads cannot hold the stream.
private final class Refusal<Bytes: GRPCContiguousBytes & Sendable>: DeadlineBound,
  // Unchecked: the iterator is used by one task only.
  @unchecked Sendable
{
  typealias Iterator = RPCAsyncSequence<RPCRequestPart<Bytes>, any Error>.AsyncIterator

  /// How many messages that were on their way already are thrown away, unread.
  static var drainedParts: Int { 16 }

  private let outbound: RPCWriter<RPCResponsePart<Bytes>>.Closable
  private let response: DenialResponse
  private var rest: Iterator
  private let task = CancellableTask()

  init(
    outbound: RPCWriter<RPCResponsePart<Bytes>>.Closable,
    response: DenialResponse,
    rest: Iterator
  ) {
    self.outbound = outbound
    self.response = response
    self.rest = rest
  }

  /// - Parameters:
  ///   - grace: how long the client has to read the status and close its side.
  ///   - registry: where the end of that is waited for.
  /// - Returns: whether the client ended its side.
  func run(for grace: Duration, registry: DeadlineRegistry) async -> Bool {
    let registration = registry.add(self, for: grace)
    defer { registry.remove(registration) }
    return await withTaskCancellationHandler {
      let task = Task.immediate { await self.answerAndDrain() }
      self.task.set(cancel: { task.cancel() })
      return await task.value
    } onCancel: {
      self.task.cancel()
    }
  }

  func deadlinePassed() async { self.task.cancel() }

  private func answerAndDrain() async -> Bool {
    do {
      try await self.outbound.write(.status(self.response.status, self.response.metadata))
      await self.outbound.finish()
      for _ in 0 ..< Self.drainedParts {
        guard try await self.rest.next(isolation: nil) != nil else { return !Task.isCancelled }
      }
      return false
    } catch {
      // The client closed the stream, or the time is up. Closing it twice does no harm.
      return false
    }
  }
}
