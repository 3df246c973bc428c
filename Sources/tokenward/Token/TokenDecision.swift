// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// Decides about tokens as a guarded server with the same configuration does.
struct TokenDecision {
  private static let bearer = Array("Bearer ".utf8)

  private let requestGuard: RequestGuard
  private let path: String
  private let certificate: CertificateThumbprint?

  /// - Parameters:
  ///   - verifier: turns tokens into principals.
  ///   - policy: what methods require; nil asks only whether the token is good.
  ///   - method: the method to be called; only together with a policy.
  ///   - certificate: the client certificate that the caller would have proven.
  ///   - time: the clocks.
  init(
    verifier: any TokenVerifier,
    policy: MethodPolicy? = nil,
    method: RPCMethod? = nil,
    certificate: CertificateThumbprint? = nil,
    time: any TimeSource
  ) throws(ConfigurationError) {
    // Without a method the guard still decides, about one that any verified caller may call: dates,
    // bindings and revocation are judged in one place only.
    let anyMethod = "tokenward.command.Token/Verify"
    let anyPolicy = try MethodPolicy([Allow(anyMethod, .authenticated)])
    self.requestGuard = RequestGuard(
      policy: policy ?? anyPolicy,
      verifier: verifier,
      time: time
    )
    self.path = "/\(method?.fullName ?? anyMethod)"
    self.certificate = certificate
  }

  /// - Parameter token: the bytes of the token.
  func decide(_ token: [UInt8]) -> TokenOutcome {
    var request = AccessRequest(path: self.path, door: .command, peerCertificate: self.certificate)
    let value = String(decoding: Self.bearer + token, as: UTF8.self)
    request.add(header: "authorization", value: value)
    return TokenOutcome(self.requestGuard.decide(request))
  }
}

/// What was decided about a token.
struct TokenOutcome {
  private let decision: Decision

  init(_ decision: Decision) { self.decision = decision }

  /// Why the token is denied; nil if it is allowed.
  var reason: DenialReason? {
    // The header was written here, so what is wrong with its form is the token.
    let reason = self.decision.denial?.reason
    return reason == .credentialMalformed ? .tokenMalformed : reason
  }

  /// How the command ends.
  var status: ExitStatus {
    switch self.reason {
    case nil: .success
    case .dependencyUnavailable, .clockUnavailable, .internalInvariant: .undecided
    default: .denied
    }
  }

  /// The answer to a line of a batch: what cannot be decided is refused.
  var answer: BatchAnswer { BatchAnswer(reason: self.reason?.rawValue) }

  /// One line of JSON. Names of a denied token are in it only if its signature was good.
  var json: String {
    let verdict =
      switch self.status {
      case .success: "accept"
      case .denied, .usage, .configuration: "refuse"
      case .undecided: "undecided"
      }
    let principal = self.decision.grant?.principal ?? self.decision.denial?.principal
    var object = JSONObjectText()
    object.add("verdict", verdict)
    object.add("reason", self.reason?.rawValue)
    object.add("issuer", principal?.issuer.text ?? self.decision.denial?.issuer?.text)
    object.add("subject", principal?.subject.text)
    object.add("client_id", principal?.clientID?.text)
    object.add("token_id", principal?.tokenID?.text)
    object.add("scopes", principal?.scopes.map(\.text) ?? [])
    object.add("roles", principal?.roles.map(\.text) ?? [])
    object.add("issued_at", principal?.issuedAt?.seconds)
    object.add("expires_at", principal?.expiresAt.seconds)
    return object.text + "\n"
  }
}
