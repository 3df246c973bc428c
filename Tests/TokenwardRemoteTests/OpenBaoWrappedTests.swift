// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao
import TokenwardTestKit

/// Response-wrapped secret_ids (catalogue O18).
@Suite("A wrapped secret_id", .timeLimit(.minutes(1)))
struct OpenBaoWrappedTests {
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

  @Test("is looked at, opened once, and kept for later logins")
  func opened() async throws {
    let bench = try BaoBench()
    try bench.write("s.wrapping\n", to: "wrapping")
    let openBao = try bench.openBao(bench.wrapped)
    bench.http.answer(Bao.wrapping(), Bao.unwrapped(), Bao.login(), Bao.secret())
    try await self.expect(nil, openBao)
    #expect(
      bench.asked == [
        "sys/wrapping/lookup", "sys/wrapping/unwrap", "auth/approle/login",
        "secret/data/orders/oauth",
      ]
    )
    #expect(bench.body(0) == #"{"token":"s.wrapping"}"#)
    #expect(bench.header("X-Vault-Token", 0) == [])
    #expect(bench.header("X-Vault-Token", 1) == ["s.wrapping"])
    #expect(bench.body(2) == #"{"role_id":"the-role-id","secret_id":"unwrapped-secret-id"}"#)
    bench.clock.advance(by: 1_200)
    bench.http.answer(Bao.login("s.second"), Bao.secret())
    try await self.expect(nil, openBao)
    #expect(bench.asked.dropFirst(4) == ["auth/approle/login", "secret/data/orders/oauth"])
    // A new wrapping token in the file is opened at the next login.
    try bench.write("s.another", to: "wrapping")
    bench.clock.advance(by: 1_200)
    bench.http.answer(Bao.wrapping(), Bao.unwrapped("newer"), Bao.login("s.third"), Bao.secret())
    try await self.expect(nil, openBao)
    #expect(bench.body(8) == #"{"role_id":"the-role-id","secret_id":"newer"}"#)
    #expect(openBao.status.wrappedTokenReuses == 0)
  }

  @Test(
    "that was used before is an alarm, counted once, and never asked for again",
    arguments: [1, 2]
  )
  func used(_ step: Int) async throws {
    let bench = try BaoBench()
    try bench.write("s.wrapping", to: "wrapping")
    let openBao = try bench.openBao(bench.wrapped)
    let secret = try self.field(openBao)
    let used = Bao.error(400, "wrapping token is not valid or does not exist")
    if step == 1 { bench.http.answer(used) } else { bench.http.answer(Bao.wrapping(), used) }
    let error = await #expect(throws: SecretError.self) { try await secret.text() }
    #expect(error?.kind == .alreadyUnwrapped)
    #expect(error?.problem.contains("ALARM") == true)
    #expect(error?.description.contains("s.wrapping") == false)
    for _ in 0 ..< 3 {
      bench.clock.advance(by: 60)
      #expect(await secret.refusal() == .alreadyUnwrapped)
    }
    #expect(bench.asked.count == step)
    #expect(openBao.status.wrappedTokenReuses == 1)
    #expect(openBao.status.lastFailure?.failure == .wrappedTokenReused)
    #expect(bench.events.events.contains(.failed(.wrappedTokenReused)))
    // A new one in the file mends it.
    try bench.write("s.fresh", to: "wrapping")
    bench.clock.advance(by: 60)
    bench.http.answer(Bao.wrapping(), Bao.unwrapped(), Bao.login(), Bao.secret())
    #expect(await secret.refusal() == nil)
    #expect(openBao.status.wrappedTokenReuses == 1)
  }

  @Test(
    "that OpenBao did not wrap for this login is an alarm, and is not opened",
    arguments: [
      "sys/wrapping/wrap", "auth/other/role/orders/secret-id", "auth/approle/role/orders/role-id",
      "auth/approle/role/secret-id", "auth/approle/role//secret-id",
      "auth/approle/role/a/b/secret-id", "x/auth/approle/role/orders/secret-id", "",
    ]
  )
  func foreign(_ path: String) async throws {
    let bench = try BaoBench()
    try bench.write("s.wrapping", to: "wrapping")
    let openBao = try bench.openBao(bench.wrapped)
    bench.http.answer(Bao.wrapping(path), Bao.unwrapped(), Bao.login(), Bao.secret())
    try await self.expect(.alreadyUnwrapped, openBao)
    #expect(bench.asked == ["sys/wrapping/lookup"])
    #expect(openBao.status.wrappedTokenReuses == 1)
    #expect(openBao.status.lastFailure?.failure == .wrappedTokenForeign)
  }

  @Test("may have been made with a secret_id of the operator's choice")
  func custom() async throws {
    let bench = try BaoBench()
    try bench.write("s.wrapping", to: "wrapping")
    bench.http.answer(
      Bao.wrapping("auth/approle/role/orders/custom-secret-id"),
      Bao.unwrapped(),
      Bao.login(),
      Bao.secret()
    )
    try await self.expect(nil, try bench.openBao(bench.wrapped))
  }

  @Test("is asked for again while OpenBao is sealed: that is no alarm")
  func sealed() async throws {
    let bench = try BaoBench()
    try bench.write("s.wrapping", to: "wrapping")
    let openBao = try bench.openBao(bench.wrapped)
    let secret = try self.field(openBao)
    bench.http.answer(Bao.error(503, "Vault is sealed"), Bao.wrapping(), Bao.error(503))
    for _ in 0 ..< 2 {
      #expect(await secret.refusal() == .unavailable)
      bench.clock.advance(by: 60)
    }
    bench.http.answer(Bao.wrapping(), Bao.unwrapped(), Bao.login(), Bao.secret())
    #expect(await secret.refusal() == nil)
    #expect(openBao.status.wrappedTokenReuses == 0)
  }

  @Test(
    "that unwraps to something else is unusable",
    arguments: [
      #"{"secret_id":5}"#, #"{"secret_id":""}"#, #"{"secret_id":"two words"}"#,
      #"{"secret_id":"line\nend"}"#, #"{"token":"x"}"#, "null", "[]",
    ]
  )
  func content(_ data: String) async throws {
    let bench = try BaoBench()
    try bench.write("s.wrapping", to: "wrapping")
    bench.http.answer(
      Bao.wrapping(),
      Bao.answer(200, #"{"data":\#(data)}"#),
      Bao.login(),
      Bao.secret()
    )
    try await self.expect(.unusable, try bench.openBao(bench.wrapped))
    #expect(bench.asked.count == 2)
  }
}
