// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
public import TokenwardCore

/// Presents a token with every call of a client.
///
/// ```swift
/// let client = GRPCClient(
///   transport: transport,
///   interceptors: [
///     try CredentialInterceptor(source: FileTokenSource(path: "/run/orders/token"), channel: .tls)
///   ]
/// )
/// ```
///
/// It refuses to send a call, instead of sending it some other way, if
///
/// - the call carries an `authorization` already (INVALID_ARGUMENT). Which of two credentials was
///   meant would be a guess, and a server that guards itself refuses both;
/// - the source fails (UNAVAILABLE, or UNAUTHENTICATED if what it has is unusable);
/// - the token is empty, longer than 8 KiB, or has bytes that no token has, such as a line end
///   (UNAUTHENTICATED). They could add headers of somebody's choice to the call.
///
/// A call whose token the server refuses is lost: an interceptor lives within one stream. The source is
/// told, so that the next call has another token. ``CredentialedClientTransport`` sends the same call
/// again; prefer it wherever the transport can be wrapped.
///
/// A client does not say whether its channel is encrypted, nor for whom its server's certificate is, so
/// whoever makes the interceptor answers for both. The transports of TokenwardGRPCHTTP2 look.
public struct CredentialInterceptor: ClientInterceptor {
  private let source: any TokenSource

  /// - Parameters:
  ///   - source: where tokens come from.
  ///   - channel: whether the client's transport protects tokens on their way.
  /// - Throws: `ConfigurationError` if plaintext is asked for without a reason.
  public init(
    source: any TokenSource,
    channel: TransportSecurity
  ) throws(ConfigurationError) {
    try channel.validate(at: "client.channel")
    self.source = source
  }

  /// Adds the token and hands the call on.
  /// - Throws: `RPCError` if there is no usable token, or what the call throws.
  public func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingClientRequest<Input>,
    context: ClientContext,
    next:
      @concurrent (
        _ request: StreamingClientRequest<Input>,
        _ context: ClientContext
      ) async throws -> StreamingClientResponse<Output>
  ) async throws -> StreamingClientResponse<Output> {
    try BearerCredential.checkAbsence(in: request.metadata)
    let credential = try await BearerCredential(from: self.source)
    var request = request
    request.metadata = credential.added(to: request.metadata)
    let response = try await next(request, context)
    // The call is lost: an interceptor lives within one stream and cannot open another. The next one
    // need not be, if the source knows.
    if case .failure(let error) = response.accepted,
      error.code == .unauthenticated, DenialDetails(error)?.isRefusalOfToken == true
    {
      _ = await BearerCredential(insteadOf: credential.token, from: self.source)
    }
    return response
  }
}
