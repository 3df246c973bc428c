// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardOpenBao
import TokenwardTestKit

/// A machine that believes to be in 1970: `SystemTime` has no moment then, but monotonic time.
@Suite("A session with OpenBao without a plausible date", .timeLimit(.minutes(1)))
struct OpenBaoClockTests {
  /// How long the loop waits next. One that does not wait is noticed by its events.
  private func expect(
    _ duration: Duration,
    _ bench: BaoBench,
    at location: SourceLocation = #_sourceLocation
  ) async throws {
    await eventually { bench.waiting.untold > 0 || bench.events.events.count > 100 }
    try #require(bench.waiting.untold > 0, "does not wait", sourceLocation: location)
    #expect(await bench.waiting.next() == duration, sourceLocation: location)
  }

  private func running(_ openBao: OpenBao, _ body: () async throws -> Void) async throws {
    let service = Task { await openBao.run() }
    let outcome: Result<Void, any Error>
    do {
      outcome = .success(try await body())
    } catch {
      outcome = .failure(error)
    }
    service.cancel()
    await service.value
    try outcome.get()
  }

  @Test("asks nobody, looks at the clock once a second, and says so once")
  func atStart() async throws {
    let bench = try BaoBench()
    bench.clock.setWallFailed()
    let openBao = try bench.openBao()
    try await self.running(openBao) {
      for _ in 0 ..< 20 {
        try await self.expect(.seconds(1), bench)
        #expect(bench.events.events == [.failed(.clockUnavailable)])
        bench.clock.advanceMonotonic(by: .seconds(1))
        bench.waiting.pass()
      }
      #expect(bench.asked == [])
      #expect(openBao.status.isFailing)
      try await self.expect(.seconds(1), bench)
      // The date is set: it goes on by itself.
      bench.clock.setWallFailed(false)
      bench.http.answer(Bao.login())
      bench.clock.advance(by: 1)
      bench.waiting.pass()
      try await self.expect(.seconds(800), bench)
      #expect(!openBao.status.isFailing)
    }
  }

  @Test("keeps the login that it has, and renews it when the date is back")
  func whileLoggedIn() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    bench.http.answer(Bao.login())
    try await self.running(openBao) {
      try await self.expect(.seconds(800), bench)
      for _ in 0 ..< 2 {
        bench.clock.advance(by: 800)
        bench.clock.setWallFailed()
        bench.waiting.pass()
        try await self.expect(.seconds(1), bench)
        let secret = try openBao.secret(path: "orders/oauth", field: "client_secret")
        #expect(await secret.refusal() == .unavailable)
        bench.clock.setWallFailed(false)
        bench.http.answer(Bao.login())
        bench.waiting.pass()
        try await self.expect(.seconds(800), bench)
      }
      let renewal = "auth/token/renew-self"
      #expect(bench.asked == ["auth/approle/login", renewal, renewal])
      // Once by the loop each time, and once by whoever asked.
      #expect(bench.events.events.filter { $0 == .failed(.clockUnavailable) }.count == 4)
    }
  }

  @Test("waits as long where the whole clock fails")
  func wholeClock() async throws {
    let bench = try BaoBench()
    bench.clock.setFailed()
    let openBao = try bench.openBao()
    try await self.running(openBao) {
      for _ in 0 ..< 3 {
        try await self.expect(.seconds(1), bench)
        bench.waiting.pass()
      }
      #expect(bench.events.events.count == 1)
    }
  }
}
