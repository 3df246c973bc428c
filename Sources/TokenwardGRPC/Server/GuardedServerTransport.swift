// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
public import TokenwardCore

/// A server transport that hands no call on before the guard has allowed it.
///
/// ```swift
/// let server = GRPCServer(
///   transport: try GuardedServerTransport(
///     wrapping: transport,
///     guardedBy: requestGuard,
///     security: .tls
///   ),
///   services: [orders]
/// )
/// ```
///
/// (For HTTP/2 use `.http2NIOPosix(guardedBy:…)` of TokenwardGRPCHTTP2, which knows by itself
/// whether TLS is on.)
///
/// The guard sits below the router and the interceptors, so there is no call it does not see:
///
/// - Unknown methods are denied like known ones; they cannot be listed without a token.
/// - A denied call is answered with a status and nothing else. No handler or interceptor runs, no
///   message is decoded, and what the client still sends is not waited for.
/// - An allowed call runs with `Principal.current` bound, the producer of a
///   streaming response included. The token is no longer in the metadata.
/// - A call whose token expires is ended with UNAUTHENTICATED, at most a second late. What was
///   written before is still delivered in front of the status; a client that has not read it within
///   five seconds is reset (RST_STREAM) without one. Reading and writing fail from then on,
///   `ServerContext.cancellation` is signalled, and the handler's task is cancelled. A handler that
///   ignores all of this keeps its task but reaches nobody.
/// - A client gets five seconds to read the status of a call that was denied or cut; then its
///   stream is closed, whatever the client does. The handler of a unary call runs in the task of its
///   stream: one that ignores cancellation keeps the stream until it returns, and a client that does
///   not read is not reset before then.
/// - Before the first call is accepted, the policy is compared with the methods that the server
///   has. A difference either way stops the start.
public struct GuardedServerTransport<Base: ServerTransport>: ServerTransport {
  /// The bytes of the transport underneath.
  public typealias Bytes = Base.Bytes

  /// The transport underneath.
  public let base: Base

  private let admission: CallAdmission
  private let deadlines = DeadlineRegistry()
  private let closingGrace: Duration
  private let streams: (any StreamObserver)?
  private let start = StartUp()

  /// - Parameters:
  ///   - base: the transport to guard. Do not hand it to a server as well. It must serve each
  ///     stream in a task of its own: that task is cancelled when the stream has to be closed.
  ///   - requestGuard: what decides.
  ///   - security: whether `base` protects tokens on their way.
  ///   - streams: told about calls that are let in; nobody unless given.
  ///   - peerCertificate: reads the verified client certificate out of the transport's context;
  ///     there is none unless given.
  /// - Throws: `ConfigurationError` if plaintext is asked for without a reason.
  public init(
    wrapping base: Base,
    guardedBy requestGuard: RequestGuard,
    security: TransportSecurity,
    streams: (any StreamObserver)? = nil,
    peerCertificate: @escaping @Sendable (ServerContext) -> CertificateThumbprint? = { _ in nil }
  ) throws(ConfigurationError) {
    try self.init(
      wrapping: base,
      guardedBy: requestGuard,
      security: security,
      streams: streams,
      closingGrace: .seconds(5),
      peerCertificate: peerCertificate
    )
  }

  /// - Parameter closingGrace: how long a client has to read the status of a call that was denied or
  ///   cut, before its stream is closed under it.
  package init(
    wrapping base: Base,
    guardedBy requestGuard: RequestGuard,
    security: TransportSecurity,
    streams: (any StreamObserver)? = nil,
    closingGrace: Duration,
    peerCertificate: @escaping @Sendable (ServerContext) -> CertificateThumbprint?
  ) throws(ConfigurationError) {
    try security.validate(at: "transport.security")
    self.closingGrace = closingGrace
    self.streams = streams
    self.base = base
    self.admission = CallAdmission(requestGuard: requestGuard, peerCertificate: peerCertificate)
  }

  /// Remembers the methods that the server has, for the comparison in ``listen(streamHandler:)``.
  public func configure(context: GRPCServerContext) {
    self.start.configure(context.methods)
    self.base.configure(context: context)
  }

  /// Compares the policy with the server's methods and starts the transport.
  /// - Throws: `ConfigurationError` with every difference, or what the transport throws.
  public func listen(
    streamHandler:
      @escaping @concurrent @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext
      ) async -> Void
  ) async throws {
    try self.start.prove(coveredBy: self.admission.requestGuard.policy)
    let calls = GuardedCalls<Bytes>(
      admission: self.admission,
      deadlines: self.deadlines,
      closingGrace: self.closingGrace,
      streams: self.streams,
      handler: streamHandler
    )
    try await self.base.listen { stream, context in
      await calls.serve(stream, context)
    }
  }

  /// Stops accepting calls, as the transport underneath does.
  public func beginGracefulShutdown() {
    self.base.beginGracefulShutdown()
  }

  /// Waits until ``listen(streamHandler:)`` has compared the policy with the methods. What waits for
  /// the transport underneath to listen has to wait here first: after a difference it never will.
  /// - Throws: the `ConfigurationError` of the comparison, or `CancellationError`.
  package func proven() async throws { try await self.start.proven() }

  /// How many calls are waiting for their deadline.
  package var supervisedCallCount: Int { self.deadlines.count }
}
