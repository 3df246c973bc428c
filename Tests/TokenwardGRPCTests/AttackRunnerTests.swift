// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Testing
internal import TokenwardAttacks
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit

/// The attack table against a live guarded server, as far as an ordinary gRPC client can send it.
/// The rest goes through `Tests/EndToEnd`, in frames of its own.
@Suite("attack table over HTTP/2", .timeLimit(.minutes(5)))
struct AttackRunnerTests {
  /// What one variant sends.
  private struct Exchange {
    let place: String
    let request: AttackRequest
    let expectation: AttackExpectation
  }

  @Test("every call that a client can send is answered as its row says")
  func table() async throws {
    let now = try #require(SystemTime().now()).unix
    let bench = try AttackBench(now: now)
    let (exchanges, skipped) = try Self.exchanges(of: bench)
    let methods = bench.methods
    let service = TestService(
      Dictionary(
        uniqueKeysWithValues: [
          methods.scoped, methods.authenticated, methods.roled, methods.forEndUsers,
          methods.anonymous,
        ].map { ($0, TestService.echo) }
      )
    )
    let server = GRPCServer(
      transport: try .http2NIOPosix(
        guardedBy: RequestGuard(
          policy: try bench.policy(),
          verifier: try JWTVerifier(issuers: bench.trustedIssuers())
        ),
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: .plaintext(because: "loopback of one test process")
      ),
      services: [service]
    )
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await server.serve() }
      let port = try #require(try await server.listeningAddress?.ipv4?.port)
      try await withGRPCClient(
        transport: try .http2NIOPosix(
          target: .ipv4(address: "127.0.0.1", port: port),
          transportSecurity: .plaintext
        )
      ) { client in
        for exchange in exchanges {
          let handled = service.handled
          await Self.run(exchange, client)
          let isAllowed = exchange.expectation == .allow
          #expect(service.handled - handled == (isAllowed ? 1 : 0), "\(exchange.place): handler")
        }
      }
      server.beginGracefulShutdown()
    }
    let denied = exchanges.filter { $0.expectation != .allow }.count
    #expect(denied > 300)
    #expect(exchanges.count - denied > 300)
    #expect(service.deserialized == service.handled)
    print("attack table over HTTP/2: \(denied) attacks, \(exchanges.count - denied) twins;")
    print("  \(skipped) variants need frames of their own, a clock or a certificate")
    for row in AttackTable.notApplicable {
      print("  left out: \(row.id), \(row.part): \(row.reason)")
    }
  }

  private static func exchanges(of bench: AttackBench) throws -> ([Exchange], skipped: Int) {
    var exchanges: [Exchange] = []
    var skipped = 0
    for attack in AttackTable.attacks {
      for variant in attack.variants {
        guard case .calls(let build) = variant.runner else { continue }
        let steps = try build(bench)
        // A sequence is sent whole or not at all: its steps depend on each other.
        guard steps.allSatisfy({ $0.request?.carriage == .client }) else {
          skipped += 1
          continue
        }
        for (index, step) in steps.enumerated() {
          guard case .send(let request, let expectation) = step.action else { continue }
          exchanges.append(
            Exchange(
              place: "\(attack.id), \(variant.name), step \(index)",
              request: request,
              expectation: expectation
            )
          )
        }
      }
    }
    return (exchanges, skipped)
  }

  private static func run(
    _ exchange: Exchange,
    _ client: GRPCClient<HTTP2ClientTransport.Posix>
  ) async {
    let name = exchange.request.path.dropFirst()
    let slash = name.firstIndex(of: "/") ?? name.endIndex
    var metadata = Metadata()
    for header in exchange.request.headers {
      if header.name.utf8.suffix(4).elementsEqual("-bin".utf8) {
        metadata.addBinary(Array(header.value.utf8), forKey: header.name)
      } else {
        metadata.addString(header.value, forKey: header.name)
      }
    }
    var failure: RPCError?
    do {
      let answer = try await client.unary(
        request: ClientRequest(message: "ping", metadata: metadata),
        descriptor: MethodDescriptor(
          fullyQualifiedService: String(name[..<slash]),
          method: String(name[slash...].dropFirst())
        ),
        serializer: TextSerializer(),
        deserializer: TextDeserializer(),
        options: .defaults
      ) { response in
        try response.message
      }
      #expect(answer == "ping", "\(exchange.place)")
    } catch let error as RPCError {
      failure = error
    } catch {
      Issue.record("\(exchange.place): \(error)")
    }
    switch exchange.expectation {
    case .allow:
      #expect(failure == nil, "\(exchange.place)")
    case .deny(let reason):
      #expect(failure?.code.rawValue == exchange.expectation.grpcStatus, "\(exchange.place)")
      #expect(failure?.message == reason.response.message, "\(exchange.place)")
      let details = failure.flatMap { DenialDetails($0) }
      #expect(details?.reason == reason.response.errorInfoReason, "\(exchange.place)")
    }
  }
}
