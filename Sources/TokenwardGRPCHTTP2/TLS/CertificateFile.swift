// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import NIOSSL
internal import SwiftASN1
internal import TokenwardCore
internal import X509

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// One certificate, as the TLS library and as the verifier want it.
struct ParsedCertificate: Sendable {
  let nio: NIOSSLCertificate
  let x509: Certificate

  init(_ nio: NIOSSLCertificate) throws {
    self.nio = nio
    self.x509 = try Certificate(derEncoded: try nio.toDERBytes())
  }

  var notBefore: UnixTime { UnixTime(self.x509.notValidBefore) }
  var notAfter: UnixTime { UnixTime(self.x509.notValidAfter) }
}

extension UnixTime {
  /// Dates of certificates have whole seconds (RFC 5280 §4.1.2.5), and end long before the range does.
  init(_ date: Date) {
    self.init(seconds: Int64(exactly: date.timeIntervalSince1970.rounded(.down)) ?? .max)
  }
}

/// Reads certificates in PEM, all or none of a file.
enum CertificateFile {
  static let maximumCount = 1_000

  /// - Parameters:
  ///   - path: the file.
  ///   - name: what it is called in an error.
  ///   - limit: longest content in bytes.
  /// - Throws: `ConfigurationError` if one certificate of the file cannot be used: a file that is
  ///   being written, or a bundle with damage, would otherwise lose certificates silently.
  static func read(
    _ path: String,
    as name: String,
    limit: Int
  ) throws(ConfigurationError) -> [ParsedCertificate] {
    func refuse(_ problem: String, _ hint: String) -> ConfigurationError {
      ConfigurationError(path: name, problem: "\(path) \(problem)", hint: hint)
    }
    let bytes: [UInt8]
    do {
      bytes = try ReadableFile.read(path, limit: limit, privacy: .publicContent)
    } catch {
      throw refuse(error.problem, error.hint)
    }
    // A certificate is public and a key is not: the rights of this file are not looked at as strictly.
    guard !Self.contains("PRIVATE KEY-----", in: bytes) else {
      throw refuse("holds a private key", "keep the key in a file of its own, for its owner alone")
    }
    let begun = Self.count("-----BEGIN ", in: bytes)
    guard begun > 0 else { throw refuse("holds no certificate in PEM", "name a PEM file") }
    guard begun <= Self.maximumCount else {
      throw refuse("holds more than \(Self.maximumCount) certificates", "name the right file")
    }
    guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes).map(ParsedCertificate.init),
      certificates.count == begun
    else {
      throw refuse("holds a block that is no whole certificate", "write the file again")
    }
    return certificates
  }

  /// The one PEM block of a key among the others that tools write beside it (`EC PARAMETERS`).
  /// - Throws: if there is not exactly one.
  static func onlyKey(in bytes: [UInt8]) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ASN1Error.invalidPEMDocument(reason: "not text")
    }
    let keys = try PEMDocument.parseMultiple(pemString: text).filter {
      $0.discriminator.hasSuffix("PRIVATE KEY")
    }
    guard let key = keys.first, keys.count == 1 else {
      throw ASN1Error.invalidPEMDocument(reason: "not one key")
    }
    return key.pemString
  }

  private static func contains(_ text: StaticString, in bytes: [UInt8]) -> Bool {
    Self.count(text, in: bytes) > 0
  }

  /// How often the text occurs.
  private static func count(_ text: StaticString, in bytes: [UInt8]) -> Int {
    let text = Array("\(text)".utf8)
    var count = 0
    var index = 0
    while index + text.count <= bytes.count {
      if bytes[index] == text[0], bytes[index ..< index + text.count].elementsEqual(text) {
        count += 1
        index += text.count
      } else {
        index += 1
      }
    }
    return count
  }
}
