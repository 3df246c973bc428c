// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
public import TokenwardCore

/// A client transport that presents a token with every call, and another one if the server refuses it.
///
/// ```swift
/// try await withGRPCClient(
///   transport: try CredentialedClientTransport(
///     wrapping: transport,
///     presenting: source,
///     channel: .tls
///   )
/// ) { client in … }
/// ```
///
/// (For HTTP/2 use `.http2NIOPosix(target:presenting:boundTo:transportSecurity:)` of
/// TokenwardGRPCHTTP2: it knows where the tokens go and whether TLS is on, and refuses anything else.)
///
/// For every stream the source is asked for a token, at the moment when the first part is sent. A call
/// is not sent, instead of being sent some other way, if
///
/// - it carries an `authorization` already (INVALID_ARGUMENT);
/// - the source has no token (UNAVAILABLE), or one that is none (UNAUTHENTICATED).
///
/// If the first thing that comes back is the refusal of the token by a guarded server (UNAUTHENTICATED
/// with the domain `tokenward.dev` and the reason ACCESS_TOKEN_EXPIRED or ACCESS_TOKEN_INVALID), the
/// source is asked once for another one. If it has one, the call is sent again from its beginning on a
/// new stream, and the application sees that one only. That is done
///
/// - once: whatever the second answer is, the application gets it;
/// - never after any other part has come back, such as the server's metadata;
/// - never with the same token. Without another one the application gets the server's answer;
/// - only while what was written fits into 64 KiB, of which each message takes 64 bytes more than its
///   length;
/// - within the deadline of the call: the second attempt gets what is left of it.
///
/// What the application writes meanwhile waits, and its writer goes on working. The context of the
/// call names the peer of the first attempt.
///
/// `finish` of the writer of the transport underneath has to end its writes that wait; both transports
/// of grpc-swift do that.
public struct CredentialedClientTransport<Base: ClientTransport>: ClientTransport {
  /// The bytes of the transport underneath.
  public typealias Bytes = Base.Bytes

  /// The transport underneath. Calls that are made with it carry no token.
  public let base: Base

  private let source: any TokenSource

  /// - Parameters:
  ///   - base: the transport to add tokens to. It leads to the one service that the tokens are meant
  ///     for: every server behind it can read and use them.
  ///   - source: where tokens come from.
  ///   - channel: whether `base` protects tokens on their way.
  /// - Throws: `ConfigurationError` if plaintext is asked for without a reason.
  public init(
    wrapping base: Base,
    presenting source: any TokenSource,
    channel: TransportSecurity
  ) throws(ConfigurationError) {
    try channel.validate(at: "client.channel")
    self.base = base
    self.source = source
  }

  /// The limit for retries of the transport underneath.
  public var retryThrottle: RetryThrottle? { self.base.retryThrottle }

  /// Connects, as the transport underneath does.
  public func connect() async throws { try await self.base.connect() }

  /// Opens no further streams, as the transport underneath does.
  public func beginGracefulShutdown() { self.base.beginGracefulShutdown() }

  /// What the transport underneath knows about a method.
  public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    self.base.config(forMethod: descriptor)
  }

  /// Opens a stream whose first part carries a token.
  @concurrent
  public func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure:
      @concurrent (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ClientContext
      ) async throws -> T
  ) async throws -> T {
    try await self.base.withStream(descriptor: descriptor, options: options) { stream, context in
      let call = CredentialedCall<Bytes>(source: self.source, writer: stream.outbound) {
        [base = self.base] body in
        try await base.withStream(descriptor: descriptor, options: options) { stream, _ in
          await body(stream)
        }
      }
      let credentialed = RPCStream(
        descriptor: stream.descriptor,
        inbound: Inbound(wrapping: CredentialedInbound(call: call, base: stream.inbound)),
        outbound: Outbound(wrapping: CredentialedOutbound(call: call))
      )
      let result: Result<T, any Error>
      do {
        result = .success(
          try await withTaskCancellationHandler {
            try await closure(credentialed, context)
          } onCancel: {
            call.cancel()
          }
        )
      } catch {
        result = .failure(error)
      }
      await call.end()
      return try result.get()
    }
  }
}
