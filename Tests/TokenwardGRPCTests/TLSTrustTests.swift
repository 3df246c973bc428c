// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import NIOCore
internal import SwiftASN1
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit
internal import X509

@Suite("Whom the ends of a connection trust", .serialized, .timeLimit(.minutes(1)))
struct TLSTrustTests {
  /// A mutual server, and what a client needs to reach it.
  private func withMutualServer(
    clientRoots: [Issued],
    _ body: @Sendable (TLSServer, TLSFolder, ReloadingTrustRoots, Issued) async throws -> Void
  ) async throws {
    let root = try Issued.root("Servers")
    let folder = try TLSFolder.with(try root.issue(), roots: clientRoots)
    let roots = try folder.trustRoots()
    let security = try GuardedTransportSecurity.mTLS(
      identity: try folder.identity(),
      clientRoots: roots
    )
    try await TLSServer.with(security) { server in try await body(server, folder, roots, root) }
  }

  @Test("an authority taken out of the file vouches for nobody, one put in does")
  func serverRoots() async throws {
    let (old, new) = (try Issued.root("Old"), try Issued.root("New"))
    let (before, after) = (try old.issue(), try new.issue())
    try await self.withMutualServer(clientRoots: [old]) { server, folder, roots, root in
      let oldClient = try plainClient(roots: [root], identity: before)
      let newClient = try plainClient(roots: [root], identity: after)
      try await server.withClient(oldClient) { open in
        #expect(try await open.requester() == "alice")
        await server.expectNoConnection(newClient)
        try folder.write(roots: [old, new])
        #expect(roots.reload())
        try await server.call(oldClient)
        try await server.call(newClient)
        // What cannot be used changes nothing.
        try folder.write("", to: folder.roots)
        #expect(!roots.reload())
        try await server.call(oldClient)
        try folder.write(roots: [new])
        #expect(roots.reload())
        await server.expectNoConnection(oldClient)
        try await server.call(newClient)
        // A connection that is open goes on until its age.
        #expect(try await open.requester() == "alice")
      }
    }
  }

  @Test("a client is let in with a certificate that is for clients, valid and signed as it must be")
  func clientCertificates() async throws {
    let root = try Issued.root()
    func form(_ change: (inout Issued.Form) -> Void) throws -> Issued {
      try root.issue(Issued.Form(), change)
    }
    let notAuthority = try root.issue()
    let good = [
      try form { $0.purposes = [.clientAuth] }, try form { $0.purposes = nil },
      try form { $0.names = [] },
    ]
    let bad = [
      try form { $0.purposes = [.serverAuth] }, try form { $0.purposes = [.codeSigning] },
      try form { $0.to = UnixTime(seconds: 1_600_000_000) },
      try form { $0.from = UnixTime(seconds: 2_200_000_000) },
      try form { $0.unknownCritical = true },
      try notAuthority.issue(), try Issued.root().issue(),
    ]
    try await self.withMutualServer(clientRoots: [root]) { server, _, _, servers in
      for identity in good {
        try await server.call(try plainClient(roots: [servers], identity: identity))
      }
      for identity in bad {
        await server.expectNoConnection(try plainClient(roots: [servers], identity: identity))
      }
      await server.expectNoConnection(try plainClient(roots: [servers]))
      await server.expectNoConnection(.plaintext)
    }
  }

  @Test("a client is let in through authorities that may vouch for it")
  func clientAuthorities() async throws {
    let root = try Issued.root()
    func chain(_ change: (inout Issued.Form) -> Void = { _ in }) throws -> [Issued] {
      let authority = try root.issue(.authority, change)
      return [try authority.issue(), authority]
    }
    func longChain(allowed length: Int) throws -> [Issued] {
      let first = try root.issue(.authority) { $0.pathLength = length }
      let second = try first.issue(.authority) { $0.subject = "second" }
      return [try second.issue(), second, first]
    }
    let permitted = NameConstraints(permittedDNSDomains: ["localhost"])
    let excluded = NameConstraints(excludedDNSDomains: ["localhost"])
    let good = [
      try chain(), try chain { $0.usage = nil }, try chain { $0.purposes = [.clientAuth] },
      try chain { $0.constraints = permitted }, try longChain(allowed: 1),
    ]
    let bad = [
      try chain { $0.isAuthority = false }, try chain { $0.version = .v1 },
      try chain { $0.usage = KeyUsage(digitalSignature: true) },
      try chain { $0.purposes = [.serverAuth] }, try chain { $0.constraints = excluded },
      try chain { $0.to = UnixTime(seconds: 1_600_000_000) },
      try chain { $0.unknownCritical = true },
      try longChain(allowed: 0), Array(try chain().prefix(1)),
    ]
    try await self.withMutualServer(clientRoots: [root]) { server, _, _, servers in
      for (chains, isGood) in [(good, true), (bad, false)] {
        for chain in chains {
          let client = try plainClient(
            roots: [servers],
            identity: chain.first,
            followedBy: Array(chain.dropFirst())
          )
          if isGood {
            try await server.call(client)
          } else {
            await server.expectNoConnection(client)
          }
        }
      }
    }
  }

