// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardAuthorityAPI
internal import TokenwardCore
internal import TokenwardHTTP

/// The token authority of this process.
extension ConfigurationDecoder {
  private static let authorityKeys = [
    "issuer", "audience", "directory", "store", "secrets", "signing", "audit", "bootstrap", "grpc",
    "http", "token_lifetime", "max_token_lifetime", "max_grace", "access_lifetime",
    "max_access_lifetime", "connections_per_address", "exchanges_per_second",
  ]

  func authority(
    _ field: ConfigurationField,
    hasVault: Bool
  ) -> Configuration.Authority? {
    guard let section = field.section(Self.authorityKeys) else { return nil }
    // Each part is read even when another one is wrong, so that one run reports them all.
    let issuer = self.authorityIssuer(section)
    let audience = section["audience"].map { $0.text("tokenward") } ?? "tokenward"
    let directory = section["directory"].map { self.path($0, "authority").map(Self.folder) }
    let places = AuthorityPlaces(directory ?? nil)
    let store = self.store(section, places)
    let secrets = self.secrets(section, places, hasVault: hasVault)
    let audit = self.place("audit", "file", places.audit, section)
    let token = self.place("bootstrap", "token_file", places.token, section)
    let limits = self.limits(section)
    let signing = self.signing(section, limits, hasVault: hasVault)
    let grpc = section.required("grpc", "say where: {listen: 127.0.0.1:8443, tls: {…}}")
      .flatMap(self.loopbackOrTLS)
    let http = section["http"].map(self.loopbackOrTLS)
    let perAddress = self.connectionsPerAddress(section)
    if let directory, directory == nil { return nil }
    if let http, http == nil { return nil }
    guard let issuer, let audience, let store, let secrets, let audit, let token, let limits,
      let signing, let grpc, let perAddress
    else { return nil }
    do throws(ConfigurationError) {
      return Configuration.Authority(
        domain: try AuthorityConfiguration(
          issuer: Issuer(issuer),
          audience: Audience(audience),
          limits: limits,
          defaultAlgorithm: signing.algorithms.first ?? .es256
        ),
        algorithms: signing.algorithms,
        schedule: signing.schedule,
        keys: signing.keys,
        store: store,
        secrets: secrets,
        directory: directory ?? nil,
        auditFile: audit,
        tokenFile: token,
        grpc: grpc,
        http: http ?? nil,
        connectionsPerAddress: perAddress
      )
    } catch {
      self.report.add(error, below: section.field.path)
      return nil
    }
  }

  /// Behind a proxy on another machine all callers have one address.
  private func connectionsPerAddress(_ section: ConfigurationSection) -> Int? {
    guard let field = section["connections_per_address"] else {
      return AuthorityHTTPServer.maximumConnectionsPerAddress
    }
    guard let text = field.text("256") else { return nil }
    guard (1 ... 5).contains(text.utf8.count),
      text.utf8.allSatisfy((UInt8(ascii: "0") ... UInt8(ascii: "9")).contains),
      let number = Int(text), (1 ... AuthorityHTTPServer.maximumConnections).contains(number)
    else {
      field.fail(
        "\(ConfigurationError.shown(text)) is no number from 1 to"
          + " \(AuthorityHTTPServer.maximumConnections)",
        "write how many connections one address may have, 256 unless there is a proxy"
      )
      return nil
    }
    return number
  }

  /// Without the slash that somebody may have put behind its name.
  private static func folder(_ path: String) -> String {
    path.utf8.last == UInt8(ascii: "/") && path.utf8.count > 1 ? String(path.dropLast()) : path
  }

