// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import Foundation
internal import GRPCNIOTransportHTTP2
internal import SwiftASN1
internal import TokenwardCore
internal import X509

/// A certificate authority that lives as long as a test.
struct TestPKI {
  private let key = P256.Signing.PrivateKey()
  private let name: DistinguishedName
  let root: Certificate

  init() throws {
    self.name = try DistinguishedName { CommonName("Test CA") }
    let key = Certificate.PrivateKey(self.key)
    self.root = try Certificate(
      version: .v3,
      serialNumber: Certificate.SerialNumber(),
      publicKey: key.publicKey,
      notValidBefore: Date(timeIntervalSinceNow: -3_600),
      notValidAfter: Date(timeIntervalSinceNow: 3_600),
      issuer: self.name,
      subject: self.name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        Critical(KeyUsage(keyCertSign: true))
      },
      issuerPrivateKey: key
    )
  }

  struct Identity {
    let certificate: Certificate
    let key: P256.Signing.PrivateKey

    var source: TLSConfig.CertificateSource {
      get throws { .bytes(try TestPKI.der(self.certificate), format: .der) }
    }
    var keySource: TLSConfig.PrivateKeySource {
      .bytes(Array(self.key.derRepresentation), format: .der)
    }
    var thumbprint: CertificateThumbprint {
      get throws { CertificateThumbprint(der: try TestPKI.der(self.certificate)) }
    }
  }

  func issue(_ commonName: String) throws -> Identity {
    let key = P256.Signing.PrivateKey()
    let certificate = try Certificate(
      version: .v3,
      serialNumber: Certificate.SerialNumber(),
      publicKey: Certificate.PrivateKey(key).publicKey,
      notValidBefore: Date(timeIntervalSinceNow: -3_600),
      notValidAfter: Date(timeIntervalSinceNow: 3_600),
      issuer: self.name,
      subject: try DistinguishedName { CommonName(commonName) },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth, .clientAuth])
        SubjectAlternativeNames([.dnsName("localhost")])
      },
      issuerPrivateKey: Certificate.PrivateKey(self.key)
    )
    return Identity(certificate: certificate, key: key)
  }

  var roots: TLSConfig.TrustRootsSource {
    get throws { .certificates([.bytes(try Self.der(self.root), format: .der)]) }
  }

  private static func der(_ certificate: Certificate) throws -> [UInt8] {
    var serializer = DER.Serializer()
    try serializer.serialize(certificate)
    return serializer.serializedBytes
  }
}
