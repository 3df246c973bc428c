// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import NIOCore
package import NIOSSL

extension ReloadingIdentity {
  /// A server's configuration for other protocols than gRPC, which shows the present certificate in
  /// each handshake. The caller says which protocols, and whether clients have to prove who they are.
  package var followingConfiguration: TLSConfiguration {
    var configuration = self.present.serverConfiguration
    configuration.applicationProtocols = []
    configuration.sslContextCallback = { _, promise in
      promise.succeed(PresentIdentity(identity: self).sslContextConfigurationOverride)
    }
    return configuration
  }
}

extension ReloadingTrustRoots {
  /// The certificates that count at present.
  package var presentCertificates: [NIOSSLCertificate] { self.present.certificates }
}