  @Test("a caller's own callback for connections is still called, after the certificate is chosen")
  func callback() async throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try root.issue(), roots: [root])
    let security = try GuardedTransportSecurity.mTLS(
      identity: try folder.identity(),
      clientRoots: try folder.trustRoots()
    )
    let accepted = Shared(0)
    let config = HTTP2ServerTransport.Posix.Config.hardened { config in
      config.channelDebuggingCallbacks.onAcceptTCPConnection = { channel in
        accepted.update { $0 += 1 }
        return channel.eventLoop.makeSucceededVoidFuture()
      }
    }
    try await TLSServer.with(security, config: config) { server in
      try await server.call(try plainClient(roots: [root], identity: try root.issue()))
      #expect(accepted.value == 1)
      await server.expectNoConnection(
        try plainClient(roots: [root], identity: try Issued.root().issue())
      )
    }
  }

  /// A server with this certificate, and a client that follows a file of roots.
  private func withFollowingClient(
    _ certificate: Issued,
    roots: [Issued],
    serverName: String? = nil,
    clock: ManualClock = ManualClock(),
    _ body:
      @Sendable (TLSServer, TLSServer.ClientSecurity, TLSFolder, ReloadingTrustRoots) async throws
      -> Void
  ) async throws {
    let folder = try TLSFolder.with(certificate)
    // The server's clock would not let it start with an expired certificate.
    let identity = try folder.identity(time: ManualClock(UnixTime(seconds: 1_590_000_000)))
    let mine = try TLSFolder.with(roots: roots)
    let trusted = try mine.trustRoots()
    let client = try TLSServer.ClientSecurity.tls(
      roots: trusted,
      serverName: serverName,
      time: clock
    )
    try await TLSServer.with(try .tls(identity: identity)) { server in
      try await body(server, client, mine, trusted)
    }
  }

  @Test("a client follows its file of roots too")
  func clientRoots() async throws {
    let (old, new) = (try Issued.root("Old"), try Issued.root("New"))
    try await self.withFollowingClient(try new.issue(), roots: [old]) {
      server,
      client,
      mine,
      roots in
      await server.expectNoConnection(client)
      try mine.write(roots: [new])
      #expect(roots.reload())
      try await server.withClient(client) { open in
        #expect(try await open.requester() == "alice")
        try mine.write("no PEM", to: mine.roots)
        #expect(!roots.reload())
        try await server.call(client)
        try mine.write(roots: [old])
        #expect(roots.reload())
        await server.expectNoConnection(client)
        #expect(try await open.requester() == "alice")
      }
    }
  }

  @Test("a client refuses a server by another name or address")
  func hostName() async throws {
    let root = try Issued.root()
    let names: [GeneralName] = [.dnsName("orders.example"), .dnsName("*.wild.example")]
    try await self.withFollowingClient(
      try root.issue { $0.names = names },
      roots: [root]
    ) { server, client, _, _ in
      for host in ["orders.example", "a.wild.example", "ORDERS.example"] {
        try await server.call(client, host: host)
      }
      for host in ["other.example", "orders.example.evil", "a.b.wild.example", "wild.example"] {
        await server.expectNoConnection(client, host: host)
      }
      await server.expectNoConnection(client, host: nil)
    }
    let address = GeneralName.ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))
    let other = GeneralName.ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 2]))
    try await self.withFollowingClient(
      try root.issue { $0.names = [address] },
      roots: [root],
      serverName: "127.0.0.1"
    ) { server, client, _, _ in try await server.call(client, host: nil) }
    try await self.withFollowingClient(
      try root.issue { $0.names = [other] },
      roots: [root],
      serverName: "127.0.0.2"
    ) { server, client, _, _ in await server.expectNoConnection(client, host: nil) }
    // A common name is no name of a host.
    try await self.withFollowingClient(
      try root.issue {
        $0.subject = "localhost"
        $0.names = []
      },
      roots: [root]
    ) { server, client, _, _ in await server.expectNoConnection(client) }
  }

  @Test("a client refuses a server whose certificate has expired, by its clock or by the machine's")
  func expired() async throws {
    let root = try Issued.root()
    try await self.withFollowingClient(
      try root.issue { $0.to = UnixTime(seconds: 1_600_000_000) },
      roots: [root],
      clock: ManualClock(UnixTime(seconds: 1_590_000_000))
    ) { server, client, _, _ in await server.expectNoConnection(client) }
    let clock = ManualClock()
    try await self.withFollowingClient(
      try root.issue { $0.to = clock.moment.unix.adding(seconds: 5) },
      roots: [root],
      clock: clock
    ) { server, client, _, _ in
      try await server.call(client)
      clock.advance(by: 6)
      await server.expectNoConnection(client)
    }
  }

  @Test("a client refuses a server with the certificate of a client")
  func purpose() async throws {
    let root = try Issued.root()
    for (purposes, isGood) in [([ExtendedKeyUsage.Usage.serverAuth], true), ([.clientAuth], false)]
    {
      try await self.withFollowingClient(
        try root.issue { $0.purposes = purposes },
        roots: [root]
      ) { server, client, _, _ in
        if isGood {
          try await server.call(client)
        } else {
          await server.expectNoConnection(client)
        }
      }
    }
  }
}
