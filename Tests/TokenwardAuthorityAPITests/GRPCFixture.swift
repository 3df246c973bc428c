// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import GRPCCore
import GRPCInProcessTransport
import GRPCProtobuf
import TokenwardAuthorityAPI
import TokenwardCore
import TokenwardProtos

/// Clients of every service of an authority, in this process.
struct AuthorityClients {
  let tokens: Tokenward_Authority_V1_Tokens.Client<InProcessTransport.Client>
  let owners: Tokenward_Authority_V1_Owners.Client<InProcessTransport.Client>
  let roles: Tokenward_Authority_V1_Roles.Client<InProcessTransport.Client>
  let keys: Tokenward_Authority_V1_Keys.Client<InProcessTransport.Client>
}

/// Serves an authority as a guard would that has proven a principal.
func withAuthority<Result: Sendable>(
  _ authority: ScriptedAuthority,
  as principal: Principal?,
  _ body: @Sendable (AuthorityClients) async throws -> Result
) async throws -> Result {
  let transport = InProcessTransport()
  return try await Principal.$current.withValue(principal) {
    try await withGRPCServer(
      transport: transport.server,
      services: AuthorityServices.all(operations: authority)
    ) { _ in
      try await withGRPCClient(transport: transport.client) { client in
        try await body(
          AuthorityClients(
            tokens: .init(wrapping: client),
            owners: .init(wrapping: client),
            roles: .init(wrapping: client),
            keys: .init(wrapping: client)
          )
        )
      }
    }
  }
}

/// The error that a call ends with; nil if it does not.
func rpcError(_ body: () async throws -> some Any) async -> RPCError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? RPCError ?? RPCError(code: .unknown, message: "another error")
  }
}

extension RPCError {
  /// The field that the request is refused for.
  var field: String? {
    guard let status = try? self.unpackGoogleRPCStatus() else { return nil }
    return status.details.lazy.compactMap { $0.badRequest?.violations.first?.field }.first
  }

  /// `google.rpc.ErrorInfo.reason`.
  var reason: String? {
    guard let status = try? self.unpackGoogleRPCStatus() else { return nil }
    return status.details.lazy.compactMap { $0.errorInfo?.reason }.first
  }
}