  /// An `https` address without a query: discovery documents are found by it (RFC 8414 §2).
  private func authorityIssuer(_ section: ConfigurationSection) -> String? {
    guard
      let field = section.required("issuer", "write the `iss` of its tokens, an https address"),
      let text = field.text("https://tokens.example.com")
    else { return nil }
    let isPlain = !text.utf8.contains { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
    guard isPlain, let url = try? RemoteURL(text), url.isTLS,
      text.utf8.last != UInt8(ascii: "/")
    else {
      field.fail(
        "\(ConfigurationError.shown(text)) is no name for an issuer",
        "write an https address without query, fragment and trailing slash (RFC 8414 §2); it need"
          + " not be where this process listens"
      )
      return nil
    }
    return text
  }

  // MARK: Places

  private func store(
    _ section: ConfigurationSection,
    _ places: AuthorityPlaces
  ) -> Configuration.Authority.Store? {
    guard let field = section["store"] else {
      return self.fallback("store", places.database, section).map { .sqlite($0) }
    }
    guard let parts = field.section(["sqlite", "memory"]) else { return nil }
    guard let place = parts.either("sqlite", or: "memory", "write store: {sqlite: tokens.db}")
    else { return nil }
    if parts["sqlite"] != nil { return self.path(place, "tokens.db").map { .sqlite($0) } }
    return self.reason(place).map { .memory(because: $0) }
  }

  private func secrets(
    _ section: ConfigurationSection,
    _ places: AuthorityPlaces,
    hasVault: Bool
  ) -> Configuration.Authority.Secrets? {
    guard let field = section["secrets"] else {
      return self.fallback("secrets", places.secrets, section).map { .file($0) }
    }
    guard let parts = field.section(["file", "openbao"]) else { return nil }
    guard let place = parts.either("file", or: "openbao", "write secrets: {file: secrets}") else {
      return nil
    }
    if parts["file"] != nil { return self.path(place, "authority.secrets").map { .file($0) } }
    guard let names = place.section(["mount", "path", "field"]) else { return nil }
    let mount = names["mount"].map { $0.text("secret") } ?? "secret"
    let path = names.required("path", "write the path below the mount")?
      .text("tokenward/authority")
    let name = names["field"].map { $0.text("secrets") } ?? "secrets"
    guard self.needsVault(place, hasVault), let mount, let path, let name else { return nil }
    return .openBao(mount: mount, path: path, field: name)
  }

  private func needsVault(_ field: ConfigurationField, _ hasVault: Bool) -> Bool {
    if hasVault { return true }
    field.fail("needs the section openbao", "say in openbao where it is and how to log in")
    return false
  }

  /// One file in a section of its own, or in the folder of the authority.
  private func place(
    _ name: String,
    _ key: String,
    _ fallback: String?,
    _ section: ConfigurationSection
  ) -> String? {
    guard let field = section[name] else { return self.fallback(name, fallback, section) }
    return self.path(field.section([key])?.required(key, "name the file"), "authority-\(name)")
  }

  private func fallback(
    _ name: String,
    _ path: String?,
    _ section: ConfigurationSection
  ) -> String? {
    // A folder that cannot be read has been reported.
    guard path == nil, section["directory"] == nil else { return path }
    return section.missing(
      name,
      "write directory: authority, a folder for everything; or name each place"
    )
  }

  private func loopbackOrTLS(_ field: ConfigurationField) -> Configuration.Server? {
    guard let server = self.server(field) else { return nil }
    guard case .plaintext = server.transport, !server.listen.isLoopback else { return server }
    field.fail(
      "sends secrets without TLS to other machines",
      "listen on 127.0.0.1, or give tls: {certificate: server.pem, key: server.key}"
    )
    return nil
  }

  // MARK: Lifetimes and keys

  private func limits(_ section: ConfigurationSection) -> AuthorityLimits? {
    var limits = AuthorityLimits()
    var isReadable = true
    for (key, part) in [
      ("token_lifetime", \AuthorityLimits.defaultTokenLifetimeSeconds),
      ("max_token_lifetime", \.maximumTokenLifetimeSeconds),
      ("max_grace", \.maximumGraceSeconds),
      ("access_lifetime", \.defaultAccessLifetimeSeconds),
      ("max_access_lifetime", \.maximumAccessLifetimeSeconds),
    ] {
      guard let field = section[key] else { continue }
      if let seconds = field.seconds() {
        limits[keyPath: part] = seconds
      } else {
        isReadable = false
      }
    }
    if !self.exchangeRate(section, &limits) { isReadable = false }
    // A lower maximum lowers what it bounds, unless both are said: then one of them is wrong.
    if section["token_lifetime"] == nil {
      limits.defaultTokenLifetimeSeconds = min(
        limits.defaultTokenLifetimeSeconds,
        limits.maximumTokenLifetimeSeconds
      )
    }
    if section["access_lifetime"] == nil {
      limits.defaultAccessLifetimeSeconds = min(
        limits.defaultAccessLifetimeSeconds,
        limits.maximumAccessLifetimeSeconds
      )
    }
    return isReadable ? limits : nil
  }

  private struct Signing {
    var algorithms: [Algorithm]
    var schedule: KeySchedule
    var keys: Configuration.Authority.Keys
  }

  private func signing(
    _ section: ConfigurationSection,
    _ limits: AuthorityLimits?,
    hasVault: Bool
  ) -> Signing? {
    let parts = section["signing"].map {
      $0.section(["algorithms", "keys", "rotate", "publish_ahead"])
    }
    if let parts, parts == nil { return nil }
    let field = parts ?? nil
    let algorithms = self.signingAlgorithms(field?["algorithms"])
    let keys = self.signingKeys(field?["keys"], hasVault: hasVault)
    let rotation = field?["rotate"].map { $0.seconds() } ?? 30 * 86_400
    let ahead = field?["publish_ahead"].map { $0.seconds() } ?? 3_600
    guard let algorithms, let keys, let rotation, let ahead, let limits else { return nil }
    do throws(ConfigurationError) {
      return Signing(
        algorithms: algorithms,
        schedule: try KeySchedule(
          rotationSeconds: rotation,
          publishAheadSeconds: ahead,
          // Of a limit that is out of range another complaint says more.
          longestTokenSeconds: min(max(limits.maximumAccessLifetimeSeconds, 1), 3_600)
        ),
        keys: keys
      )
    } catch {
      for problem in error.problems {
        let key = problem.path.hasSameBytes(as: "rotation") ? "rotate" : problem.path
        self.report.add("\(section.field.path).signing.\(key)", problem.problem, problem.hint)
      }
      return nil
    }
  }

  private func signingAlgorithms(_ field: ConfigurationField?) -> [Algorithm]? {
    guard let field else { return [.es256] }
    guard let fields = field.list("[ES256]") else { return nil }
    var algorithms: [Algorithm] = []
    for field in fields {
      guard let name = field.text("ES256") else { return nil }
      guard let algorithm = Algorithm(rawValue: name), algorithm == .es256 || algorithm == .eddsa
      else {
        field.fail(
          "\(ConfigurationError.shown(name)) cannot be signed with",
          "known here: ES256, EdDSA"
        )
        return nil
      }
      guard !algorithms.contains(algorithm) else {
        field.fail("is named twice", "remove one of them")
        return nil
      }
      algorithms.append(algorithm)
    }
    return algorithms
  }

  private func signingKeys(
    _ field: ConfigurationField?,
    hasVault: Bool
  ) -> Configuration.Authority.Keys? {
    guard let field else { return .local }
    if case .scalar = field.node.content {
      guard let word = field.text("local") else { return nil }
      if word.hasSameBytes(as: "local") { return .local }
      field.fail("is not local", "write local, or openbao: {mount: transit, prefix: tokenward-}")
      return nil
    }
    guard
      let place = field.section(["openbao"])?
        .required("openbao", "write openbao: {mount: transit, prefix: tokenward-}"),
      let names = place.section(["mount", "prefix"])
    else { return nil }
    let mount = names["mount"].map { $0.text("transit") } ?? "transit"
    let prefix = names["prefix"].map { $0.text("tokenward-") } ?? "tokenward-"
    guard self.needsVault(place, hasVault), let mount, let prefix else { return nil }
    return .transit(mount: mount, prefix: prefix)
  }
}

/// Where everything is in the folder of an authority.
struct AuthorityPlaces {
  let database: String?
  let secrets: String?
  let audit: String?
  let token: String?

  init(_ directory: String?) {
    self.database = directory.map { "\($0)/tokens.db" }
    self.secrets = directory.map { "\($0)/secrets" }
    self.audit = directory.map { "\($0)/audit.jsonl" }
    self.token = directory.map { "\($0)/admin.token" }
  }
}
