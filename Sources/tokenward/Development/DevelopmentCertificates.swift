// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import SwiftASN1
internal import TokenwardCore
internal import X509

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A certificate authority that lives for one call of `dev init`, and what it signed.
///
/// Its private key is never written: a developer who puts the certificate into a trust store does not
/// thereby trust whoever finds the folder later.
struct DevelopmentCertificates {
  /// How long the certificates are valid, in days.
  static let days = 30

  /// A certificate with its private key, both in PEM form.
  struct Identity {
    let certificate: String
    let privateKey: String
  }

  /// The authority's certificate in PEM form.
  let authority: String
  /// For servers on this machine and under the given names.
  let server: Identity
  /// For a client that proves itself with mutual TLS.
  let client: Identity

  /// - Parameters:
  ///   - names: DNS names of the server besides localhost.
  ///   - now: the beginning of the validity, less five minutes for clocks that are behind.
  init(names: [String], now: UnixTime) throws {
    let validity = (
      from: Date(timeIntervalSince1970: Double(now.seconds - 300)),
      to: Date(timeIntervalSince1970: Double(now.seconds + Int64(Self.days) * 86_400))
    )
    let authorityKey = P256.Signing.PrivateKey()
    let issuer = try Self.name("Tokenward development CA, not for production")
    let issuerKey = Certificate.PrivateKey(authorityKey)
    let issuerKeyID = SubjectKeyIdentifier(hash: issuerKey.publicKey)

    func sign(
      _ key: P256.Signing.PrivateKey,
      _ subject: DistinguishedName,
      _ extensions: Certificate.Extensions
    ) throws -> String {
      let certificate = try Certificate(
        version: .v3,
        serialNumber: Certificate.SerialNumber(),
        publicKey: Certificate.PrivateKey(key).publicKey,
        notValidBefore: validity.from,
        notValidAfter: validity.to,
        issuer: issuer,
        subject: subject,
        signatureAlgorithm: .ecdsaWithSHA256,
        extensions: extensions,
        issuerPrivateKey: issuerKey
      )
      return try certificate.serializeAsPEM().pemString + "\n"
    }

    func identity(
      _ subject: String,
      _ usage: ExtendedKeyUsage.Usage,
      _ alternativeNames: [GeneralName]
    ) throws -> Identity {
      let key = P256.Signing.PrivateKey()
      let keyID = SubjectKeyIdentifier(hash: Certificate.PrivateKey(key).publicKey)
      let certificate = try sign(
        key,
        try Self.name(subject),
        try Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true))
          try ExtendedKeyUsage([usage])
          SubjectAlternativeNames(alternativeNames)
          keyID
          AuthorityKeyIdentifier(keyIdentifier: issuerKeyID.keyIdentifier)
        }
      )
      return Identity(certificate: certificate, privateKey: key.pemRepresentation + "\n")
    }

    self.authority = try sign(
      authorityKey,
      issuer,
      try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true))
        issuerKeyID
      }
    )
    self.server = try identity(
      "Tokenward development server",
      .serverAuth,
      (["localhost"] + names).map { .dnsName($0) } + [
        .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
        .ipAddress(ASN1OctetString(contentBytes: [UInt8](repeating: 0, count: 15) + [1])),
      ]
    )
    self.client = try identity(
      "Tokenward development client",
      .clientAuth,
      [.uniformResourceIdentifier("urn:tokenward:development:client")]
    )
  }

  private static func name(_ commonName: String) throws -> DistinguishedName {
    try DistinguishedName { CommonName(commonName) }
  }
}
