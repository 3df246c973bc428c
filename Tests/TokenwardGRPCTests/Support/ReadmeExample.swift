// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

// The example of README.md, so that it is compiled; scripts/check-docs compares the two.

import GRPCCore
import GRPCNIOTransportHTTP2
import TokenwardCore
import TokenwardGRPCHTTP2

func serve(_ orders: any RegistrableRPCService, jwks: [UInt8]) async throws {
  let issuer = try TrustedIssuer(
    "https://issuer.example.com",
    audiences: .oneOf(["orders"]),
    algorithms: [.es256],
    keys: StaticKeys(KeySet(jwks: jwks, trust: .publicKeys))
  )
  let policy = try MethodPolicy {
    Allow("orders.v1.Orders/Get", .scopes(["orders.read"]))
    Allow("orders.v1.Orders/Cancel", .roles(["orders-admin"]))
  }  // Whatever is not named here is denied.
  let server = GRPCServer(
    transport: try .http2NIOPosix(
      guardedBy: RequestGuard(policy: policy, verifier: JWTVerifier(issuers: [issuer])),
      address: .ipv4(host: "0.0.0.0", port: 8443),
      transportSecurity: .tls(
        certificateChain: [.file(path: "server.pem", format: .pem)],
        privateKey: .file(path: "server-key.pem", format: .pem)
      )
    ),
    services: [orders]
  )
  try await server.serve()
}
