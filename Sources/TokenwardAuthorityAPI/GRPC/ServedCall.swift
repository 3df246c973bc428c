// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardAuthority
internal import TokenwardCore

extension AuthorityOperations {
  /// Runs one call as whom the guard has proven. Every error becomes a row of one table.
  func serve<Answer>(
    _ context: ServerContext,
    _ body: (Caller) async throws -> Answer
  ) async throws -> Answer {
    do {
      let caller = try Caller(
        of: Principal.current,
        issuer: self.issuer,
        peer: context.remotePeer
      )
      return try await body(caller)
    } catch let error as AuthorityError {
      throw error.status
    }
  }
}

extension BearerToken {
  /// The token as it is handed out. Only answers that issue a token ask for it.
  var text: String { String(decoding: self.bytes, as: UTF8.self) }
}
