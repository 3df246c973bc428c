// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCNIOTransportHTTP2
internal import NIOCore
public import TokenwardCore
internal import TokenwardGRPC

/// How a client's HTTP/2 transport protects its tokens on their way. Unlike the transport's own type
/// it has no plain `.plaintext`.
///
/// With all kinds of TLS, the transport sees to it that the server's certificate has the host that was
/// asked for among its alternative names, before anything is sent.
public struct CredentialedTransportSecurity: Sendable {
  let posix: HTTP2ClientTransport.Posix.TransportSecurity
  let security: TransportSecurity
  let isTLS: Bool
  /// What the caller configured, which may be too little; nil without TLS, or where it is ours.
  private let given: HTTP2ClientTransport.Posix.TransportSecurity.TLS?

  /// TLS that trusts the authorities of the operating system.
  public static var tls: Self { .tls(.defaults) }

  /// TLS with the given configuration.
  public static func tls(_ tls: HTTP2ClientTransport.Posix.TransportSecurity.TLS) -> Self {
    Self(posix: .tls(tls), security: .tls, isTLS: true, given: tls)
  }

  /// TLS.
  /// - Parameter trustRoots: who may have signed the server's certificate.
  public static func tls(trustRoots: TLSConfig.TrustRootsSource) -> Self {
    .tls(.defaults { $0.trustRoots = trustRoots })
  }

  /// TLS with a certificate of the client, which tokens may be bound to (RFC 8705).
  /// - Parameters:
  ///   - certificateChain: the client's certificates, its own first.
  ///   - privateKey: the key of the first one.
  ///   - trustRoots: who may have signed the server's certificate.
  public static func mTLS(
    certificateChain: [TLSConfig.CertificateSource],
    privateKey: TLSConfig.PrivateKeySource,
    trustRoots: TLSConfig.TrustRootsSource
  ) -> Self {
    .tls(
      .mTLS(certificateChain: certificateChain, privateKey: privateKey) {
        $0.trustRoots = trustRoots
      }
    )
  }

  /// TLS 1.2 or later to servers that authorities from a file vouch for, with a client certificate if
  /// there is one. All of them are renewed without a restart: who is taken out of the file can vouch
  /// for nobody in a new connection.
  ///
  /// - Parameters:
  ///   - roots: who may have signed the server's certificate. Run it beside the client.
  ///   - identity: the client's certificates and key; none unless given. Run it beside the client.
  ///   - time: the clock that dates of certificates are judged by, beside that of the machine.
  /// - Throws: `ConfigurationError` if the transport refuses the client's certificate.
  public static func tls(
    roots: ReloadingTrustRoots,
    identity: ReloadingIdentity? = nil,
    time: any TimeSource = SystemTime()
  ) throws(ConfigurationError) -> Self {
    // The names are the gate's part, which knows who was asked for.
    let posix = try HTTP2ClientTransport.Posix.TransportSecurity.following(
      roots: roots,
      identity: identity,
      time: time
    ) { _ in true }
    return Self(posix: posix, security: .tls, isTLS: true, given: nil)
  }

  /// The configuration, in which the server's name is looked at before the caller does something with
  /// a connection.
  func prepared(
    _ config: HTTP2ClientTransport.Posix.Config,
    for server: AskedServer
  ) -> HTTP2ClientTransport.Posix.Config {
    guard self.isTLS else { return config }
    var config = config
    let next = config.channelDebuggingCallbacks.onCreateTCPConnection
    config.channelDebuggingCallbacks.onCreateTCPConnection = { channel in
      let guarded = server.guardConnection(channel)
      guard let next else { return guarded }
      return guarded.flatMap { next(channel) }
    }
    return config
  }

  /// No protection. Everybody on the way can read the tokens and use them.
  /// - Parameter reason: why nobody is on the way; not empty.
  public static func plaintext(because reason: String) -> Self {
    Self(
      posix: .plaintext,
      security: .plaintext(because: reason),
      isTLS: false,
      given: nil
    )
  }

  /// What lets somebody else than the named server answer, if anything does.
  var problem: ConfigurationError.Problem? {
    guard let tls = self.given else { return nil }
    let path = "client.transport_security"
    guard tls.serverCertificateVerification == .fullVerification else {
      return .init(
        path: path,
        problem: "the server's certificate or its name is not verified",
        hint: "use full verification: whoever answers could take the token; for a server that is "
          + "reached by its address, name it with http2.authority"
      )
    }
    guard tls.customVerificationCallback == nil else {
      return .init(
        path: path,
        problem: "the verification of the server's certificate is replaced by a callback",
        hint: "leave it out, and say with trustRoots who may have signed the certificate"
      )
    }
    return nil
  }
}
