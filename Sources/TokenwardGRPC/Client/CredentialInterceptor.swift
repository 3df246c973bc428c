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
/// - the source fails (UNAVAILABLE);
/// - the token is empty, longer than 8 KiB, or has bytes that no token has, such as a line end
///   (UNAUTHENTICATED). They could add headers of somebody's choice to the call.
///
/// A client does not say whether its channel is encrypted, so whoever makes the interceptor does.
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
    for (name, _) in request.metadata
    where name.equalsASCIICaseInsensitively("authorization")
      || name.equalsASCIICaseInsensitively("authorization-bin")
    {
      throw RPCError(
        code: .invalidArgument,
        message: "The call already has a credential; it was not sent."
      )
    }
    let token = try await self.token()
    let value = "Bearer \(String(decoding: token.bytes, as: UTF8.self))"
    // The server's own rule, so that nothing leaves that the other side would have to repair.
    guard (try? AuthorizationValue.token(value)) != nil else {
      throw RPCError(
        code: .unauthenticated,
        message: "The token source gave something that is no token; the call was not sent."
      )
    }
    var request = request
    request.metadata.addString(value, forKey: "authorization")
    return try await next(request, context)
  }

  private func token() async throws -> BearerToken {
    do {
      return try await self.source.token()
    } catch is CancellationError {
      throw RPCError(code: .cancelled, message: "The call was cancelled; it was not sent.")
    } catch {
      throw RPCError(
        code: .unavailable,
        message: "The token source has no token; the call was not sent.",
        cause: error as? TokenSourceError
      )
    }
  }
}
