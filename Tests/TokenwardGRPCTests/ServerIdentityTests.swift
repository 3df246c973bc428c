// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ExampleProtos
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import NIOCore
internal import SwiftASN1
internal import SwiftProtobuf
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit
internal import X509

/// Who gets a token: whoever leads a name to himself can have a certificate for his address.
@Suite("The server that gets a token", .serialized, .timeLimit(.minutes(1)))
struct ServerIdentityTests {
  static let name = GeneralName.dnsName("localhost")

  static func address(_ bytes: [UInt8]) -> GeneralName {
    .ipAddress(ASN1OctetString(contentBytes: ArraySlice(bytes)))
  }

  static let loopback = Self.address([127, 0, 0, 1])

  /// What a client asks for.
  enum Asked: CaseIterable {
    case name, nameAtAddress, address

    var host: String { self == .address ? "127.0.0.1" : "localhost" }
    var authority: String? { self == .nameAtAddress ? "localhost" : nil }

    func target(_ port: Int) -> any ResolvableTarget {
      self == .name
        ? .dns(host: "localhost", port: port) : .ipv4(address: "127.0.0.1", port: port)
    }
  }

  /// How a client came by its roots.
  enum Kind: CaseIterable {
    case fixed, renewed, mutual

    func security(_ root: Issued, _ folder: TLSFolder) throws -> CredentialedTransportSecurity {
      let roots = TLSConfig.TrustRootsSource.certificates([
        .bytes(try root.der, format: .der)
      ])
      switch self {
      case .fixed: return .tls(trustRoots: roots)
      case .renewed: return try .tls(roots: try folder.trustRoots(), time: ManualClock())
      case .mutual:
        let own = try root.issue()
        return .mTLS(
          certificateChain: [.bytes(try own.der, format: .der)],
          privateKey: .bytes(Array(try own.keyPEM.utf8), format: .pem),
          trustRoots: roots
        )
      }
    }
  }

  /// A server with this certificate.
  private func withServer(
    _ certificate: Issued,
    _ body: @Sendable (TLSServer) async throws -> Void
  ) async throws {
    let folder = try TLSFolder.with(certificate)
    try await TLSServer.with(try .tls(identity: try folder.identity()), body)
  }

  /// One call over a connection of its own.
  /// - Returns: how often a token was asked for, and whether the call came back.
  private func call(
    _ server: TLSServer,
    _ asked: Asked,
    _ security: CredentialedTransportSecurity,
    configure: (inout HTTP2ClientTransport.Posix.Config) -> Void = { _ in }
  ) async throws -> (tokens: Int, isAnswered: Bool) {
    let source = StaticTokenSource("good")
    let transport: CredentialedClientTransport<HTTP2ClientTransport.Posix> = try .http2NIOPosix(
      target: asked.target(server.port),
      presenting: source,
      boundTo: [try BoundHost(asked.host, port: server.port)],
      transportSecurity: security,
      config: .defaults {
        $0.http2.authority = asked.authority
        configure(&$0)
      }
    )
    let isAnswered = try await withGRPCClient(transport: transport) { client in
      let orders = Tokenward_Example_V1_Orders.Client(wrapping: client)
      do {
        return try await orders.get(.with { $0.id = "7" }).requestedBy == "alice"
      } catch let error as RPCError {
        #expect(error.code == .unavailable)
        return false
      }
    }
    return (source.asked, isAnswered)
  }

  /// Whether the server gets the token of a client that asks so.
  private func getsToken(
    _ asked: Asked,
    names: [GeneralName],
    commonName: String = "server",
    _ kind: Kind = .fixed
  ) async throws -> Bool {
    let root = try Issued.root()
    let folder = try TLSFolder.with(roots: [root])
    let certificate = try root.issue {
      $0.names = names
      $0.subject = commonName
    }
    let got = Shared(false)
    try await self.withServer(certificate) { server in
      let call = try await self.call(server, asked, try kind.security(root, folder))
      // What the client believes is what the server saw.
      #expect(call.tokens == (call.isAnswered ? 1 : 0))
      #expect(server.observer.records.count == (call.isAnswered ? 1 : 0))
      got.update { $0 = call.isAnswered }
    }
    return got.value
  }

