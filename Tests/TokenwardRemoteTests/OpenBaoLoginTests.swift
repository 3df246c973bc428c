// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao
import TokenwardTestKit

@Suite("A login to OpenBao", .timeLimit(.minutes(1)))
struct OpenBaoLoginTests {
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

  @Test("with AppRole sends role_id and secret_id, then the token, and nothing in an address")
  func appRole() async throws {
    let bench = try BaoBench()
    bench.http.answer(Bao.login(), Bao.secret())
    let secret = try self.field(bench.openBao(namespace: "team/orders"))
    #expect(try await secret.text() == "s3cret")
    #expect(bench.asked == ["auth/approle/login", "secret/data/orders/oauth"])
    #expect(bench.body(0) == #"{"role_id":"the-role-id","secret_id":"the-secret-id"}"#)
    #expect(bench.header("X-Vault-Token", 0) == [])
    #expect(bench.header("X-Vault-Token", 1) == ["s.first"])
    let address = try RemoteURL("https://bao.example.com:8200")
    for index in 0 ... 1 {
      #expect(bench.header("X-Vault-Request", index) == ["true"])
      #expect(bench.header("X-Vault-Namespace", index) == ["team/orders"])
      #expect(bench.http.requests[index].url.hasSameOrigin(as: address))
    }
    #expect(bench.http.requests[1].body.isEmpty)
  }

  @Test("takes role_id from a file, and mount and names as they are configured")
  func roleIDFile() async throws {
    let bench = try BaoBench()
    try bench.write("role\"from\\file", to: "role_id", mode: 0o644)
    let login = OpenBaoLogin.appRole(
      mount: "machines/approle",
      roleID: .file(bench.path("role_id")),
      secretID: .file(bench.path("secret_id"))
    )
    bench.http.answer(Bao.login(), Bao.secret(metadata: Bao.metadata(version: "3")))
    let secret = try bench.openBao(login)
      .secret(mount: "kv/team", path: "a.b/c-d_e", field: "client_secret", version: 3)
    #expect(try await secret.text() == "s3cret")
    #expect(bench.asked == ["auth/machines/approle/login", "kv/team/data/a.b/c-d_e?version=3"])
    #expect(bench.body(0).hasPrefix(#"{"role_id":"role\"from\\file","#))
  }

  @Test("with Kubernetes sends role and service-account token, read anew each time")
  func kubernetes() async throws {
    let bench = try BaoBench()
    try bench.write("aaa.bbb.ccc", to: "jwt", mode: 0o644)
    let openBao = try bench.openBao(
      .kubernetes(role: "ord\"ers", tokenFile: bench.path("jwt"))
    )
    bench.http.answer(Bao.login(), Bao.secret(), Bao.login("s.second"), Bao.secret())
    try await self.expect(nil, openBao)
    #expect(bench.asked[0] == "auth/kubernetes/login")
    #expect(bench.body(0) == #"{"role":"ord\"ers","jwt":"aaa.bbb.ccc"}"#)
    try bench.write("ddd.eee.fff", to: "jwt", mode: 0o640)
    bench.clock.advance(by: 1_200)
    try await self.expect(nil, openBao)
    #expect(bench.body(2) == #"{"role":"ord\"ers","jwt":"ddd.eee.fff"}"#)
  }

