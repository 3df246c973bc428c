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
  ///   transportSecurity: .tls(roots: roots)
  /// )
  /// // Run `roots` beside the client, in a ServiceGroup.
  /// ```
  ///
  /// The server's certificate is verified in full in every handshake, and nothing turns that off:
  /// chain, dates, constraints, usages, and the name of the target (or its address, if the target is
  /// one), which has to be in the subject alternative names.
  ///
  /// - Parameters:
  ///   - roots: who may have signed the server's certificate.
  ///   - identity: the client's certificates and key; none unless given.
  ///   - time: the clock that dates of certificates are judged by, beside that of the machine.
  /// - Throws: `ConfigurationError` if the transport refuses the client's certificate.
  public static func tls(
    roots: ReloadingTrustRoots,
    identity: ReloadingIdentity? = nil,
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) -> Self {
    let verification = ServerVerification(roots: roots, time: time)
    let initial = roots.present
    func configure(_ tls: inout TLS) {
      tls.serverCertificateVerification = .fullVerification
      tls.trustRoots = initial.source
      tls.customVerificationCallback = { presented, promise in
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