  @Test("has the name that was asked for among its names", arguments: Kind.allCases)
  func name(_ kind: Kind) async throws {
    for asked in [Asked.name, .nameAtAddress] {
      #expect(try await self.getsToken(asked, names: [Self.name], kind))
      #expect(try await self.getsToken(asked, names: [Self.loopback, Self.name], kind))
      #expect(try await !self.getsToken(asked, names: [Self.loopback], kind))
      let other = GeneralName.dnsName("evil.example")
      #expect(try await !self.getsToken(asked, names: [other, Self.loopback], kind))
      #expect(try await !self.getsToken(asked, names: [other], kind))
    }
  }

  @Test("has the address that was asked for among its names", arguments: Kind.allCases)
  func address(_ kind: Kind) async throws {
    #expect(try await self.getsToken(.address, names: [Self.loopback], kind))
    #expect(try await self.getsToken(.address, names: [Self.name, Self.loopback], kind))
    let others = [Self.name, .dnsName("127.0.0.1"), Self.address([127, 0, 0, 2])]
    #expect(try await !self.getsToken(.address, names: others, kind))
  }

  @Test("is not one that has the name as a common name only", arguments: Kind.allCases)
  func commonName(_ kind: Kind) async throws {
    #expect(try await !self.getsToken(.name, names: [], commonName: "localhost", kind))
    #expect(try await !self.getsToken(.address, names: [], commonName: "127.0.0.1", kind))
  }

  @Test("is not one that the TLS library alone would take for it")
  func library() async throws {
    let root = try Issued.root()
    for names in [[Self.loopback], []] {
      let certificate = try root.issue {
        $0.names = names
        $0.subject = "localhost"
      }
      try await self.withServer(certificate) { server in
        try await server.call(try plainClient(roots: [root]))
      }
      #expect(try await !self.getsToken(.name, names: names, commonName: "localhost"))
    }
  }

