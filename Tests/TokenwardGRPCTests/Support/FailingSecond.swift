// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore

/// Opens one stream, and no other.
struct FailingSecond: ClientTransport {
  typealias Bytes = [UInt8]
  let base: ScriptedClientTransport

  var retryThrottle: RetryThrottle? { nil }
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
    guard self.base.attempts.isEmpty else {
      throw RPCError(code: .unavailable, message: "no second stream")
    }
    return try await self.base.withStream(descriptor: descriptor, options: options, closure)
  }
}
