// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
public import TokenwardCore

/// The guard as an interceptor, for servers whose transport cannot be wrapped. It takes the same
/// decisions through the same code as ``GuardedServerTransport``. Prefer that one: an interceptor
/// runs inside the server and cannot see or do everything.
///
/// What it leaves open:
///
/// - **Unknown methods** are answered UNIMPLEMENTED before any interceptor runs: without a token,
///   anyone can find out which methods a server has.
/// - **Handlers registered later**, with a router of your own, after `registerInterceptors`, are not
///   guarded at all; nor are methods that a conditional pipeline leaves out.
/// - **`grpc-timeout`** has been read by the server before. A malformed value is refused too late
///   to protect the server, and a legal one of eight digits has been ignored.
/// - **Interceptors in front** of this one see the token. Put it first.
/// - **Nothing is proven at start**: methods without a rule, and rules without a method, are found
///   when somebody calls.
/// - **Denials of other servers** that a handler lets out pass for denials of this one. The client may
///   send the call again, although the handler ran.
/// - **Expiry**: messages and the response fail from the deadline on, cancellation is signalled and
///   a streaming producer is left behind. A handler that is waiting for something else, *before* it
///   returned its response, is not interrupted and the client waits with it.
///
/// `Principal.current` is bound for the handler and again for the producer of its response, which
/// the server runs later.
public struct GuardInterceptor: ServerInterceptor {
  private let admission: CallAdmission
  private let deadlines = DeadlineRegistry()

  /// - Parameters:
  ///   - requestGuard: what decides.
  ///   - security: whether the server's transport protects tokens on their way.
  ///   - peerCertificate: reads the verified client certificate out of the transport's context.
  /// - Throws: `ConfigurationError` if plaintext is asked for without a reason.
  public init(
    guardedBy requestGuard: RequestGuard,
    security: TransportSecurity,
    peerCertificate: @escaping @Sendable (ServerContext) -> CertificateThumbprint? = { _ in nil }
  ) throws(ConfigurationError) {
    try security.validate(at: "interceptor.security")
    self.admission = CallAdmission(requestGuard: requestGuard, peerCertificate: peerCertificate)
  }

  /// Decides and, if the call is allowed, hands it on.
  /// - Throws: `RPCError` with the denial's status, or what the handler throws.
  public func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @concurrent @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let admitted: CallAdmission.Admitted
    var outcome = self.admission.admit(context.descriptor, request.metadata, context)
    if case .pending(let pending, let metadata) = outcome {
      outcome = await self.admission.finish(pending, metadata, deadlines: self.deadlines)
    }
    switch outcome {
    case .denied(let denial): throw denial.response.rpcError
    case .pending: throw DenialReason.internalInvariant.response.rpcError
    case .admitted(let success): admitted = success
    }
    var request = request
    request.metadata = admitted.metadata
    let principal = admitted.grant.principal
    guard let lifetime = admitted.grant.lifetime else {
      let response = try await Principal.$current.withValue(principal) {
        try await next(request, context)
      }
      return response.mapProducer { producer, writer in
        try await Principal.$current.withValue(principal) { try await producer(writer) }
      }
    }

    let call = InterceptedCall(cancellation: context.cancellation, lifetime: lifetime)
    // Held by the response's producer, which may never run: a client that resets its stream ends the
    // call before that.
    let held = HeldRegistration(call, for: lifetime, in: self.deadlines)
    request.messages = RPCAsyncSequence(
      wrapping: InterceptedMessages(base: request.messages, call: call)
    )
    let response: StreamingServerResponse<Output>
    do {
      response = try await Principal.$current.withValue(principal) {
        try await next(request, context)
      }
      try call.checkOpen()
    } catch {
      held.end()
      try call.checkOpen()
      throw error
    }
    guard case .success = response.accepted else {
      held.end()
      return response
    }
    return response.mapProducer { producer, writer in
      defer { held.end() }
      return try await Principal.$current.withValue(principal) {
        try await call.run {
          try await producer(RPCWriter(wrapping: InterceptedWriter(base: writer, call: call)))
        }
      }
    }
  }

  /// How many calls are waiting for their deadline.
  package var supervisedCallCount: Int { self.deadlines.count }
}

extension StreamingServerResponse {
  fileprivate typealias Producer = @Sendable (RPCWriter<Message>) async throws -> Metadata

  fileprivate func mapProducer(
    _ body: @escaping @Sendable (@escaping Producer, RPCWriter<Message>) async throws -> Metadata
  ) -> Self {
    guard case .success(var contents) = self.accepted else { return self }
    let producer = contents.producer
    contents.producer = { try await body(producer, $0) }
    return Self(accepted: .success(contents))
  }
}
