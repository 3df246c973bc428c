// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao
import TokenwardTestKit

/// The life of a login: renewed, replaced, rested (catalogue O17).
@Suite("A session with OpenBao", .timeLimit(.minutes(1)))
struct OpenBaoSessionTests {
  private func field(_ openBao: OpenBao) throws -> KVSecret {
    try openBao.secret(path: "orders/oauth", field: "client_secret")
  }

  /// Whether the secret is given, or why not.
  private func expect(
    _ refusal: SecretError.Kind?,
    _ openBao: OpenBao,
    at location: SourceLocation = #_sourceLocation
  ) async throws {
    let found = await (try self.field(openBao)).refusal()
    #expect(found == refusal, sourceLocation: location)
  }

  /// Runs the service while `body` looks at what it waits for.
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

  private func pass(_ seconds: Int64, _ bench: BaoBench) {
    bench.clock.advance(by: seconds)
    bench.waiting.pass()
  }

  @Test("is renewed after two thirds of its lease, again and again, until it is near its end")
  func renewed() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    bench.http.answer(
      Bao.login(lease: "1200"),
      Bao.login(lease: "1200"),
      Bao.login(lease: "600"),
      Bao.login(lease: "599"),
      Bao.login("s.second", lease: "1200")
    )
    try await self.running(openBao) {
      #expect(await bench.waiting.next() == .seconds(800))
      let start = bench.clock.moment.unix
      #expect(openBao.status.authenticatedUntil == start.adding(seconds: 1_200))
      self.pass(800, bench)
      #expect(await bench.waiting.next() == .seconds(800))
      #expect(openBao.status.authenticatedUntil == start.adding(seconds: 2_000))
      self.pass(800, bench)
      #expect(await bench.waiting.next() == .seconds(400))
      self.pass(400, bench)
      // Less than half of what it was: OpenBao will not give much more.
      #expect(await bench.waiting.next() == .milliseconds(599 * 2_000 / 3))
      self.pass(400, bench)
      #expect(await bench.waiting.next() == .seconds(800))
      let until = openBao.status.authenticatedUntil ?? UnixTime(seconds: 0)
      #expect(bench.events.events.last == .loggedIn(until: until))
    }
    let renewal = "auth/token/renew-self"
    let asked = ["auth/approle/login", renewal, renewal, renewal, "auth/approle/login"]
    #expect(Array(bench.asked.prefix(5)) == asked)
    for index in 1 ... 3 { #expect(bench.header("X-Vault-Token", index) == ["s.first"]) }
    #expect(bench.events.events.count == 5)
  }

  @Test("that cannot be renewed is replaced after two thirds of its lease")
  func notRenewable() async throws {
    let bench = try BaoBench()
    bench.http.answer(Bao.login(renewable: "false"), Bao.login("s.second"))
    try await self.running(bench.openBao()) {
      #expect(await bench.waiting.next() == .seconds(800))
      self.pass(800, bench)
      #expect(await bench.waiting.next() == .seconds(800))
    }
    #expect(Array(bench.asked.prefix(2)) == ["auth/approle/login", "auth/approle/login"])
  }

  @Test("whose renewal is refused, or answered with nonsense, is replaced at once")
  func renewalRefused() async throws {
    for outcome in [
      Bao.error(403), Bao.error(400, "lease is not renewable"), Bao.error(404),
      Bao.login("s.somebody-elses"), Bao.login(lease: "0"), Bao.answer(200, "<html>"),
      .failure(.tooLarge),
    ] {
      let bench = try BaoBench()
      let openBao = try bench.openBao()
      bench.http.answer(Bao.login(), outcome, Bao.login("s.second"), Bao.secret())
      try await self.running(openBao) {
        #expect(await bench.waiting.next() == .seconds(800))
        self.pass(800, bench)
        #expect(await bench.waiting.next() == .seconds(800))
        try await self.expect(nil, openBao)
      }
      #expect(bench.header("X-Vault-Token", 3) == ["s.second"])
    }
  }

