// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardRemote
import TokenwardTestKit

@Suite("The gate of a process that starts", .timeLimit(.minutes(2)))
struct KeyGateTests {
  @Test("it opens when every issuer has keys, and then stays open (J01)")
  func keys() async throws {
    let documents = ScriptedDocuments(.failure(.connectionFailed))
    try await RunningKeys.run(documents) { running in
      let gate = KeyGate([running.keys], grace: .seconds(1_000_000))
      #expect(!gate.isOpen(at: running.now))
      await running.pass(5)
      #expect(!gate.isOpen(at: running.now))
      try documents.publish(TestIssuer(keyID: "first"))
      await running.pass(60)
      #expect(gate.isOpen(at: running.now))
      documents.fail(.connectionFailed)
      running.time.clock.advance(by: 100_000)
      #expect(running.current == nil)
      #expect(gate.isOpen(at: running.now))
    }
  }

  @Test("it opens after its grace, and tokens are denied as unavailable (J01)")
  func grace() async throws {
    try await RunningKeys.run(ScriptedDocuments(.failure(.tlsFailed))) { running in
      let gate = KeyGate([running.keys], grace: .seconds(30))
      #expect(!gate.isOpen(at: running.now))
      running.time.clock.advance(by: 29)
      #expect(!gate.isOpen(at: running.now))
      #expect(!gate.isOpen(at: nil))
      running.time.clock.advance(by: 1)
      #expect(gate.isOpen(at: running.now))
      let issuer = try TestIssuer()
      let verifier = try JWTVerifier(issuers: [issuer.trusted(keys: running.keys)])
      let token = PresentedToken(BearerToken(try issuer.token(at: running.now.unix)))
      #expect(throws: VerificationFailure(.dependencyUnavailable)) {
        try verifier.verify(token, at: running.now)
      }
      #expect(gate.statuses(at: running.now).map(\.lastProblem) == [.tlsFailed])
    }
  }

  @Test("without issuers that have to be asked it is open from the start")
  func nothing() {
    #expect(KeyGate([]).isOpen(at: ManualClock().moment))
  }
}
