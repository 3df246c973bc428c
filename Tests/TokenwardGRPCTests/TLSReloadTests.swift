// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import GRPCCore
internal import SwiftProtobuf
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit

@Suite("A certificate that is renewed while calls run", .serialized, .timeLimit(.minutes(1)))
struct TLSReloadTests {
  @Test("is shown in new connections; no call fails, and none is cut", arguments: [false, true])
  func server(isMutual: Bool) async throws {
    // A client that trusts one of two authorities sees which certificate it is shown.
    let (old, new) = (try Issued.root("Old"), try Issued.root("New"))
    let owner = try old.issue()
    let folder = try TLSFolder.with(try old.issue(), roots: [old])
    let identity = try folder.identity()
    let security: GuardedTransportSecurity =
      isMutual
      ? try .mTLS(identity: identity, clientRoots: try folder.trustRoots())
      : try .tls(identity: identity)
    try await TLSServer.with(security) { server in
      let seesOld = try plainClient(roots: [old], identity: isMutual ? owner : nil)
      let seesNew = try plainClient(roots: [new], identity: isMutual ? owner : nil)
      try await server.call(seesOld)
      await server.expectNoConnection(seesNew)
      try await server.withClient(seesOld) { orders in
        let events = Shared(0)
        try await orders.watch(
          .with { $0.intervalMilliseconds = 1 },
          metadata: ["authorization": "Bearer good"]
        ) { response in
          for try await event in response.messages {
            events.update { $0 += 1 }
            if event.sequence == 20 {
              try folder.write(try new.issue())
              #expect(identity.reload())
            }
            // New connections, and calls over the open one, while the stream goes on.
            if event.sequence % 10 == 0 {
              #expect(try await orders.requester() == "alice")
              try await server.call(event.sequence < 20 ? seesOld : seesNew)
            }
            if event.sequence == 100 { break }
          }
        }
        #expect(events.value == 100)
        #expect(try await orders.requester() == "alice")
      }
      await server.expectNoConnection(seesOld)
      #expect(server.observer.reasons == [])
    }
  }

  @Test("stays as it was while the new one is only half there")
  func halfWritten() async throws {
    let (old, new) = (try Issued.root("Old"), try Issued.root("New"))
    let folder = try TLSFolder.with(try old.issue())
    let identity = try folder.identity()
    try await TLSServer.with(try .tls(identity: identity)) { server in
      let renewed = try new.issue()
      try folder.write(renewed.pem, to: folder.chain)
      #expect(!identity.reload())
      try await server.call(try plainClient(roots: [old]))
      try folder.write(renewed.keyPEM, to: folder.key)
      #expect(identity.reload())
      try await server.call(try plainClient(roots: [new]))
    }
  }

  @Test("of a client is shown in its new connections, and the token bound to it follows")
  func client() async throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try root.issue(), roots: [root])
    let security = try GuardedTransportSecurity.mTLS(
      identity: try folder.identity(),
      clientRoots: try folder.trustRoots()
    )
    let (first, second) = (try root.issue(), try root.issue())
    let mine = try TLSFolder.with(first, roots: [root])
    let identity = try mine.identity()
    let client = try TLSServer.ClientSecurity.tls(
      roots: try mine.trustRoots(),
      identity: identity
    )
    let bound = TokenTable.standard(certificate: try second.thumbprint)
    try await TLSServer.with(security, verifier: bound) { server in
      let error = await #expect(throws: RPCError.self) {
        try await server.call(client, token: "bound")
      }
      #expect(error?.code == .unauthenticated)
      #expect(server.observer.reasons == [.bindingMismatch])
      try mine.write(second)
      #expect(identity.reload())
      #expect(try await server.call(client, token: "bound") == "bound")
    }
  }

  private func expectMismatch(_ server: TLSServer, _ client: TLSServer.ClientSecurity) async {
    server.observer.reset()
    let error = await #expect(throws: RPCError.self) {
      try await server.call(client, token: "bound")
    }
    #expect(error?.code == .unauthenticated)
    #expect(server.observer.reasons == [.bindingMismatch])
  }

  @Test("does not change who may use a token that is bound to a client's certificate")
  func boundToken() async throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try root.issue(), roots: [root])
    let (identity, roots) = (try folder.identity(), try folder.trustRoots())
    let (owner, thief) = (try root.issue(), try root.issue())
    let bound = TokenTable.standard(certificate: try owner.thumbprint)
    let mutual = try GuardedTransportSecurity.mTLS(identity: identity, clientRoots: roots)
    try await TLSServer.with(mutual, verifier: bound) { server in
      for _ in 0 ..< 2 {
        let owners = try plainClient(roots: [root], identity: owner)
        #expect(try await server.call(owners, token: "bound") == "bound")
        await self.expectMismatch(server, try plainClient(roots: [root], identity: thief))
        // No certificate, no connection.
        await server.expectNoConnection(try plainClient(roots: [root]))
        try folder.write(try root.issue())
        #expect(identity.reload())
        #expect(roots.reload())
      }
    }
    // A server that asks for no certificate knows of none, and the token is refused.
    try await TLSServer.with(try .tls(identity: identity), verifier: bound) { server in
      await self.expectMismatch(server, try plainClient(roots: [root], identity: owner))
      await self.expectMismatch(server, try plainClient(roots: [root]))
    }
  }
}
