// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import JWTKit
internal import TokenwardCore

/// Verification without a cache, over the bare cryptography: the first row of DESIGN, section 10.
struct VerificationBench {
  let rounds: Rounds

  func run(_ report: inout Report) async throws {
    report.begin("JWT verification without a cache, CPU time")
    for subject in try await VerificationSubject.all() {
      try await subject.prove()
      try await self.measure(subject, &report)
    }
  }

  private func measure(_ subject: VerificationSubject, _ report: inout Report) async throws {
    let token = subject.token
    let text = token.text
    // As a front door hands it over: a token within the header value that carried it.
    let presented = PresentedToken(BearerToken(text))
    guard let now = SystemTime().now() else { throw BenchFailure("there is no clock") }

    let values = try await self.rounds.measure([
      { _ in
        try cpuNanoseconds(per: subject.iterations) {
          guard subject.bare(token.signature, token.signingInput) else {
            throw BenchFailure("\(subject.name): swift-crypto refuses the good token")
          }
        }
      },
      { _ in
        try cpuNanoseconds(per: subject.iterations) {
          _ = try subject.tokenward.verify(presented, at: now)
        }
      },
      { _ in
        try await cpuNanoseconds(per: subject.iterations) {
          _ = try await subject.jwtKit.verify(text, as: JWTKitClaims.self)
        }
      },
    ])
    let (bare, tokenward, jwtKit) = (values[0], values[1], values[2])
    let name = subject.name
    report.show(Figure("\(name) swift-crypto", unit: "ns", Spread(bare)))
    report.show(Figure("\(name) tokenward", unit: "ns", Spread(tokenward)))
    report.show(Figure("\(name) jwt-kit", unit: "ns", Spread(jwtKit)))
    report.show(
      Figure(
        "\(name) tokenward / swift-crypto",
        unit: "ratio",
        Spread(tokenward, over: bare),
        asked: subject.asked
      )
    )
    report.show(
      Figure("\(name) jwt-kit / swift-crypto", unit: "ratio", Spread(jwtKit, over: bare))
    )
  }
}
