// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import Foundation
internal import NIOSSL
internal import SwiftASN1
internal import TokenwardCore
internal import X509

/// A certificate with its key, in whatever form a test needs, which can issue others.
struct Issued {
  /// What a certificate says. Its defaults are those of a good one for both ends of a connection.
  struct Form {
    var subject = "server"
    var version = Certificate.Version.v3
    var from = UnixTime(seconds: 1_577_836_800)  // 2020
    var to = UnixTime(seconds: 2_208_988_800)  // 2040
    var isAuthority = false
    var pathLength: Int?
    var usage: KeyUsage? = KeyUsage(digitalSignature: true)
    var purposes: [ExtendedKeyUsage.Usage]? = [.serverAuth, .clientAuth]
    var names: [GeneralName] = [.dnsName("localhost")]
    var constraints: NameConstraints?
    var unknownCritical = false
    var unreadable: ASN1ObjectIdentifier?
    var signature: Certificate.SignatureAlgorithm?
    var key: Certificate.PrivateKey?

    static var authority: Form {
      var form = Form()
      form.subject = "authority"
      form.isAuthority = true
      form.usage = KeyUsage(keyCertSign: true)
      form.purposes = nil
      form.names = []
      return form
    }

    func changed(_ change: (inout Form) -> Void) -> Form {
      var form = self
      change(&form)
      return form
    }
  }

  let certificate: Certificate
  let key: Certificate.PrivateKey

  /// A root.
  static func root(
    _ subject: String = "Root",
    _ change: (inout Form) -> Void = { _ in }
  ) throws
    -> Issued
  {
    let form = Form.authority.changed { $0.subject = subject }.changed(change)
    return try Issued(form, by: nil)
  }

  func issue(_ form: Form = Form(), _ change: (inout Form) -> Void = { _ in }) throws -> Issued {
    try Issued(form.changed(change), by: self)
  }

  private init(_ form: Form, by issuer: Issued?) throws {
    let key = form.key ?? Certificate.PrivateKey(P256.Signing.PrivateKey())
    let subject = try DistinguishedName { CommonName(form.subject) }
    self.key = key
    self.certificate = try Certificate(
      version: form.version,
      serialNumber: Certificate.SerialNumber(),
      publicKey: key.publicKey,
      notValidBefore: Date(timeIntervalSince1970: Double(form.from.seconds)),
      notValidAfter: Date(timeIntervalSince1970: Double(form.to.seconds)),
      issuer: issuer?.certificate.subject ?? subject,
      subject: subject,
      signatureAlgorithm: form.signature ?? .ecdsaWithSHA256,
      extensions: form.version == .v1 ? Certificate.Extensions() : try Self.extensions(form),
      issuerPrivateKey: issuer?.key ?? key
    )
  }

  private static func extensions(_ form: Form) throws -> Certificate.Extensions {
    var all: [Certificate.Extension] = []
    let constraints: BasicConstraints =
      form.isAuthority
      ? .isCertificateAuthority(maxPathLength: form.pathLength) : .notCertificateAuthority
    all.append(try Certificate.Extension(constraints, critical: true))
    if let usage = form.usage { all.append(try Certificate.Extension(usage, critical: true)) }
    if let purposes = form.purposes {
      all.append(try Certificate.Extension(try ExtendedKeyUsage(purposes), critical: true))
    }
    if !form.names.isEmpty {
      all.append(
        try Certificate.Extension(SubjectAlternativeNames(form.names), critical: false)
      )
    }
    if let constraints = form.constraints {
      all.append(try Certificate.Extension(constraints, critical: true))
    }
    if form.unknownCritical {
      all.append(
        Certificate.Extension(oid: [1, 3, 6, 1, 4, 1, 99_999], critical: true, value: [5])
      )
    }
    if let unreadable = form.unreadable {
      all.removeAll { $0.oid == unreadable }
      all.append(Certificate.Extension(oid: unreadable, critical: true, value: [0x30, 0x01]))
    }
    return try Certificate.Extensions(all)
  }

  var pem: String { get throws { try self.certificate.serializeAsPEM().pemString } }
  var keyPEM: String { get throws { try self.key.serializeAsPEM().pemString } }
  var der: [UInt8] {
    get throws {
      var serializer = DER.Serializer()
      try serializer.serialize(self.certificate)
      return serializer.serializedBytes
    }
  }
  var nio: NIOSSLCertificate { get throws { try NIOSSLCertificate(bytes: self.der, format: .der) } }
  var nioKey: NIOSSLPrivateKey {
    get throws { try NIOSSLPrivateKey(bytes: Array(self.keyPEM.utf8), format: .pem) }
  }
  var thumbprint: CertificateThumbprint { get throws { CertificateThumbprint(der: try self.der) } }
}
