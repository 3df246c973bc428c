// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Testing
import TokenwardCore
import TokenwardHTTP
import TokenwardOpenBao
import TokenwardTestKit

@Suite("The configuration of OpenBao")
struct OpenBaoConfigurationTests {
  private func problems(
    _ body: () throws(ConfigurationError) -> Void
  )
    -> [ConfigurationError.Problem]
  {
    do throws(ConfigurationError) {
      try body()
      return []
    } catch {
      return error.problems
    }
  }

  private func problems(
    login: OpenBaoLogin,
    address: String = "https://bao.example.com",
    namespace: String? = nil
  ) throws -> [ConfigurationError.Problem] {
    let url = try RemoteURL(address)
    return self.problems { () throws(ConfigurationError) in
      _ = try OpenBao(address: url, namespace: namespace, login: login, transport: ScriptedHTTP())
    }
  }

  static let variables = ["$BAO_TOKEN", "env:BAO_TOKEN", "ENV:X", "${X}", "$"]

  @Test("refuses environment variables and says what to use instead", arguments: variables)
  func environment(_ text: String) throws {
    let good = "/run/secrets/x"
    let logins: [(OpenBaoLogin, String)] = [
      (.appRole(roleID: .value(text), secretID: .file(good)), "login.role_id"),
      (.appRole(roleID: .file(text), secretID: .file(good)), "login.role_id_file"),
      (.appRole(roleID: .value("r"), secretID: .file(text)), "login.secret_id_file"),
      (.appRole(roleID: .value("r"), secretID: .wrappedFile(text)), "login.wrapped_secret_id_file"),
      (.kubernetes(role: "r", tokenFile: text), "login.token_file"),
      (.tokenFile(text), "login.token_file"),
    ]
    for (login, path) in logins {
      let problems = try self.problems(login: login)
      #expect(problems.map(\.path) == [path])
      #expect(problems.first?.problem.contains("environment variable") == true)
      #expect(problems.first?.hint.contains("chmod 600") == true)
    }
    let openBao = try BaoBench().openBao()
    let problems = self.problems { () throws(ConfigurationError) in
      _ = try openBao.secret(path: text, field: "f")
    }
    #expect(problems.map(\.path) == ["path"])
    #expect(problems.first?.hint.contains("bao kv put") == true)
  }

  @Test("refuses what is no path of a file, without repeating it: it may be the secret itself")
  func pastedSecret() throws {
    for text in ["s.SeCrEtSeCrEt", "", "tokens", "~/token", "file:/x", "a/b", "/x\0"] {
      let problems = try self.problems(login: .tokenFile(text))
      #expect(problems.map(\.path) == ["login.token_file"])
      #expect(text.isEmpty || problems.first?.description.contains(text) == false)
    }
    for text in ["/token", "./token", "../token"] {
      #expect(try self.problems(login: .tokenFile(text)).isEmpty)
    }
  }

  static let badNames = [
    "", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/..", ".", "a/./b", "...", "a%2e%2e/b",
    "%",
    "a?b", "a?version=1", "a#b", "a b", "a\tb", "a\nb", "a\0b", "ä", "a\\b", "a;b", "a:b", "a*",
    "a+b",
    "\u{212A}", String(repeating: "a", count: 513),
  ]

  @Test("refuses names that two readers of an address could read differently", arguments: badNames)
  func names(_ name: String) throws {
    let openBao = try BaoBench().openBao()
    #expect(
      self.problems { () throws(ConfigurationError) in
        _ = try openBao.secret(mount: name, path: "p", field: "f")
      }.map(\.path) == ["mount"]
    )
    #expect(
      self.problems { () throws(ConfigurationError) in
        _ = try openBao.secret(path: name, field: "f")
      }.map(\.path) == ["path"]
    )
    let file = "/run/secrets/x"
    #expect(
      try self.problems(login: .tokenFile(file), namespace: name).map(\.path) == ["namespace"]
    )
    for login: OpenBaoLogin in [
      .appRole(mount: name, roleID: .value("r"), secretID: .file(file)),
      .kubernetes(mount: name, role: "r"),
    ] {
      #expect(try self.problems(login: login).map(\.path) == ["login.mount"])
    }
  }

  @Test(
    "accepts ordinary names",
    arguments: [
      "a", "secret", "a/b/c", "a.b", "..a", "a..b/c", "A-Z_0", String(repeating: "a", count: 512),
    ]
  )
  func goodNames(_ name: String) throws {
    let openBao = try BaoBench().openBao(namespace: name)
    _ = try openBao.secret(mount: name, path: name, field: "f", version: 1)
    #expect(try self.problems(login: .kubernetes(mount: name, role: "r")).isEmpty)
  }

  @Test("refuses fields and roles that cannot be seen, and versions before the first")
  func labels() throws {
    let openBao = try BaoBench().openBao()
    let long = String(repeating: "a", count: 256)
    for field in ["", "a\nb", "a\0", "\u{202E}a", "\u{200B}", "\u{2028}", long + "a"] {
      #expect(
        self.problems { () throws(ConfigurationError) in
          _ = try openBao.secret(path: "p", field: field)
        }.map(\.path) == ["field"]
      )
      #expect(try self.problems(login: .kubernetes(role: field)).map(\.path) == ["login.role"])
    }
    for field in ["f", "client secret", "\"", "schlüssel", long] {
      _ = try openBao.secret(path: "p", field: field)
      #expect(try self.problems(login: .kubernetes(role: field)).isEmpty)
    }
    for version in [0, -1, Int64.min] {
      #expect(
        self.problems { () throws(ConfigurationError) in
          _ = try openBao.secret(path: "p", field: "f", version: version)
        }.map(\.path) == ["version"]
      )
    }
    for value in ["", "two words", "ü"] {
      let login = OpenBaoLogin.appRole(roleID: .value(value), secretID: .file("/x"))
      #expect(try self.problems(login: login).map(\.path) == ["login.role_id"])
    }
  }

  @Test("refuses an address with a path, and reports everything together")
  func address() throws {
    for address in ["https://bao.example.com/v1", "https://bao.example.com/?x=1"] {
      #expect(
        try self.problems(login: .tokenFile("/x"), address: address).map(\.path) == ["address"]
      )
    }
    #expect(try self.problems(login: .tokenFile("/x"), address: "https://[::1]:8200/").isEmpty)
    let all = try self.problems(
      login: .appRole(mount: "..", roleID: .value(""), secretID: .file("x")),
      address: "https://bao.example.com/v1",
      namespace: ""
    )
    let paths = [
      "address", "namespace", "login.mount", "login.role_id", "login.secret_id_file",
    ]
    #expect(all.map(\.path) == paths)
    // With the file of authorities, which is looked at first.
    let url = try RemoteURL("https://bao.example.com/v1")
    let problems = self.problems { () throws(ConfigurationError) in
      _ = try OpenBao(address: url, roots: .file("/does/not/exist"), login: .tokenFile("x"))
    }
    #expect(problems.map(\.path) == ["ca", "address", "login.token_file"])
    let openBao = try BaoBench().openBao()
    let names = self.problems { () throws(ConfigurationError) in
      _ = try openBao.secret(mount: "", path: "", field: "", version: 0)
    }
    #expect(names.map(\.path) == ["mount", "path", "field", "version"])
  }
}