  @Test("whose renewal does not get through is kept until its lease ends, and not longer")
  func renewalUnavailable() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    bench.http.answer(Bao.login(lease: "30"), Bao.error(503), Bao.secret())
    try await self.running(openBao) {
      #expect(await bench.waiting.next() == .seconds(20))
      self.pass(20, bench)
      #expect(await bench.waiting.next() == .milliseconds(500))
      try await self.expect(nil, openBao)
      bench.clock.advance(by: 10)
      bench.http.answer(Bao.error(503))
      // The lease is over: the token is not used any more, and the failure is a login's.
      try await self.expect(.unavailable, openBao)
      #expect(bench.asked.last == "auth/approle/login")
    }
  }

  @Test("is left alone for growing times while OpenBao fails, and comes back by itself")
  func backoff() async throws {
    for (jitter, share) in [(0.0, 500), (0.5, 750), (2.0, 500), (.nan, 500)] as [(Double, Int64)] {
      let bench = try BaoBench()
      let openBao = try bench.openBao(jitter: jitter)
      try await self.running(openBao) {
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] as [Int64] {
          #expect(await bench.waiting.next() == .milliseconds(seconds * share))
          self.pass(seconds, bench)
        }
        _ = await bench.waiting.next()
        #expect(openBao.status.isFailing)
        bench.http.answer(Bao.login(), Bao.error(503))
        self.pass(60, bench)
        #expect(await bench.waiting.next() == .seconds(800))
        #expect(!openBao.status.isFailing)
        #expect(openBao.status.lastFailure?.failure == .unreachable)
        // And the next time from the beginning.
        self.pass(800, bench)
        #expect(await bench.waiting.next() == .milliseconds(share))
        #expect(bench.asked.count == 12)
      }
    }
  }

  @Test("whose login has just failed answers with that failure instead of asking again")
  func replayed() async throws {
    let bench = try BaoBench()
    let secret = try self.field(bench.openBao())
    bench.http.answer(Bao.error(503))
    for _ in 0 ..< 100 { #expect(await secret.refusal() == .unavailable) }
    #expect(bench.asked.count == 1)
    bench.clock.advanceMonotonic(by: .milliseconds(499))
    #expect(await secret.refusal() == .unavailable)
    #expect(bench.asked.count == 1)
    bench.clock.advanceMonotonic(by: .milliseconds(1))
    bench.http.answer(Bao.login(), Bao.secret())
    #expect(await secret.refusal() == nil)
  }

  @Test("logs in once for all who need it, and goes on when one of them gives up")
  func singleFlight() async throws {
    let bench = try BaoBench()
    let secret = try self.field(bench.openBao())
    bench.http.answer(Bao.login())
    bench.http.hold()
    let tasks = (0 ..< 50).map { _ in Task { await secret.refusal() } }
    while bench.http.heldCount == 0 { await Task.yield() }
    // The one who began it may be among them.
    for task in tasks.prefix(25) { task.cancel() }
    for task in tasks.prefix(25) { #expect(await task.value == .unavailable) }
    #expect(bench.asked == ["auth/approle/login"])
    for _ in 0 ..< 25 { bench.http.answer(Bao.secret()) }
    bench.http.release()
    for task in tasks.dropFirst(25) { #expect(await task.value == nil) }
    #expect(bench.asked.filter { $0.hasPrefix("auth") }.count == 1)
    #expect(bench.asked.count == 26)
  }

  @Test("whose token was revoked is replaced once, and the question asked again")
  func revoked() async throws {
    let bench = try BaoBench()
    let secret = try self.field(bench.openBao())
    bench.http.answer(
      Bao.login(),
      Bao.secret(),
      Bao.error(403),
      Bao.login("s.second"),
      Bao.secret(),
      Bao.secret()
    )
    for _ in 0 ..< 3 { #expect(try await secret.text() == "s3cret") }
    #expect(bench.asked.filter { $0.hasPrefix("auth") }.count == 2)
    #expect(bench.header("X-Vault-Token", 2) == ["s.first"])
    #expect(bench.header("X-Vault-Token", 4) == ["s.second"])
    #expect(bench.header("X-Vault-Token", 5) == ["s.second"])
  }

  @Test("whose token was revoked while OpenBao cannot log anybody in has no secret and no login")
  func revokedAndSealed() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    let secret = try self.field(openBao)
    bench.http.answer(Bao.login(), Bao.secret(), Bao.error(403), Bao.error(503))
    #expect(await secret.refusal() == nil)
    #expect(await secret.refusal() == .unavailable)
    #expect(openBao.status.authenticatedUntil == nil)
  }

  @Test("that a policy denies is refused after one more login, and does not log in with every call")
  func denied() async throws {
    let bench = try BaoBench()
    let secret = try self.field(bench.openBao())
    bench.http.answer(Bao.login(), Bao.error(403), Bao.login("s.second"), Bao.error(403))
    #expect(await secret.refusal() == .refused)
    #expect(bench.asked.count == 4)
    for _ in 0 ..< 10 {
      bench.http.answer(Bao.error(403))
      #expect(await secret.refusal() == .refused)
    }
    #expect(bench.asked.filter { $0.hasPrefix("auth") }.count == 2)
    // After a rest, which grows.
    bench.clock.advance(by: 1)
    bench.http.answer(Bao.error(403), Bao.login("s.third"), Bao.error(403))
    #expect(await secret.refusal() == .refused)
    #expect(bench.asked.filter { $0.hasPrefix("auth") }.count == 3)
    bench.clock.advanceMonotonic(by: .milliseconds(999))
    bench.http.answer(Bao.error(403))
    #expect(await secret.refusal() == .refused)
    #expect(bench.asked.filter { $0.hasPrefix("auth") }.count == 3)
    // The policy was mended, and the token was revoked later: that is healed at once.
    bench.clock.advance(by: 60)
    bench.http.answer(Bao.error(403), Bao.login("s.4"), Bao.secret())
    #expect(await secret.refusal() == nil)
    bench.http.answer(Bao.error(403), Bao.login("s.5"), Bao.secret())
    #expect(await secret.refusal() == nil)
  }

  @Test("made anew for one that was denied serves all that were denied with it")
  func deniedTogether() async throws {
    let bench = try BaoBench()
    let server = RoutedHTTP(readers: 8)
    let secret = try self.field(bench.openBao(transport: server))
    let tasks = (0 ..< 8).map { _ in Task { await secret.refusal() } }
    for task in tasks { #expect(await task.value == nil) }
    #expect(server.logins == 2)
  }

  @Test("is over when its lease is, by the monotonic clock, whatever the wall clock says")
  func lapsed() async throws {
    let bench = try BaoBench()
    let secret = try self.field(bench.openBao())
    bench.http.answer(Bao.login(lease: "60"), Bao.secret(), Bao.secret())
    #expect(await secret.refusal() == nil)
    bench.clock.set(unix: UnixTime(seconds: 4_000_000_000))
    bench.clock.advanceMonotonic(by: .milliseconds(59_999))
    #expect(await secret.refusal() == nil)
    #expect(bench.asked.count == 3)
    bench.clock.advanceMonotonic(by: .milliseconds(1))
    bench.http.answer(Bao.login("s.second"), Bao.secret())
    #expect(await secret.refusal() == nil)
    #expect(bench.asked[3] == "auth/approle/login")
  }

  @Test("asks nobody while the clock cannot be read")
  func clock() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    bench.http.answer(Bao.login(), Bao.secret(), Bao.secret())
    try await self.expect(nil, openBao)
    bench.clock.setFailed()
    try await self.expect(.unavailable, openBao)
    #expect(openBao.status.lastFailure?.failure == .clockUnavailable)
    #expect(openBao.status.lastFailure?.time == nil)
    #expect(bench.asked.count == 2)
    bench.clock.setFailed(false)
    try await self.expect(nil, openBao)
  }

  @Test("with a shorter lease than before is renewed in time, though the loop was to sleep longer")
  func woken() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    bench.http.answer(Bao.login())
    try await self.running(openBao) {
      #expect(await bench.waiting.next() == .seconds(800))
      bench.http.answer(Bao.error(403), Bao.login("s.second", lease: "60"), Bao.secret())
      try await self.expect(nil, openBao)
      #expect(await bench.waiting.next() == .seconds(40))
    }
  }

  @Test("asks for a renewal once a second at most, and looks at the clock once an hour at least")
  func bounds() async throws {
    for (lease, wait) in [("1", 1), ("5400", 3_600), ("9999999", 3_600)] as [(String, Int64)] {
      let bench = try BaoBench()
      let openBao = try bench.openBao()
      bench.http.answer(Bao.login(lease: lease))
      try await self.running(openBao) { #expect(await bench.waiting.next() == .seconds(wait)) }
    }
    // No lease is believed for longer than OpenBao gives one.
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    bench.http.answer(Bao.login(lease: "99999999999"), Bao.secret())
    try await self.expect(nil, openBao)
    let until = bench.clock.moment.unix.adding(seconds: 768 * 3_600)
    #expect(openBao.status.authenticatedUntil == until)
  }

  @Test("with a token file takes the new token when its file was replaced, instead of renewing")
  func tokenFileReplaced() async throws {
    let bench = try BaoBench()
    try bench.write("s.one", to: "token")
    let openBao = try bench.openBao(.tokenFile(bench.path("token")))
    bench.http.answer(Bao.lookUp(), Bao.login("s.one"), Bao.lookUp())
    try await self.running(openBao) {
      #expect(await bench.waiting.next() == .seconds(800))
      self.pass(800, bench)
      #expect(await bench.waiting.next() == .seconds(800))
      try bench.write("s.two", to: "token")
      self.pass(800, bench)
      #expect(await bench.waiting.next() == .seconds(800))
    }
    #expect(
      bench.asked == ["auth/token/lookup-self", "auth/token/renew-self", "auth/token/lookup-self"]
    )
    #expect(bench.header("X-Vault-Token", 2) == ["s.two"])
  }

  @Test("ends when it is cancelled, also during a login, and leaves nobody waiting")
  func cancelled() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    bench.http.hold()
    let service = Task { await openBao.run() }
    while bench.http.heldCount == 0 { await Task.yield() }
    service.cancel()
    await service.value
    bench.http.answer(Bao.login(), Bao.secret())
    bench.http.release()
    try await self.expect(nil, openBao)
    #expect(bench.asked.count == 2)
  }
}
