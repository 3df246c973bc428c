// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

package import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import SwiftASN1
package import TokenwardCore
internal import X509

extension ServerContext {
  /// The thumbprint of the client's certificate, where mutual TLS is on. A certificate that cannot
  /// be written back to DER counts as none: a token bound to it is then refused.
  package var posixPeerCertificate: CertificateThumbprint? {
    guard let context = self.transportSpecific as? HTTP2ServerTransport.Posix.Context,
      let certificate = context.peerCertificate
    else { return nil }
    var serializer = DER.Serializer()
    guard (try? serializer.serialize(certificate)) != nil else { return nil }
    return CertificateThumbprint(der: serializer.serializedBytes)
  }
}
