// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore
internal import TokenwardHTTP
internal import TokenwardOpenBao
internal import TokenwardRemote

/// Whom to ask about opaque tokens, and where the secret for that comes from.
extension ConfigurationDecoder {
  private static let introspectionKeys = [
    "issuer", "endpoint", "client_id", "client_secret", "audiences", "audiences_unchecked_because",
    "clock_skew", "max_lifetime", "cache", "ca", "plaintext_because",
  ]

  func introspection(_ field: ConfigurationField, vault: OpenBao?) -> IntrospectionVerifier? {
    guard let section = field.section(Self.introspectionKeys) else { return nil }
    let issuer = section.required("issuer", "write whose tokens these are")?
      .text("https://issuer.example.com")
    let plaintext = section["plaintext_because"].map { self.reason($0) }
    let url = section.required("endpoint", "write the address of the introspection endpoint")
      .flatMap { field in
        self.address(
          field,
          plaintext: (plaintext ?? nil).map { RemoteURL.Plaintext(because: $0) }
        )
      }
    let client = section.required("client_id", "write the name of this service at the issuer")?
      .text("orders")
    let secret = section.required("client_secret", "say where it is: {file: client.secret}")
      .flatMap { self.secret($0, vault: vault) }
    let audiences = self.audiences(section)
    let skew = self.clockSkew(section)
    let lifetime =
      section["max_lifetime"].map { $0.seconds() }
      ?? TrustedIssuer.defaultLifetimeSeconds
    let age = section["cache"].map { $0.seconds() } ?? 5
    var roots = HTTPRoots.system
    if let field = section["ca"] {
      guard let path = self.path(field, "issuer-ca.pem") else { return nil }
      roots = .file(path)
    }
    if let plaintext, plaintext == nil { return nil }
    guard let issuer, let url, let client, let secret, let audiences, let skew, let lifetime,
      let age
    else { return nil }
    var endpoint = IntrospectionEndpoint(
      issuer: Issuer(issuer),
      url: url,
      clientID: client,
      clientSecret: secret,
      audiences: audiences
    )
    endpoint.clockSkew = skew
    endpoint.maximumLifetimeSeconds = lifetime
    endpoint.age = .seconds(age)
    endpoint.roots = roots
    do throws(ConfigurationError) {
      return try IntrospectionVerifier(endpoint, time: self.time)
    } catch {
      self.report.add(error, below: section.field.path)
      return nil
    }
  }

  /// A secret in a file that only its owner can read, or in OpenBao. Never in the configuration.
  private func secret(_ field: ConfigurationField, vault: OpenBao?) -> (any SecretSource)? {
    guard let section = field.section(["file", "openbao"]) else { return nil }
    let place = section.either("file", or: "openbao", "name a file that only its owner can read")
    guard let place else { return nil }
    if section["file"] != nil {
      // Read here to say now what would fail at the first token; the content is not kept.
      guard self.content(of: place, "client.secret", privacy: .ownerSecret) != nil,
        let path = self.path(place, "client.secret")
      else { return nil }
      return FileSecretSource(checked: path)
    }
    guard let parts = place.section(["mount", "path", "field"]) else { return nil }
    let mount = parts["mount"].map { $0.text("secret") } ?? "secret"
    let path = parts.required("path", "write the path below the mount")?.text("orders/client")
    let name = parts.required("field", "write which field of the secret")?.text("secret")
    guard let vault else {
      place.fail("needs the section openbao", "say in openbao where it is and how to log in")
      return nil
    }
    guard let mount, let path, let name else { return nil }
    do throws(ConfigurationError) {
      return try vault.secret(mount: mount, path: path, field: name)
    } catch {
      self.report.add(error, below: place.path)
      return nil
    }
  }
}

// MARK: - OpenBao

extension ConfigurationDecoder {
  func openBao(_ field: ConfigurationField) -> OpenBao? {
    let keys = [
      "address", "ca", "namespace", "approle", "kubernetes", "token_file", "plaintext_because",
    ]
    guard let section = field.section(keys) else { return nil }
    let plaintext = section["plaintext_because"].map { self.reason($0) }
    let address = section.required("address", "write https://bao.example.com:8200")
      .flatMap { field in
        self.address(
          field,
          plaintext: (plaintext ?? nil).map { RemoteURL.Plaintext(because: $0) }
        )
      }
    let namespace = section["namespace"].map { $0.text("team") }
    let login = self.login(section)
    var roots = HTTPRoots.system
    if let field = section["ca"] {
      guard let path = self.path(field, "bao-ca.pem") else { return nil }
      roots = .file(path)
    }
    if let plaintext, plaintext == nil { return nil }
    if let namespace, namespace == nil { return nil }
    guard let address, let login else { return nil }
    do throws(ConfigurationError) {
      return try OpenBao(
        address: address,
        roots: roots,
        namespace: namespace ?? nil,
        login: login
      )
    } catch {
      self.report.add(error, below: section.field.path)
      return nil
    }
  }

  private func login(_ section: ConfigurationSection) -> OpenBaoLogin? {
    let ways = ["approle", "kubernetes", "token_file"].filter { section[$0] != nil }
    guard ways.count == 1, let way = ways.first, let field = section[way] else {
      section.field.fail(
        ways.isEmpty ? "does not say how to log in" : "says more than one way to log in",
        "give one of: approle, kubernetes, token_file"
      )
      return nil
    }
    switch way {
    case "approle": return self.appRole(field)
    case "kubernetes":
      guard let parts = field.section(["mount", "role", "token_file"]) else { return nil }
      let mount = parts["mount"].map { $0.text("kubernetes") } ?? "kubernetes"
      let role = parts.required("role", "write the role in OpenBao")?.text("orders")
      let file =
        parts["token_file"].map { self.path($0, "token") }
        ?? OpenBaoLogin.serviceAccountToken
      guard let mount, let role, let file else { return nil }
      return .kubernetes(mount: mount, role: role, tokenFile: file)
    default: return self.path(field, "bao.token").map { .tokenFile($0) }
    }
  }

  private func appRole(_ field: ConfigurationField) -> OpenBaoLogin? {
    let keys = ["mount", "role_id", "role_id_file", "secret_id_file", "wrapped_secret_id_file"]
    guard let parts = field.section(keys) else { return nil }
    let mount = parts["mount"].map { $0.text("approle") } ?? "approle"
    let role = parts.either("role_id", or: "role_id_file", "write the role_id, it is no secret")
    let secret = parts.either(
      "secret_id_file",
      or: "wrapped_secret_id_file",
      "name a file that only its owner can read"
    )
    let roleID: OpenBaoLogin.RoleID? = role.flatMap { role in
      parts["role_id"] != nil
        ? role.text("the role_id").map { .value($0) } : self.path(role, "role-id").map { .file($0) }
    }
    let path = self.path(secret, "secret-id")
    guard let mount, let roleID, let path else { return nil }
    let isWrapped = parts["wrapped_secret_id_file"] != nil
    return .appRole(
      mount: mount,
      roleID: roleID,
      secretID: isWrapped ? .wrappedFile(path) : .file(path)
    )
  }
}
