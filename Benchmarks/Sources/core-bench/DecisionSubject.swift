// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import TokenwardCore

/// A guard and the same call to it again and again.
final class DecisionSubject {
  private let bench: BenchGuard
  private let path: String
  private let authorization: String
  private var count: UInt64 = 0

  /// - Parameters:
  ///   - ruleCount: how many methods the policy names.
  ///   - called: which of them is called.
  ///   - revocation: what is withdrawn.
  init(ruleCount: Int, called: Int, _ revocation: RevocationSet) throws {
    let methods = (0 ..< ruleCount).map { "orders.v1.Service\($0)/Method\($0)" }
    self.bench = try BenchGuard(methods: methods, revocation: revocation)
    self.path = "/\(methods[called])"
    self.authorization = "Bearer \(self.bench.token.text)"
  }

  /// CPU nanoseconds of one decision.
  func nanoseconds(per iterations: Int) throws -> Double {
    // Once before: the entry in the cache may have died since the last time.
    try self.decide()
    return try cpuNanoseconds(per: iterations) { try self.decide() }
  }

  /// What a front door does for each call.
  func decide() throws {
    self.count += 1
    guard case .allow = self.decide(self.authorization, path: self.path) else {
      throw BenchFailure("the guard refuses the good token")
    }
  }

  private func decide(_ authorization: String?, path: String) -> Decision {
    var request = AccessRequest(path: path, door: .grpc, peer: "ipv4:127.0.0.1:49152")
    request.add(header: "content-type", value: "application/grpc")
    request.add(header: "te", value: "trailers")
    if let authorization { request.add(header: "authorization", value: authorization) }
    return self.bench.requestGuard.decide(request)
  }

  /// The guard is one: it refuses what has to be refused, and for the right reason.
  func prove() throws {
    let forged = "Bearer \(self.bench.token.withForgedSignature.text)"
    try self.expect(.signatureInvalid, self.decide(forged, path: self.path))
    try self.expect(.credentialMissing, self.decide(nil, path: self.path))
    try self.expect(
      .methodUnlisted,
      self.decide(self.authorization, path: "/orders.v1.Orders/None")
    )
    try self.decide()
  }

  private func expect(_ reason: DenialReason, _ decision: Decision) throws(BenchFailure) {
    guard case .deny(let denial) = decision, denial.reason == reason else {
      throw BenchFailure("the guard does not answer \(reason.rawValue)")
    }
  }

  /// The measured decisions were cached ones. An entry lives for five seconds, so a few were not.
  func proveCached() throws(BenchFailure) {
    let hits = self.bench.verifier.cacheStatistics.hits
    guard Double(hits) >= 0.999 * Double(self.count) else {
      throw BenchFailure("only \(hits) of \(self.count) decisions came out of the cache")
    }
  }
}
