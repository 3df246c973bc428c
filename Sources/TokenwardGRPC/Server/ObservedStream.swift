// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import Synchronization
internal import TokenwardCore

/// How a call without a deadline was answered.
final class StreamOutcome: Sendable {
  private let code = Mutex<Status.Code?>(nil)

  func note(_ code: Status.Code) { self.code.withLock { $0 = code } }

  var end: StreamEnd { self.code.withLock { $0 } == .ok ? .completed : .failed }
}

/// The response of a call without a deadline, looked at for its status.
struct ObservedOutbound<Bytes: GRPCContiguousBytes & Sendable>: ClosableRPCWriterProtocol {
  typealias Element = RPCResponsePart<Bytes>

  let outcome: StreamOutcome
  let base: RPCWriter<RPCResponsePart<Bytes>>.Closable

  func write(_ element: RPCResponsePart<Bytes>) async throws {
    guard case .status(let status, let metadata) = element else {
      return try await self.base.write(element)
    }
    let own = metadata.withoutForeignDenial
    try await self.base.write(own.map { .status(status, $0) } ?? element)
    self.outcome.note(status.code)
  }

  func write(contentsOf elements: some Sequence<RPCResponsePart<Bytes>>) async throws {
    for element in elements { try await self.write(element) }
  }

  func finish() async { await self.base.finish() }

  func finish(throwing error: any Error) async { await self.base.finish(throwing: error) }
}
