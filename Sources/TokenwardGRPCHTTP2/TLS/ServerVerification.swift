// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import NIOSSL
internal import SwiftASN1
package import TokenwardCore
internal import X509

/// Verifies what a server presents, in place of the TLS library: the library takes its roots once, and
/// a client that follows a file of roots cannot leave it to that.
///
/// The host name is not looked at here, as this does not know it: `CertificateNames` is compared with
/// it beside this, and the library compares once more when the handshake is complete.
package struct ServerVerification: Sendable {
  private let roots: ReloadingTrustRoots
  private let time: any TimeSource

  /// Most certificates that a server may present. The search for a chain goes through the orders of
  /// the intermediate ones: with four of them, 64 signatures at most.
  package static let maximumCertificates = 5

  package init(roots: ReloadingTrustRoots, time: any TimeSource) {
    self.roots = roots
    self.time = time
  }

  /// - Parameter presented: the server's certificates, its own first.
  package func result(
    for presented: [NIOSSLCertificate]
  ) async -> NIOSSLVerificationResultWithMetadata {
    guard presented.count <= Self.maximumCertificates,
      let now = self.time.now()?.unix,
      let certificates = try? presented.map({ try Certificate(derEncoded: $0.toDERBytes()) }),
      let own = certificates.first
    else { return .failed }
    var verifier = Verifier(rootCertificates: self.roots.present.store) {
      RFC5280Policy()
      ServerCertificatePolicy(now: now)
    }
    let result = await verifier.validate(
      leaf: own,
      intermediates: CertificateStore(certificates.dropFirst())
    )
    guard case .validCertificate = result else { return .failed }
    return .certificateVerified(VerificationMetadata(nil))
  }
}

/// What RFC 5280 asks for and `RFC5280Policy` leaves out.
struct ServerCertificatePolicy: VerifierPolicy {
  let now: UnixTime

  /// The alternative names are those that the TLS library compares with the host.
  let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
    .X509ExtensionID.extendedKeyUsage, .X509ExtensionID.subjectAlternativeName,
  ]

  func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult {
    for (index, certificate) in chain.enumerated() {
      let isOwn = index == chain.startIndex
      guard UnixTime(certificate.notValidBefore) <= self.now,
        UnixTime(certificate.notValidAfter) >= self.now
      else { return .failsToMeetPolicy(reason: "a certificate is not valid now") }
      // Version 1 has no extensions, so that a certificate of it would be an authority unasked.
      guard certificate.version == .v3 else {
        return .failsToMeetPolicy(reason: "a certificate is not of version 3")
      }
      // A root is trusted for what it is; who signed it does not matter.
      guard index == chain.count - 1 || Self.signatures.contains(certificate.signatureAlgorithm)
      else { return .failsToMeetPolicy(reason: "a signature is not made as it should be") }
      guard Self.mayBeUsed(certificate, asOwn: isOwn) else {
        return .failsToMeetPolicy(reason: "a certificate is not for this use")
      }
    }
    // Without alternative names the TLS library would look for the host in the common name, which no
    // authority has to have proven (RFC 9525 §2).
    guard let names = try? chain.leaf.extensions.subjectAlternativeNames, !names.isEmpty else {
      return .failsToMeetPolicy(reason: "the server's certificate names no host")
    }
    return .meetsPolicy
  }

  /// RFC 5280 §4.2.1.3 and §4.2.1.12. A certificate without these extensions is for everything. An
  /// extension that cannot be read is for nothing.
  private static func mayBeUsed(_ certificate: Certificate, asOwn isOwn: Bool) -> Bool {
    do {
      if let usage = try certificate.extensions.keyUsage {
        guard isOwn ? usage.digitalSignature : usage.keyCertSign else { return false }
      }
      if let purposes = try certificate.extensions.extendedKeyUsage {
        guard purposes.contains(.serverAuth) else { return false }
      }
      return true
    } catch {
      return false
    }
  }

  /// No SHA-1.
  private static let signatures: [Certificate.SignatureAlgorithm] = [
    .ecdsaWithSHA256, .ecdsaWithSHA384, .ecdsaWithSHA512,
    .sha256WithRSAEncryption, .sha384WithRSAEncryption, .sha512WithRSAEncryption,
    .ed25519,
  ]
}
