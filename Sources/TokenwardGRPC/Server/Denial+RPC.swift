// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import GRPCCore
package import TokenwardCore

extension DenialResponse {
  /// The status that ends a denied call.
  package var status: Status {
    // Every code of the table is one that gRPC knows; should a row ever break that, the call is
    // still refused.
    Status(code: Status.Code(rawValue: self.grpcStatus) ?? .internalError, message: self.message)
  }

  /// The trailing metadata of a denied call: `google.rpc.Status` with its details, and the
  /// challenge for HTTP clients (RFC 6750 §3).
  package var metadata: Metadata {
    var metadata = Metadata()
    metadata.addBinary(self.statusDetails, forKey: "grpc-status-details-bin")
    if let challenge = self.wwwAuthenticate {
      metadata.addString(challenge, forKey: "www-authenticate")
    }
    return metadata
  }

  /// The same answer for code that throws instead of writing a status.
  package var rpcError: RPCError {
    RPCError(
      code: RPCError.Code(self.status.code) ?? .internalError,
      message: self.message,
      metadata: self.metadata
    )
  }
}
