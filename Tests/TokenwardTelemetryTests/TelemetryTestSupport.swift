// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import TokenwardCore
import TokenwardTelemetry
import TokenwardTestKit

/// A guard whose verifier says the same of every token.
struct Fixture {
  static let issuer: Issuer = "https://issuer.test"
  let clock = ManualClock()

  func requestGuard(
    _ observers: [any DecisionObserver],
    _ change: (inout Principal.Assertion) -> Void = { _ in }
  ) throws -> RequestGuard {
    var assertion = Principal.Assertion(
      issuer: Self.issuer,
      subject: "alice",
      expiresAt: self.clock.moment.unix.adding(seconds: 300)
    )
    change(&assertion)
    return try self.requestGuard(observers, verifier: FixedTokenVerifier(assertion))
  }

  func requestGuard(
    _ observers: [any DecisionObserver],
    verifier: any TokenVerifier
  ) throws -> RequestGuard {
    let policy = try MethodPolicy {
      Allow("orders.v1.Orders/Get", .authenticated)
      Allow("orders.v1.Orders/Put", .scopes(["orders.write"]))
      Allow("grpc.health.v1.Health/*", .anonymous)
    }
    return RequestGuard(policy: policy, verifier: verifier, time: self.clock, observers: observers)
  }

  static func request(
    _ path: String = "/orders.v1.Orders/Get",
    door: Door = .grpc,
    peer: String? = nil,
    token: String? = "opaque"
  ) -> AccessRequest {
    var request = AccessRequest(path: path, door: door, peer: peer)
    if let token { request.add(header: "authorization", value: "Bearer \(token)") }
    return request
  }
}

extension PrometheusRegistry {
  /// The sample lines of the page.
  var samples: [String] {
    String(decoding: self.render(), as: UTF8.self).split(separator: "\n")
      .filter { !$0.hasPrefix("#") }.map(String.init)
  }
}
