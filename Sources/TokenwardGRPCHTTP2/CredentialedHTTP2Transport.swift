// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
public import GRPCNIOTransportHTTP2
public import NIOPosix
public import TokenwardCore
public import TokenwardGRPC

extension ClientTransport where Self == CredentialedClientTransport<HTTP2ClientTransport.Posix> {
  /// An HTTP/2 transport that presents tokens to the hosts they are bound to, and to no other.
  ///
  /// ```swift
  /// try await withGRPCClient(
  ///   transport: try .http2NIOPosix(
  ///     target: .dns(host: "orders.example.com", port: 8443),
  ///     presenting: source,
  ///     boundTo: [BoundHost("orders.example.com", port: 8443)],
  ///     transportSecurity: .tls
  ///   )
  /// ) { client in … }
  /// ```
  ///
  /// The host that counts is the one that the server has to prove to be: the host of the target, and
  /// for a target of addresses the name in `config.http2.authority` if there is one. Over plaintext
  /// nobody proves anything; there the target itself has to be bound.
  ///
  /// With TLS, nothing is sent and no token is asked for before the server's certificate has that host
  /// among its alternative names: a name as a name, in which `*` may stand for the whole first label,
  /// and an address as an address (RFC 9525 §6). A certificate for the address that a name leads to
  /// does not count for the name, and no common name counts.
  ///
  /// - Parameters:
  ///   - target: a DNS name or IP addresses. Other targets cannot be compared with a host; wrap their
  ///     transport in a `CredentialedClientTransport`.
  ///   - source: where tokens come from.
  ///   - hosts: where its tokens may go. Keep them beside the credential in the configuration, not
  ///     beside the target: the point is that the two are written down in two places.
  ///   - transportSecurity: TLS, or the reason why there is none.
  ///   - config: the transport's own limits.
  ///   - serviceConfig: how calls are retried and balanced.
  ///   - eventLoopGroup: the event loops to run on.
  /// - Throws: `ConfigurationError` if the target is not one of the hosts, if plaintext is asked for
  ///   without a reason, if the server's certificate or name is not verified, or if the transport
  ///   cannot be made.
  public static func http2NIOPosix(
    target: any ResolvableTarget,
    presenting source: any TokenSource,
    boundTo hosts: [BoundHost],
    transportSecurity: CredentialedTransportSecurity,
    config: HTTP2ClientTransport.Posix.Config = .defaults,
    serviceConfig: ServiceConfig = ServiceConfig(),
    eventLoopGroup: MultiThreadedEventLoopGroup = .singletonMultiThreadedEventLoopGroup
  ) throws(ConfigurationError) -> Self {
    let problems = [
      transportSecurity.problem,
      bindingProblem(
        target,
        authority: config.http2.authority,
        isTLS: transportSecurity.isTLS,
        hosts: hosts
      ),
    ].compactMap(\.self)
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    let base: HTTP2ClientTransport.Posix
    do {
      base = try HTTP2ClientTransport.Posix(
        target: target,
        transportSecurity: transportSecurity.posix,
        config: transportSecurity.prepared(
          config,
          for: asked(of: target, authority: config.http2.authority)
        ),
        serviceConfig: serviceConfig,
        eventLoopGroup: eventLoopGroup
      )
    } catch {
      throw ConfigurationError([
        .init(
          path: "client.transport_security",
          problem: "the transport cannot be made",
          hint:
            "look at the certificates, the key and the trust roots: do the files exist, and are "
            + "they in the format that is given?"
        )
      ])
    }
    return try CredentialedClientTransport(
      wrapping: base,
      presenting: source,
      channel: transportSecurity.security
    )
  }
}

/// Who has to prove to be there, as the transport chooses the name in TLS.
private func asked(of target: any ResolvableTarget, authority: String?) -> AskedServer {
  if let authority { return .host(boundHost(of: authority, port: 443)?.host ?? "") }
  if let dns = target as? ResolvableTargets.DNS { return .host(dns.host) }
  return .connectedAddress
}

/// Why a target is none of the hosts, if it is not.
private func bindingProblem(
  _ target: any ResolvableTarget,
  authority: String?,
  isTLS: Bool,
  hosts: [BoundHost]
) -> ConfigurationError.Problem? {
  guard !hosts.isEmpty else {
    return .init(
      path: "client.bound_to",
      problem: "the credential is bound to no host",
      hint: "name the host and port that its tokens are meant for"
    )
  }
  guard let destinations = destinations(of: target) else {
    return .init(
      path: "client.target",
      problem: "the target is neither a DNS name nor a list of IP addresses",
      hint: "use .dns or .ipv4 or .ipv6; for other targets wrap the transport in a "
        + "CredentialedClientTransport"
    )
  }
  for (host, port) in destinations {
    // Twice optional: none is given, or what is given is no host.
    let named = authority.map { boundHost(of: $0, port: port) }
    // A name in `authority` is what the certificate has to have, whatever the address. It takes the place of an
    // address, which says nothing about who answers there, but never that of another name.
    let isProvenByName = isTLS && named != nil && !(target is ResolvableTargets.DNS)
    guard isProvenByName || isBound(try? BoundHost(host, port: port), to: hosts) else {
      return .init(
        path: "client.target",
        problem: "the credential is not bound to the host of the target",
        hint: "connect to one of \(hosts.map(\.description).joined(separator: ", ")), or use the "
          + "credential that is meant for this host"
      )
    }
    // It is what a server of many hosts goes by, too, so it counts without TLS as well.
    if let named, !isBound(named, to: hosts) {
      return .init(
        path: "client.target",
        problem: "http2.authority names a host that the credential is not bound to",
        hint: "leave it out, or name one of \(hosts.map(\.description).joined(separator: ", "))"
      )
    }
  }
  return nil
}

private func isBound(_ host: BoundHost?, to hosts: [BoundHost]) -> Bool {
  host.map(hosts.contains) ?? false
}

/// Where a target leads; nil if that cannot be told, or to nowhere.
private func destinations(of target: any ResolvableTarget) -> [(host: String, port: Int)]? {
  switch target {
  case let dns as ResolvableTargets.DNS:
    [(dns.host, dns.port ?? 443)]
  case let ipv4 as ResolvableTargets.IPv4 where !ipv4.addresses.isEmpty:
    ipv4.addresses.map { ($0.host, $0.port) }
  case let ipv6 as ResolvableTargets.IPv6 where !ipv6.addresses.isEmpty:
    ipv6.addresses.map { ($0.host, $0.port) }
  default:
    nil
  }
}

/// The host that an authority names, taken apart as the transport does it for the name in TLS; nil if
/// it is none.
private func boundHost(of authority: String, port: Int) -> BoundHost? {
  let bytes = authority.utf8
  guard let colon = bytes.lastIndex(where: { !(0x30 ... 0x39).contains($0) }),
    bytes[colon] == UInt8(ascii: ":")
  else { return try? BoundHost(authority, port: port) }
  guard let named = Int(authority[colon...].dropFirst()) else { return nil }
  return try? BoundHost(String(authority[..<colon]), port: named)
}
