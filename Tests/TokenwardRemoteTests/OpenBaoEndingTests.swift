// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao
import TokenwardTestKit

@Suite("The token of a login that nobody needs any more", .timeLimit(.minutes(1)))
struct OpenBaoEndingTests {
  private static let revocation = "auth/token/revoke-self"

  private func field(_ openBao: OpenBao) throws -> KVSecret {
    try openBao.secret(path: "orders/oauth", field: "client_secret")
  }

  /// Runs the service for as long as `body` takes.
  private func running(_ openBao: OpenBao, _ body: () async throws -> Void) async throws {
    let service = Task { await openBao.run() }
    do {
      try await body()
    } catch {
      service.cancel()
      throw error
    }
    service.cancel()
    await service.value
  }

  @Test("is revoked when the service stops, within two seconds, and not used after that")
  func stopped() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    bench.http.answer(Bao.login())
    try await self.running(openBao) {
      #expect(await bench.waiting.next() == .seconds(800))
      bench.http.answer(Bao.answer(204, "", type: nil))
    }
    try #require(bench.asked == ["auth/approle/login", Self.revocation])
    #expect(bench.header("X-Vault-Token", 1) == ["s.first"])
    let deadline = try #require(bench.http.requests[1].deadline)
    #expect(deadline <= .now + .seconds(2))
    #expect(openBao.status.authenticatedUntil == nil)
    // What stops later than this service still gets its secrets.
    bench.http.answer(Bao.login("s.second"), Bao.secret())
    let later = try self.field(openBao)
    #expect(await later.refusal() == nil)
    try #require(bench.asked.count == 4)
    #expect(bench.header("X-Vault-Token", 3) == ["s.second"])
  }

  @Test("is revoked once, whether or not OpenBao answers, and its failure is nobody's")
  func unanswered() async throws {
    for outcome in [Bao.error(403), Bao.error(503), .failure(.deadlineExceeded)] {
      let bench = try BaoBench()
      let openBao = try bench.openBao()
      bench.http.answer(Bao.login())
      try await self.running(openBao) {
        #expect(await bench.waiting.next() == .seconds(800))
        bench.http.answer(outcome)
      }
      #expect(bench.asked == ["auth/approle/login", Self.revocation])
      #expect(!openBao.status.isFailing)
      #expect(bench.events.events.count == 1)
    }
  }

  @Test("is revoked when another login replaces it, and the loop does not wait for that")
  func replaced() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    bench.http.answer(Bao.login(renewable: "false"))
    try await self.running(openBao) {
      #expect(await bench.waiting.next() == .seconds(800))
      bench.http.answer(Bao.login("s.second"), Bao.error(503))
      bench.clock.advance(by: 800)
      bench.waiting.pass()
      #expect(await bench.waiting.next() == .seconds(800))
      #expect(await eventually { bench.asked.count == 3 })
    }
    let login = "auth/approle/login"
    try #require(bench.asked == [login, login, Self.revocation, Self.revocation])
    #expect(bench.header("X-Vault-Token", 2) == ["s.first"])
    #expect(bench.header("X-Vault-Token", 3) == ["s.second"])
  }

  @Test("is left alone if somebody else has fetched it")
  func tokenFile() async throws {
    let bench = try BaoBench()
    try bench.write("s.one", to: "token")
    let openBao = try bench.openBao(.tokenFile(bench.path("token")))
    bench.http.answer(Bao.lookUp(renewable: "false"), Bao.lookUp())
    try await self.running(openBao) {
      #expect(await bench.waiting.next() == .seconds(800))
      try bench.write("s.two", to: "token")
      bench.clock.advance(by: 800)
      bench.waiting.pass()
      #expect(await bench.waiting.next() == .seconds(800))
    }
    #expect(bench.asked == ["auth/token/lookup-self", "auth/token/lookup-self"])
  }

  @Test("is left alone if OpenBao has refused it, or its lease is over")
  func endedAlready() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    bench.http.answer(Bao.login())
    try await self.running(openBao) {
      #expect(await bench.waiting.next() == .seconds(800))
      bench.http.answer(Bao.error(403), Bao.error(503))
      let secret = try self.field(openBao)
      #expect(await secret.refusal() == .unavailable)
    }
    #expect(bench.asked.filter { $0 == Self.revocation } == [])
    let late = try BaoBench()
    let lapsed = try late.openBao()
    late.http.answer(Bao.login())
    try await self.running(lapsed) {
      #expect(await late.waiting.next() == .seconds(800))
      late.clock.advance(by: 1_200)
    }
    #expect(late.asked == ["auth/approle/login"])
  }
}