  @Test("is vouched for by the roots of the moment, and still has to have the name")
  func renewedRoots() async throws {
    let (old, new) = (try Issued.root("Old"), try Issued.root("New"))
    let folder = try TLSFolder.with(roots: [old])
    let roots = try folder.trustRoots()
    let clients = try TLSFolder.with(try old.issue())
    let security = try CredentialedTransportSecurity.tls(
      roots: roots,
      identity: try clients.identity(),
      time: ManualClock()
    )
    try await self.withServer(try old.issue()) { server in
      #expect(try await self.call(server, .name, security).isAnswered)
      try folder.write(roots: [new])
      #expect(roots.reload())
      #expect(try await self.call(server, .name, security) == (0, false))
      #expect(server.observer.records.count == 1)
    }
    for (names, isGood) in [([Self.name], true), ([Self.loopback], false)] {
      try await self.withServer(try new.issue { $0.names = names }) { server in
        let call = try await self.call(server, .name, security)
        #expect(call.isAnswered == isGood)
      }
    }
    // The binding to hosts is looked at as with any other roots.
    #expect(throws: ConfigurationError.self) {
      let _: CredentialedClientTransport<HTTP2ClientTransport.Posix> = try .http2NIOPosix(
        target: .dns(host: "evil.example", port: 1),
        presenting: StaticTokenSource("good"),
        boundTo: [try BoundHost("localhost", port: 1)],
        transportSecurity: security
      )
    }
    #expect(throws: ConfigurationError.self) {
      // Over TLS a name stands for an address, and nothing else makes it one that is bound.
      let _: CredentialedClientTransport<HTTP2ClientTransport.Posix> = try .http2NIOPosix(
        target: .ipv4(address: "127.0.0.1", port: 1),
        presenting: StaticTokenSource("good"),
        boundTo: [try BoundHost("localhost", port: 1)],
        transportSecurity: security
      )
    }
  }

  @Test("has the name without the port that an authority states beside it")
  func authorityPort() async throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(roots: [root])
    for (names, isGood) in [([Self.name], true), ([Self.loopback], false)] {
      try await self.withServer(try root.issue { $0.names = names }) { server in
        let call = try await self.call(server, .name, try Kind.fixed.security(root, folder)) {
          $0.http2.authority = "LOCALHOST:\(server.port)"
        }
        #expect(call.isAnswered == isGood)
      }
    }
  }

  @Test("proves nothing over plaintext, for which its reason stands")
  func plaintext() async throws {
    try await TLSServer.with(.plaintext(because: "a test")) { server in
      let call = try await self.call(server, .name, .plaintext(because: "a test"))
      #expect(call == (1, true))
    }
  }

  @Test("sees the client's renewed certificate, with renewed roots")
  func renewedIdentity() async throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(try root.issue(), roots: [root])
    let mutual = try GuardedTransportSecurity.mTLS(
      identity: try folder.identity(),
      clientRoots: try folder.trustRoots()
    )
    let mine = try TLSFolder.with(try Issued.root("Other").issue())
    let identity = try mine.identity()
    let roots = try folder.trustRoots()
    let security = try CredentialedTransportSecurity.tls(
      roots: roots,
      identity: identity,
      time: ManualClock()
    )
    try await TLSServer.with(mutual) { server in
      #expect(try await self.call(server, .name, security) == (0, false))
      try mine.write(try root.issue())
      #expect(identity.reload())
      #expect(try await self.call(server, .name, security) == (1, true))
      let none = try CredentialedTransportSecurity.tls(roots: roots, time: ManualClock())
      #expect(try await self.call(server, .name, none) == (0, false))
    }
  }

  @Test("is looked at before a caller's own callback for connections, which is still called")
  func callback() async throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(roots: [root])
    let made = Shared(0)
    for (names, isGood) in [([Self.name], true), ([Self.loopback], false)] {
      made.update { $0 = 0 }
      try await self.withServer(try root.issue { $0.names = names }) { server in
        let call = try await self.call(server, .name, try Kind.fixed.security(root, folder)) {
          $0.channelDebuggingCallbacks.onCreateTCPConnection = { channel in
            made.update { $0 += 1 }
            return channel.eventLoop.makeSucceededVoidFuture()
          }
        }
        #expect(call.isAnswered == isGood)
        #expect(made.value > 0)
      }
    }
  }

  @Test("is told by what a client without a credential says, if its roots are renewed")
  func withoutCredential() async throws {
    let root = try Issued.root()
    let folder = try TLSFolder.with(roots: [root])
    let roots = try folder.trustRoots()
    func client(_ name: String?) throws -> TLSServer.ClientSecurity {
      try .tls(roots: roots, serverName: name, time: ManualClock())
    }
    // The names of the certificate; the name that is stated; what the target is; whether it is good.
    let cases: [([GeneralName], String?, String?, Bool)] = [
      ([Self.name], nil, "localhost", true),
      ([Self.name], "LocalHost", "localhost", true),
      ([Self.name], "other.example", "localhost", false),
      ([Self.loopback], nil, "localhost", false),
      ([Self.loopback], "localhost", "localhost", false),
      ([Self.name, Self.loopback], nil, "localhost", false),
      ([Self.name, Self.loopback], "localhost", "localhost", true),
      ([Self.loopback], nil, nil, false),
      ([Self.loopback], "127.0.0.1", nil, true),
      ([Self.loopback], "127.0.0.2", nil, false),
      ([Self.address([127, 0, 0, 2])], "127.0.0.1", nil, false),
      ([Self.loopback, Self.address([127, 0, 0, 2])], "127.0.0.2", nil, true),
      ([.dnsName("127.0.0.1"), Self.loopback], "localhost", nil, false),
    ]
    for (names, stated, host, isGood) in cases {
      let security = try client(stated)
      try await self.withServer(try root.issue { $0.names = names }) { server in
        if isGood {
          try await server.call(security, host: host)
        } else {
          await server.expectNoConnection(security, host: host)
        }
      }
    }
    for name in ["", "*.example", "a.example:443", "[::1]", "a:b", "e\u{212A}.example", ":"] {
      #expect(throws: ConfigurationError.self) { _ = try client(name) }
    }
    for name in ["::1", "2001:DB8::1", "A.Example"] { _ = try client(name) }
  }
}
