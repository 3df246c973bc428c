// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import NIOCertificateReloading
internal import NIOSSL
internal import TokenwardCore
internal import X509

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A certificate chain with the key of its first certificate: what one end of a connection shows.
struct TLSIdentity: Sendable {
  let chain: [NIOSSLCertificate]
  let key: NIOSSLPrivateKey

  static let maximumChainLength = 1_048_576
  static let maximumKeyLength = 65_536

  /// Reads both files, and sees that they belong together and may be used now.
  static func load(
    chain chainPath: String,
    key keyPath: String,
    at now: UnixTime
  ) throws(ConfigurationError) -> ReloadedFiles<TLSIdentity>.Loaded {
    let chain = try CertificateFile.read(
      chainPath,
      as: "tls.certificate",
      limit: Self.maximumChainLength
    )
    func refuse(_ problem: String, _ hint: String) -> ConfigurationError {
      ConfigurationError(path: "tls.certificate", problem: "\(chainPath) \(problem)", hint: hint)
    }
    guard let own = chain.first else { throw refuse("is empty", "name the certificate chain") }
    guard own.notAfter >= now else {
      throw refuse("has expired: its last second was \(own.notAfter)", "renew the certificate")
    }
    guard own.notBefore <= now else {
      throw refuse("is not valid before \(own.notBefore)", "wait, or set the clock")
    }
    let (key, publicKey) = try Self.key(keyPath)
    guard own.x509.publicKey == publicKey else {
      throw ConfigurationError(
        path: "tls.key",
        problem: "\(keyPath) is not the key of the first certificate in \(chainPath)",
        hint: "write the chain with the server's own certificate first, and its key, together"
      )
    }
    let identity = TLSIdentity(chain: chain.map(\.nio), key: key)
    // What a handshake will do with them is tried once: there it would end connections.
    guard (try? NIOSSLContext(configuration: identity.serverConfiguration)) != nil else {
      throw refuse("and its key are refused by the TLS library", "use an RSA, ECDSA or Ed25519 key")
    }
    return .init(value: identity, notAfter: own.notAfter)
  }

  private static func key(
    _ path: String
  ) throws(ConfigurationError) -> (NIOSSLPrivateKey, Certificate.PublicKey) {
    let bytes: [UInt8]
    do {
      bytes = try ReadableFile.read(path, limit: Self.maximumKeyLength, privacy: .groupSecret)
    } catch {
      throw ConfigurationError(
        path: "tls.key",
        problem: "\(path) \(error.problem)",
        hint: error.hint
      )
    }
    // No error of the parsers is passed on: it may quote what it could not read.
    guard let pem = try? CertificateFile.onlyKey(in: bytes),
      let pair = try? Certificate.PrivateKey(pemEncoded: pem),
      let key = try? NIOSSLPrivateKey(bytes: Array(pem.utf8), format: .pem)
    else {
      throw ConfigurationError(
        path: "tls.key",
        problem: "\(path) holds no private key in PEM that can be used without a passphrase",
        hint: "write one RSA (2,048 bits or more), ECDSA or Ed25519 key in PEM"
      )
    }
    return (key, pair.publicKey)
  }

  /// A server's configuration without client certificates.
  var serverConfiguration: TLSConfiguration {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: self.chain.map { .certificate($0) },
      privateKey: .privateKey(self.key)
    )
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["grpc-exp", "h2"]
    return configuration
  }
}

extension TLSIdentity: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  var description: String { "<TLS identity of \(self.chain.count) certificates>" }
  var debugDescription: String { self.description }
  /// Nothing: a mirror would walk down to the key.
  var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Hands the present identity to each handshake of a transport.
struct PresentIdentity: CertificateReloader {
  let identity: ReloadingIdentity

  var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride {
    let present = self.identity.present
    var override = NIOSSLContextConfigurationOverride()
    override.certificateChain = present.chain.map { .certificate($0) }
    override.privateKey = .privateKey(present.key)
    return override
  }
}
