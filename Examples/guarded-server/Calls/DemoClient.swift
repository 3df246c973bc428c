// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import GRPCProtobuf
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardGRPC

/// Makes the calls of the demonstration, each over a TLS connection of its own.
struct DemoClient {
  let host: String
  let port: Int
  /// The certificate of the local authority that the server's certificate has to come from.
  let authorityPath: String

  /// What one call came to.
  struct Outcome {
    var answer: Answer
    var complaint: String?
  }

  func make(_ call: DemoCall) async throws -> Outcome {
    let transport = try HTTP2ClientTransport.Posix(
      target: .dns(host: self.host, port: self.port),
      transportSecurity: .tls { tls in
        tls.trustRoots = .certificates([.file(path: self.authorityPath, format: .pem)])
      }
    )
    return try await withGRPCClient(
      transport: transport,
      interceptors: try Self.interceptors(call.credential)
    ) { client in
      await Self.run(call.target, client)
    }
  }

  /// The one line that presents a token with every call.
  private static func interceptors(
    _ credential: DemoCall.Credential
  ) throws -> [any ClientInterceptor] {
    switch credential {
    case .none: []
    case .token(let token): [try CredentialInterceptor(source: GivenToken(token), channel: .tls)]
    case .file(let path):
      [
        try CredentialInterceptor(source: FileTokenSource(path: path), channel: .tls)
      ]
    }
  }

  private static func run(
    _ target: DemoCall.Target,
    _ client: GRPCClient<HTTP2ClientTransport.Posix>
  ) async -> Outcome {
    let orders = Tokenward_Example_V1_Orders.Client(wrapping: client)
    do {
      let complaint: String?
      switch target {
      case .order:
        let order = try await orders.get(.with { $0.id = "o-1" })
        complaint = order.requestedBy.isEmpty ? "the handler does not know the caller" : nil
      case .adjustment:
        let inventory = Tokenward_Example_V1_Inventory.Client(wrapping: client)
        _ = try await inventory.adjust(.with { $0.article = "tea" })
        complaint = nil
      case .unknownMethod:
        try await Self.callUnknownMethod(client)
        complaint = nil
      case .events(let count):
        let received = try await Self.events(orders, count).count
        complaint = received == count ? nil : "\(received) of \(count) events came"
      case .chat(let texts):
        let answers = try await Self.chat(orders, texts)
        complaint = answers == texts ? nil : "the answers are not the notes"
      case .eventsUntilExpiry(let expiry):
        return await Self.watch(orders, until: expiry)
      }
      return Outcome(answer: .ok, complaint: complaint)
    } catch {
      return Outcome(answer: Answer(error), complaint: nil)
    }
  }

  private static func callUnknownMethod(
    _ client: GRPCClient<HTTP2ClientTransport.Posix>
  ) async throws {
    _ = try await client.unary(
      request: ClientRequest(message: Tokenward_Example_V1_GetOrderRequest()),
      descriptor: MethodDescriptor(
        fullyQualifiedService: "tokenward.example.v1.Orders",
        method: "DropEverything"
      ),
      serializer: ProtobufSerializer<Tokenward_Example_V1_GetOrderRequest>(),
      deserializer: ProtobufDeserializer<Tokenward_Example_V1_Order>(),
      options: .defaults
    ) { response in try response.message }
  }

  private static func events(
    _ orders: Tokenward_Example_V1_Orders.Client<HTTP2ClientTransport.Posix>,
    _ count: UInt32
  ) async throws -> [UInt64] {
    let request = Tokenward_Example_V1_WatchOrderRequest.with {
      $0.id = "o-1"
      $0.count = count
    }
    return try await orders.watch(request) { response in
      try await response.messages.reduce(into: []) { $0.append($1.sequence) }
    }
  }

  private static func chat(
    _ orders: Tokenward_Example_V1_Orders.Client<HTTP2ClientTransport.Posix>,
    _ texts: [String]
  ) async throws -> [String] {
    try await orders.chat { writer in
      for text in texts { try await writer.write(.with { $0.text = text }) }
    } onResponse: { response in
      try await response.messages.reduce(into: []) { $0.append($1.text) }
    }
  }
}

/// A token that a test made. A client in production has a file or a vault instead.
private struct GivenToken: TokenSource {
  private let token: BearerToken

  init(_ token: String) { self.token = BearerToken(bytes: Array(token.utf8)) }

  func token() async throws -> BearerToken { self.token }
}
