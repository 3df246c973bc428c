// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardProtos

/// Manages tokens at the authority with the administrator's token, as `tokenward token` does.
struct DemoAuthority {
  typealias Transport = CredentialedClientTransport<HTTP2ClientTransport.Posix>
  typealias Tokens = Tokenward_Authority_V1_Tokens.Client<Transport>
  typealias Owners = Tokenward_Authority_V1_Owners.Client<Transport>

  private let transport: Transport

  /// - Parameters:
  ///   - address: HOST:PORT.
  ///   - directory: the folder that `tokenward dev init --authority` made.
  init(address: String, directory: String) throws {
    let parts = address.split(separator: ":")
    guard parts.count == 2, let port = Int(parts[1]) else {
      throw ValidationError("--authority is HOST:PORT")
    }
    self.transport = try .http2NIOPosix(
      target: .dns(host: String(parts[0]), port: port),
      presenting: FileTokenSource(path: "\(directory)/authority/admin.token"),
      boundTo: [BoundHost(String(parts[0]), port: port)],
      transportSecurity: .tls(
        trustRoots: .certificates([.file(path: "\(directory)/ca.pem", format: .pem)])
      )
    )
  }

  func use<Result: Sendable>(
    _ body: @Sendable (GRPCClient<Transport>) async throws -> Result
  ) async throws -> Result {
    try await withGRPCClient(transport: self.transport, handleClient: body)
  }
}
