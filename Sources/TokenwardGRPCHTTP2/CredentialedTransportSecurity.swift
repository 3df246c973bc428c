// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCNIOTransportHTTP2
internal import TokenwardCore
internal import TokenwardGRPC

/// How a client's HTTP/2 transport protects its tokens on their way. Unlike the transport's own type
/// it has no plain `.plaintext`.
public struct CredentialedTransportSecurity: Sendable {
  let posix: HTTP2ClientTransport.Posix.TransportSecurity
  let security: TransportSecurity
  /// Nil without TLS.
  let tls: HTTP2ClientTransport.Posix.TransportSecurity.TLS?

  /// TLS that trusts the authorities of the operating system.
  public static var tls: Self { .tls(.defaults) }

  /// TLS with the given configuration.
  public static func tls(_ tls: HTTP2ClientTransport.Posix.TransportSecurity.TLS) -> Self {
    Self(posix: .tls(tls), security: .tls, tls: tls)
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

  /// No protection. Everybody on the way can read the tokens and use them.
  /// - Parameter reason: why nobody is on the way; not empty.
  public static func plaintext(because reason: String) -> Self {
    Self(posix: .plaintext, security: .plaintext(because: reason), tls: nil)
  }

  /// What lets somebody else than the named server answer, if anything does.
  var problem: ConfigurationError.Problem? {
    guard let tls = self.tls else { return nil }
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
