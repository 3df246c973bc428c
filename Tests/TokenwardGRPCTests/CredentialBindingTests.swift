// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Testing
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardGRPCHTTP2
internal import TokenwardTestKit

/// Where a credential may go (catalogue I13).
@Suite("The binding of a credential to hosts")
struct CredentialBindingTests {
  typealias Transport = CredentialedClientTransport<HTTP2ClientTransport.Posix>
  typealias TLS = HTTP2ClientTransport.Posix.TransportSecurity.TLS

  /// The paths of the problems; empty if the transport is made.
  private func problems(
    _ target: any ResolvableTarget = .dns(host: "orders.example.com", port: 8_443),
    boundTo hosts: [(String, Int)] = [("orders.example.com", 8_443)],
    security: CredentialedTransportSecurity = .tls,
    authority: String? = nil
  ) throws -> [String] {
    let bound = try hosts.map { try BoundHost($0.0, port: $0.1) }
    do throws(ConfigurationError) {
      let _: Transport = try .http2NIOPosix(
        target: target,
        presenting: StaticTokenSource("one"),
        boundTo: bound,
        transportSecurity: security,
        config: .defaults { $0.http2.authority = authority }
      )
      return []
    } catch {
      return error.problems.map(\.path)
    }
  }

  @Test("a target that is a bound host is accepted, in any letter case, and with the default port")
  func accepted() throws {
    #expect(try self.problems() == [])
    #expect(try self.problems(.dns(host: "Orders.Example.COM", port: 8_443)) == [])
    #expect(try self.problems(boundTo: [("ORDERS.example.com", 8_443)]) == [])
    #expect(try self.problems(boundTo: [("a.example", 1), ("orders.example.com", 8_443)]) == [])
    #expect(
      try self.problems(.dns(host: "a.example"), boundTo: [("a.example", 443)]) == []
    )
    #expect(
      try self.problems(.ipv4(address: "192.0.2.1", port: 1), boundTo: [("192.0.2.1", 1)]) == []
    )
    #expect(
      try self.problems(.ipv6(address: "2001:db8::1", port: 1), boundTo: [("2001:DB8::1", 1)])
        == []
    )
  }

  @Test(
    "any other target is refused",
    arguments: [
      ("evil.example", 8_443), ("orders.example.com", 443), ("orders.example.com.", 8_443),
      ("orders.example.com.evil.example", 8_443), ("sub.orders.example.com", 8_443),
      ("xorders.example.com", 8_443), ("example.com", 8_443), ("", 8_443),
      // U+212A is equal to K for Swift, and its lower case is k for a resolver.
      ("orders.e\u{212A}ample.com", 8_443), ("orders.exämple.com", 8_443),
      ("orders.example.com\u{0}", 8_443), ("127.0.0.1", 8_443),
    ]
  )
  func refused(_ host: String, _ port: Int) throws {
    #expect(try self.problems(.dns(host: host, port: port)) == ["client.target"])
  }

  @Test("every address of a target has to be bound, unless the server proves its name")
  func addresses() throws {
    let both = ResolvableTargets.IPv4(
      addresses: [.init(host: "192.0.2.1", port: 1), .init(host: "192.0.2.2", port: 1)]
    )
    #expect(try self.problems(both, boundTo: [("192.0.2.1", 1)]) == ["client.target"])
    #expect(try self.problems(both, boundTo: [("192.0.2.1", 1), ("192.0.2.2", 1)]) == [])
    let named = [("orders.example.com", 1)]
    #expect(try self.problems(both, boundTo: named, authority: "orders.example.com") == [])
    #expect(try self.problems(both, boundTo: named, authority: "orders.example.com:1") == [])
    #expect(
      try self.problems(both, boundTo: named, authority: "evil.example") == ["client.target"]
    )
    #expect(
      try self.problems(both, boundTo: named, authority: "orders.example.com:2")
        == ["client.target"]
    )
    // Without TLS a name proves nothing.
    #expect(
      try self.problems(
        both,
        boundTo: named,
        security: .plaintext(because: "a test"),
        authority: "orders.example.com"
      ) == ["client.target"]
    )
    #expect(
      try self.problems(ResolvableTargets.IPv4(addresses: []), boundTo: named) == ["client.target"]
    )
  }

  @Test("an authority that names an unbound host is refused, whatever the target")
  func authority() throws {
    #expect(try self.problems(authority: "orders.example.com") == [])
    #expect(try self.problems(authority: "orders.example.com:8443") == [])
    for authority in [
      "evil.example", "evil.example:8443", "", "orders.example.com:443", "a b", ":",
    ] {
      #expect(try self.problems(authority: authority) == ["client.target"])
      #expect(
        try self.problems(security: .plaintext(because: "a test"), authority: authority)
          == ["client.target"]
      )
    }
  }

  @Test("targets that cannot be compared, and no hosts at all, are refused")
  func incomparable() throws {
    #expect(try self.problems(.unixDomainSocket(path: "/run/x")) == ["client.target"])
    #expect(try self.problems(boundTo: []) == ["client.bound_to"])
  }

  @Test("plaintext without a reason, and TLS that verifies less than everything, are refused")
  func security() throws {
    #expect(try self.problems(security: .plaintext(because: "")) == ["client.channel"])
    #expect(try self.problems(security: .plaintext(because: "a sidecar on this host")) == [])
    let path = ["client.transport_security"]
    for verification in [TLSConfig.CertificateVerification.noVerification, .noHostnameVerification]
    {
      let tls = TLS.defaults { $0.serverCertificateVerification = verification }
      #expect(try self.problems(security: .tls(tls)) == path)
    }
    let tls = TLS.defaults { tls in
      tls.customVerificationCallback = { _, _ in }
    }
    #expect(try self.problems(security: .tls(tls)) == path)
    #expect(try self.problems(security: .tls(.defaults)) == [])
    // Both are said at once.
    let blind = TLS.defaults { $0.serverCertificateVerification = .noVerification }
    #expect(
      try self.problems(.dns(host: "evil.example"), security: .tls(blind))
        == path + ["client.target"]
    )
  }

  @Test("a transport that cannot be made is a configuration error")
  func unmakeable() throws {
    let missing = CredentialedTransportSecurity.mTLS(
      certificateChain: [.file(path: "/does/not/exist.pem", format: .pem)],
      privateKey: .file(path: "/does/not/exist.pem", format: .pem),
      trustRoots: .systemDefault
    )
    #expect(try self.problems(security: missing) == ["client.transport_security"])
  }

  @Test(
    "what is no host cannot be bound to",
    arguments: [
      ("", 1), ("*.example.com", 1), ("https://a.example", 1), ("a.example/x", 1),
      ("a.example.", 1),
      (".example", 1), ("a example", 1), ("[::1]", 1), ("a_b.example", 1), ("e\u{212A}.example", 1),
      ("a.example", 0), ("a.example", 65_536), ("a.example", -1), ("user@a.example", 1),
      (String(repeating: "a", count: 254), 1),
    ]
  )
  func noHost(_ host: String, _ port: Int) {
    #expect(throws: ConfigurationError.self) { try BoundHost(host, port: port) }
  }

  @Test("a host is described as it is compared")
  func described() throws {
    #expect(try BoundHost("A.Example", port: 65_535).description == "a.example:65535")
    #expect(try BoundHost("::1").description == "[::1]:443")
    #expect(try BoundHost("a.example", port: 1) != BoundHost("a.example", port: 2))
    #expect(try Set([BoundHost("a.example"), BoundHost("A.EXAMPLE")]).count == 1)
  }
}
