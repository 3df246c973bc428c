// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import SwiftProtobuf
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit

/// The example service behind a guard, on a socket of this machine, for the time of a test.
struct TLSServer: Sendable {
  typealias ClientSecurity = HTTP2ClientTransport.Posix.TransportSecurity
  typealias Orders = Tokenward_Example_V1_Orders.Client<HTTP2ClientTransport.Posix>

  let port: Int
  let observer: RecordingObserver

  static func with(
    _ security: GuardedTransportSecurity,
    verifier: TokenTable = .standard(),
    config: HTTP2ServerTransport.Posix.Config = .hardened,
    _ body: @Sendable (TLSServer) async throws -> Void
  ) async throws {
    let observer = RecordingObserver()
    let server = GRPCServer(
      transport: try .http2NIOPosix(
        guardedBy: RequestGuard(
          policy: try MethodPolicy { Allow("tokenward.example.v1.Orders/*", .scopes(["read"])) },
          verifier: verifier,
          time: ManualClock(),
          observers: [observer]
        ),
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: security,
        config: config
      ),
      services: [ExampleOrders()]
    )
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await server.serve() }
      let port = try #require(try await server.listeningAddress?.ipv4?.port)
      try await body(TLSServer(port: port, observer: observer))
      server.beginGracefulShutdown()
    }
  }

  /// A client with one connection.
  /// - Parameter host: the name that the client believes to call; its address if nil.
  func withClient<Result: Sendable>(
    _ security: ClientSecurity,
    host: String? = "localhost",
    _ body: (Orders) async throws -> Result
  ) async throws -> Result {
    try await withGRPCClient(
      transport: try .http2NIOPosix(
        target: .ipv4(address: "127.0.0.1", port: self.port),
        transportSecurity: security,
        config: .defaults { $0.http2.authority = host }
      )
    ) { try await body(Orders(wrapping: $0)) }
  }

  /// One call over a connection of its own.
  /// - Returns: who the server believes the caller to be.
  @discardableResult
  func call(
    _ security: ClientSecurity,
    host: String? = "localhost",
    token: String = "good"
  ) async throws -> String {
    try await self.withClient(security, host: host) { try await $0.requester(token: token) }
  }

  /// Expects that there is no connection, so that the server saw no call.
  func expectNoConnection(
    _ security: ClientSecurity,
    host: String? = "localhost",
    sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    let seen = self.observer.records.count
    let error = await #expect(throws: RPCError.self, sourceLocation: sourceLocation) {
      try await self.call(security, host: host)
    }
    #expect(error?.code == .unavailable, sourceLocation: sourceLocation)
    #expect(self.observer.records.count == seen, sourceLocation: sourceLocation)
  }
}

extension TLSServer.Orders {
  func requester(token: String = "good") async throws -> String {
    try await self.get(
      .with { $0.id = "7" },
      metadata: ["authorization": "Bearer \(token)"]
    ).requestedBy
  }
}

/// The other end without anything of ours: the TLS library's own verification.
func plainClient(
  roots: [Issued],
  identity: Issued? = nil,
  followedBy others: [Issued] = []
) throws -> HTTP2ClientTransport.Posix.TransportSecurity {
  let sources = try roots.map { TLSConfig.CertificateSource.bytes(try $0.der, format: .der) }
  guard let identity else { return .tls { $0.trustRoots = .certificates(sources) } }
  return .mTLS(
    certificateChain: try ([identity] + others).map { .bytes(try $0.der, format: .der) },
    privateKey: .bytes(Array(try identity.keyPEM.utf8), format: .pem)
  ) { $0.trustRoots = .certificates(sources) }
}
