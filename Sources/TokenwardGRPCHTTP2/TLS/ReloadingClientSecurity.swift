// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCNIOTransportHTTP2
internal import NIOCore
internal import NIOSSL
public import TokenwardCore

extension HTTP2ClientTransport.Posix.TransportSecurity {
  /// TLS 1.2 or later to servers that authorities from a file vouch for, with a client certificate if
  /// there is one. All of them are renewed without a restart.
  ///
  /// ```swift
  /// let roots = try ReloadingTrustRoots(file: "tls/ca.crt")
  /// let transport = try HTTP2ClientTransport.Posix(
  ///   target: .dns(host: "orders.internal", port: 8443),
  ///   transportSecurity: .tls(roots: roots, serverName: "orders.internal")
  /// )
  /// // Run `roots` beside the client, in a ServiceGroup.
  /// ```
  ///
  /// The server's certificate is verified in full in every handshake, and nothing turns that off:
  /// chain, dates, constraints, usages, and the name of the target (or its address, if the target is
  /// one), which has to be in the subject alternative names.
  ///
  /// The TLS library would also take a certificate for the *address* that a name led to, which proves
  /// nothing about the name (RFC 9525 §6.1), and what is made here does not learn which of the two
  /// was asked for. Therefore, without `serverName`, a certificate with an address among its names is
  /// refused. A transport with a credential knows by itself: give that one
  /// ``CredentialedTransportSecurity/tls(roots:identity:time:)``.
  ///
  /// - Parameters:
  ///   - roots: who may have signed the server's certificate.
  ///   - identity: the client's certificates and key; none unless given.
  ///   - serverName: the name that the server's certificate has to have, or its address without
  ///     brackets if that is what the target is.
  ///   - time: the clock that dates of certificates are judged by, beside that of the machine.
  /// - Throws: `ConfigurationError` if the transport refuses the client's certificate, or if
  ///   `serverName` is no host.
  public static func tls(
    roots: ReloadingTrustRoots,
    identity: ReloadingIdentity? = nil,
    serverName: String? = nil,
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) -> Self {
    guard let serverName else {
      return try .following(roots: roots, identity: identity, time: time) { !$0.containAddress }
    }
    guard let server = ExpectedServer(serverName) else {
      throw ConfigurationError(
        path: "tls.server_name",
        problem: "no certificate can be compared with this host",
        hint: "name one host without scheme, port, wildcard or brackets: orders.example.com"
      )
    }
    return try .following(roots: roots, identity: identity, time: time) { $0.contain(server) }
  }

  /// - Parameter isNamed: whether the names of the server's certificate are those that they must be.
  static func following(
    roots: ReloadingTrustRoots,
    identity: ReloadingIdentity?,
    time: any TimeSource,
    isNamed: @escaping @Sendable (CertificateNames) -> Bool
  ) throws(ConfigurationError) -> Self {
    let verification = ServerVerification(roots: roots, time: time)
    let initial = roots.present
    func configure(_ tls: inout TLS) {
      tls.serverCertificateVerification = .fullVerification
      tls.trustRoots = initial.source
      tls.customVerificationCallback = { presented, promise in
        guard let names = presented.first.flatMap(CertificateNames.init), isNamed(names) else {
          promise.succeed(.failed)
          return
        }
        promise.completeWithTask { await verification.result(for: presented) }
      }
    }
    guard let identity else { return .tls(configure: configure) }
    do {
      return try .mTLS(
        certificateReloader: PresentIdentity(identity: identity),
        configure: configure
      )
    } catch {
      throw ConfigurationError(
        path: "tls.certificate",
        problem: "the transport refuses the client's certificate or its key",
        hint: "use an RSA, ECDSA or Ed25519 key"
      )
    }
  }
}
