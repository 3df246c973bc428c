// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao
import TokenwardTestKit

/// OpenBao locks a role for everybody after five wrong logins (catalogue O17).
@Suite("A login that OpenBao refuses", .timeLimit(.minutes(1)))
struct OpenBaoRefusalTests {
  private static let refusal = Bao.error(400, "invalid role or secret ID")

  private func field(_ openBao: OpenBao) throws -> KVSecret {
    try openBao.secret(path: "orders/oauth", field: "client_secret")
  }

  /// Asks after some seconds, and says how often OpenBao has been asked by then.
  private func ask(
    _ secret: KVSecret,
    after seconds: Int64,
    _ bench: BaoBench,
    _ answers: ScriptedHTTP.Outcome...
  ) async -> Int {
    bench.clock.advance(by: seconds)
    for answer in answers { bench.http.answer(answer) }
    #expect(await secret.refusal() == .refused)
    return bench.asked.count
  }

  @Test("is repeated once with the same secret_id, after a minute, and then not for 16 minutes")
  func heldBack() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    let secret = try self.field(openBao)
    #expect(await self.ask(secret, after: 0, bench, Self.refusal) == 1)
    #expect(openBao.status.lastFailure?.failure == .loginRefused)
    #expect(await self.ask(secret, after: 59, bench) == 1)
    #expect(openBao.status.lastFailure?.failure == .loginRefused)
    #expect(await self.ask(secret, after: 1, bench, Self.refusal) == 2)
    for _ in 0 ..< 15 { #expect(await self.ask(secret, after: 60, bench) == 2) }
    #expect(await self.ask(secret, after: 59, bench) == 2)
    // And again when no lock can come of it: this time once only.
    #expect(await self.ask(secret, after: 31, bench, Self.refusal) == 3)
    for _ in 0 ..< 15 { #expect(await self.ask(secret, after: 60, bench) == 3) }
    bench.clock.advance(by: 60)
    bench.http.answer(Bao.login(lease: "60"), Bao.secret())
    #expect(await secret.refusal() == nil)
    // After a login everything begins anew.
    #expect(await self.ask(secret, after: 60, bench, Self.refusal) == 6)
    #expect(await self.ask(secret, after: 60, bench, Self.refusal) == 7)
    #expect(await self.ask(secret, after: 60, bench) == 7)
  }

  @Test("is repeated by the loop as seldom, however long it runs")
  func loop() async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    for _ in 0 ..< 100 { bench.http.answer(Self.refusal) }
    let service = Task { await openBao.run() }
    var attempts: [Duration] = []
    let start = bench.clock.moment.monotonic
    while bench.clock.moment.monotonic < start + .seconds(7_200) {
      let duration = await bench.waiting.next()
      if bench.asked.count > attempts.count { attempts.append(bench.clock.moment.monotonic) }
      bench.clock.advanceMonotonic(by: duration)
      bench.waiting.pass()
    }
    service.cancel()
    await service.value
    #expect(attempts.count == bench.asked.count)
    // Six in two hours more than those at the beginning, and never a third within a quarter.
    #expect((7 ... 9).contains(attempts.count))
    for (first, third) in zip(attempts, attempts.dropFirst(2)) {
      #expect(third - first > .seconds(900))
    }
  }

  @Test("is repeated with another secret_id after the ordinary rest, and that one once more")
  func another() async throws {
    let bench = try BaoBench()
    let secret = try self.field(bench.openBao())
    #expect(await self.ask(secret, after: 0, bench, Self.refusal) == 1)
    try bench.write("another", to: "secret_id")
    bench.clock.advanceMonotonic(by: .milliseconds(499))
    #expect(await self.ask(secret, after: 0, bench) == 1, "not before its rest is over")
    bench.clock.advanceMonotonic(by: .milliseconds(1))
    #expect(await self.ask(secret, after: 0, bench, Self.refusal) == 2)
    #expect(await self.ask(secret, after: 60, bench, Self.refusal) == 3)
    #expect(await self.ask(secret, after: 60, bench) == 3)
  }

  @Test("twice is repeated once only with each secret_id after that: five lock the role")
  func manyWrong() async throws {
    let bench = try BaoBench()
    let secret = try self.field(bench.openBao())
    #expect(await self.ask(secret, after: 0, bench, Self.refusal) == 1)
    #expect(await self.ask(secret, after: 60, bench, Self.refusal) == 2)
    try bench.write("third", to: "secret_id")
    #expect(await self.ask(secret, after: 60, bench, Self.refusal) == 3)
    #expect(await self.ask(secret, after: 60, bench) == 3)
    // When OpenBao has forgotten those, the next one has its second attempt again.
    try bench.write("fourth", to: "secret_id")
    #expect(await self.ask(secret, after: 16 * 60, bench, Self.refusal) == 4)
    #expect(await self.ask(secret, after: 60, bench, Self.refusal) == 5)
    #expect(await self.ask(secret, after: 60, bench) == 5)
  }

  @Test("that is refused is repeated with the same secret_id once the role_id was mended")
  func roleIDMended() async throws {
    let bench = try BaoBench()
    try bench.write("wrong-role", to: "role_id", mode: 0o644)
    let login = OpenBaoLogin.appRole(
      roleID: .file(bench.path("role_id")),
      secretID: .file(bench.path("secret_id"))
    )
    let secret = try self.field(bench.openBao(login))
    bench.http.answer(Bao.error(400, "invalid role or secret ID"))
    #expect(await secret.refusal() == .refused)
    bench.clock.advance(by: 30)
    #expect(await secret.refusal() == .refused)
    #expect(bench.asked.count == 1)
    try bench.write("right-role", to: "role_id", mode: 0o644)
    bench.clock.advance(by: 29)
    bench.http.answer(Bao.login(), Bao.secret())
    #expect(await secret.refusal() == nil)
    #expect(bench.body(1).contains("right-role"))
  }

  @Test(
    "by something that is not OpenBao is an ordinary failure, and repeated like one",
    arguments: [
      Bao.answer(400, "<html>400 Bad Request</html>", type: "text/html"),
      Bao.answer(400, #"{"errors":["invalid role or secret ID"]}"#, type: "text/plain"),
      Bao.answer(400, #"{"errors":["invalid role or secret ID"]}"#, type: nil),
      Bao.answer(400, #"{"errors":"invalid role or secret ID"}"#),
      Bao.answer(400, #"{"error":["invalid role or secret ID"]}"#),
      Bao.answer(400, #"["errors"]"#), Bao.answer(400, ""),
    ]
  )
  func notOpenBao(_ outcome: ScriptedHTTP.Outcome) async throws {
    let bench = try BaoBench()
    let openBao = try bench.openBao()
    let secret = try self.field(openBao)
    for count in 1 ... 4 {
      bench.http.answer(outcome)
      #expect(await secret.refusal() == .unusable)
      #expect(openBao.status.lastFailure?.failure == .unusableAnswer)
      #expect(bench.asked.count == count)
      bench.clock.advance(by: 4)
    }
    bench.http.answer(Bao.login(), Bao.secret())
    #expect(await secret.refusal() == nil)
  }
}
