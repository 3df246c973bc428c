// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import Foundation
internal import GRPCCore
internal import GRPCInProcessTransport
internal import SwiftProtobuf
internal import Synchronization
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardTestKit

@Suite("The client's credential", .timeLimit(.minutes(1)))
struct CredentialTests {
  struct Fixed: TokenSource {
    let text: String
    func token() async throws -> BearerToken { BearerToken(self.text) }
  }

  struct Broken: TokenSource {
    let error: any Error & Sendable
    func token() async throws -> BearerToken { throw self.error }
  }

  struct Leaky: Error, CustomStringConvertible { var description: String { "the-secret-token" } }

  /// What `intercept` did: the `authorization` values it sent, or its error.
  private func send(
    _ source: any TokenSource,
    metadata: Metadata = [:]
  ) async throws -> (sent: [Metadata.Value]?, error: RPCError?) {
    let interceptor = try CredentialInterceptor(source: source, channel: .tls)
    let sent = Mutex<[Metadata.Value]?>(nil)
    do {
      let request = StreamingClientRequest<String>(metadata: metadata) { _ in }
      _ = try await interceptor.intercept(
        request: request,
        context: ClientContext(
          descriptor: MethodDescriptor(fullyQualifiedService: "a.A", method: "One"),
          remotePeer: "",
          localPeer: ""
        )
      ) { (request: StreamingClientRequest<String>, _) -> StreamingClientResponse<String> in
        sent.withLock { $0 = Array(request.metadata["authorization"]) }
        return StreamingClientResponse(
          metadata: [:],
          bodyParts: RPCAsyncSequence(wrapping: AsyncThrowingStream { $0.finish() })
        )
      }
      return (sent.withLock { $0 }, nil)
    } catch let error as RPCError {
      return (sent.withLock { $0 }, error)
    }
  }

  @Test("is sent with the call")
  func sent() async throws {
    let (sent, error) = try await self.send(Fixed(text: "a.b-c_d~e+f/g=="))
    #expect(sent == [.string("Bearer a.b-c_d~e+f/g==")])
    #expect(error == nil)
    let longest = String(repeating: "a", count: BearerToken.maximumLength)
    #expect(try await self.send(Fixed(text: longest)).error == nil)
  }

  @Test(
    "is not sent if it is no token",
    arguments: [
      "", "a b", "a\r\nx-admin: 1", "a\n", "\u{0}", "a,b", "ä", "=", "a=b", " a", "a ",
      String(repeating: "a", count: BearerToken.maximumLength + 1),
    ]
  )
  func unusable(_ text: String) async throws {
    let (sent, error) = try await self.send(Fixed(text: text))
    #expect(sent == nil)
    #expect(error?.code == .unauthenticated)
    if text.utf8.count > 1 { #expect("\(String(describing: error))".contains(text) == false) }
  }

  @Test("is not sent when the call is cancelled meanwhile, which is no fault of the source")
  func cancelled() async throws {
    let (sent, error) = try await self.send(Broken(error: CancellationError()))
    #expect(sent == nil)
    #expect(error?.code == .cancelled)
  }

  @Test("is not sent beside one that the caller set")
  func conflicting() async throws {
    for name in ["authorization", "Authorization", "authorization-bin"] {
      var metadata = Metadata()
      metadata.addString("Bearer mine", forKey: name)
      let (sent, error) = try await self.send(Fixed(text: "token"), metadata: metadata)
      #expect(sent == nil)
      #expect(error?.code == .invalidArgument)
    }
  }

  @Test("is not sent if its source fails, and other people's errors are not repeated")
  func failingSource() async throws {
    let (sent, error) = try await self.send(Broken(error: Leaky()))
    #expect(sent == nil)
    #expect(error?.code == .unavailable)
    #expect(error?.cause == nil)
    #expect("\(String(describing: error))".contains("secret") == false)
    let ours = TokenSourceError(problem: "no file", hint: "make one")
    let (_, second) = try await self.send(Broken(error: ours))
    #expect(second?.code == .unavailable)
    #expect(second?.cause as? TokenSourceError == ours)
  }

  @Test(
    "opens a guarded server, and what it denies can be read",
    arguments: [("good", nil), ("poor", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")] as [(String, String?)]
  )
  func guarded(_ token: String, _ reason: String?) async throws {
    let transport = InProcessTransport()
    let guarded = try GuardedServerTransport(
      wrapping: transport.server,
      guardedBy: RequestGuard(
        policy: try MethodPolicy([Allow("tokenward.example.v1.Orders/*", .scopes(["read"]))]),
        verifier: TokenTable.standard(),
        time: ManualClock()
      ),
      security: .plaintext(because: "client and server are one process")
    )
    let credential = try CredentialInterceptor(
      source: Fixed(text: token),
      channel: .plaintext(because: "client and server are one process")
    )
    try await withGRPCServer(transport: guarded, services: [ExampleOrders()]) { _ in
      try await withGRPCClient(
        transport: transport.client,
        interceptors: [credential]
      ) { client in
        let orders = Tokenward_Example_V1_Orders.Client(wrapping: client)
        do {
          let order = try await orders.get(.with { $0.id = "7" })
          #expect(reason == nil)
          #expect(order.requestedBy == "alice")
          let callers = try await orders.watch(.with { $0.count = 3 }) { response in
            try await response.messages.reduce(into: []) { $0.append($1.requestedBy) }
          }
          #expect(callers == ["alice", "alice", "alice"])
          let notes = try await orders.chat { writer in
            try await writer.write(.with { $0.text = "hello" })
          } onResponse: { response in
            try await response.messages.reduce(into: []) { $0.append("\($1.from): \($1.text)") }
          }
          #expect(notes == ["alice: hello"])
        } catch let error as RPCError {
          #expect(error.code == .permissionDenied)
          let details = try #require(DenialDetails(error))
          #expect(details.reason == reason)
          #expect(details.domain == "tokenward.dev")
          #expect(details.retryAfter == nil)
        }
      }
    }
  }
}