  @Test("with a token file asks how long the token is good for, and uses it")
  func tokenFile() async throws {
    let bench = try BaoBench()
    try bench.write("s.from-file\n", to: "token")
    let openBao = try bench.openBao(.tokenFile(bench.path("token")))
    bench.http.answer(Bao.lookUp(ttl: "600"), Bao.secret())
    try await self.expect(nil, openBao)
    #expect(bench.asked == ["auth/token/lookup-self", "secret/data/orders/oauth"])
    for index in 0 ... 1 { #expect(bench.header("X-Vault-Token", index) == ["s.from-file"]) }
    #expect(openBao.status.authenticatedUntil == bench.clock.moment.unix.adding(seconds: 600))
  }

  @Test(
    "is refused if somebody else can read its secret",
    arguments: [0o640, 0o604, 0o644, 0o620, 0o602, 0o610, 0o601, 0o666]
  )
  func tooOpen(_ mode: Int) async throws {
    for name in ["secret_id", "wrapping", "token"] {
      let bench = try BaoBench()
      try bench.write("the-secret-itself", to: name, mode: mode)
      let login: OpenBaoLogin =
        switch name {
        case "secret_id": bench.appRole
        case "wrapping": bench.wrapped
        default: .tokenFile(bench.path("token"))
        }
      let secret = try self.field(bench.openBao(login))
      bench.http.answer(Bao.login(), Bao.secret())
      let error = await #expect(throws: SecretError.self) { try await secret.text() }
      #expect(error?.kind == .refused)
      #expect(error?.hint.contains("chmod 600") == true)
      #expect(error?.description.contains("the-secret-itself") == false)
      #expect(bench.asked == [])
    }
  }

  @Test("accepts a service-account token that others read, and not one that they write")
  func mounted() async throws {
    for (mode, isAccepted) in [
      (0o600, true), (0o640, true), (0o644, true), (0o444, true), (0o664, false), (0o646, false),
      (0o620, false), (0o602, false),
    ] {
      let bench = try BaoBench()
      try bench.write("aaa.bbb.ccc", to: "jwt", mode: mode)
      bench.http.answer(Bao.login(), Bao.secret())
      let login = OpenBaoLogin.kubernetes(role: "orders", tokenFile: bench.path("jwt"))
      let refusal = await (try self.field(bench.openBao(login))).refusal()
      #expect(refusal == (isAccepted ? nil : .refused), "mode \(String(mode, radix: 8))")
      #expect(bench.asked.isEmpty != isAccepted)
    }
  }

  @Test(
    "is refused if the file holds no single credential",
    arguments: [
      "", "\n", "two words", "two\nlines", "tab\there", "umläut", "nul\0", "end \n", "a\n\n",
    ]
  )
  func content(_ content: String) async throws {
    let bench = try BaoBench()
    try bench.write(content, to: "secret_id")
    bench.http.answer(Bao.login(), Bao.secret())
    try await self.expect(.refused, try bench.openBao())
    #expect(bench.asked == [])
    try bench.write("good\r\n", to: "secret_id")
    bench.clock.advance(by: 60)
    try await self.expect(nil, try bench.openBao())
    #expect(bench.body(0).hasSuffix(#""secret_id":"good"}"#))
  }

  @Test("is refused for a file that is missing, a folder, too long, or a token that cannot end")
  func unusableFiles() async throws {
    let bench = try BaoBench()
    for path in [bench.path("missing"), bench.path("")] {
      let secret = try self.field(bench.openBao(.tokenFile(path)))
      #expect(await secret.refusal() == .refused)
    }
    try bench.write(String(repeating: "a", count: 16_385), to: "token")
    let secret = try self.field(bench.openBao(.tokenFile(bench.path("token"))))
    #expect(await secret.refusal() == .refused)
    #expect(bench.asked == [])
    // The twin: one byte less.
    try bench.write(String(repeating: "a", count: 16_384), to: "token")
    bench.clock.advance(by: 60)
    bench.http.answer(Bao.lookUp(), Bao.secret())
    #expect(await secret.refusal() == nil)
    // The root token has no end.
    let root = try BaoBench()
    try root.write("s.root", to: "token")
    root.http.answer(Bao.lookUp(ttl: "0"), Bao.secret())
    let openBao = try root.openBao(.tokenFile(root.path("token")))
    try await self.expect(.unusable, openBao)
  }

  @Test("that is denied, as by a locked role, is tried again after a rest")
  func locked() async throws {
    let bench = try BaoBench()
    let secret = try self.field(bench.openBao())
    bench.http.answer(Bao.error(403), Bao.login(), Bao.secret())
    #expect(await secret.refusal() == .refused)
    #expect(await secret.refusal() == .refused)
    #expect(bench.asked.count == 1)
    bench.clock.advance(by: 1)
    #expect(await secret.refusal() == nil)
  }
}
