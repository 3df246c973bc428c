// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

/// The files of `dev init`: certificates, the keys of a test issuer, and a configuration that uses
/// them with the example service's methods.
struct DevelopmentSetup {
  /// `iss` of the test issuer. The domain can never exist (RFC 6761 §6.2).
  static let issuer = "https://issuer.tokenward.test"
  /// `aud` of the test issuer's tokens.
  static let audience = "tokenward-example"
  /// The file with the configuration.
  static let configurationFile = "tokenward.yaml"

  /// Every file, in the order of their making.
  let files: [(name: String, content: String)]

  /// - Parameters:
  ///   - names: DNS names of the server besides localhost.
  ///   - hasAuthority: whether the configuration describes a token authority.
  ///   - now: the beginning of the certificates' validity.
  init(names: [String], hasAuthority: Bool = false, now: UnixTime) throws {
    let certificates = try DevelopmentCertificates(names: names, now: now)
    let keys = try DevelopmentAlgorithm.allCases.map { try DevelopmentKey($0) }
    var jwks = JSONObjectText()
    jwks.add("keys", try keys.map { try $0.publicJWK })
    self.files =
      [
        ("ca.pem", certificates.authority),
        ("server.pem", certificates.server.certificate),
        ("server-key.pem", certificates.server.privateKey),
        ("client.pem", certificates.client.certificate),
        ("client-key.pem", certificates.client.privateKey),
        ("jwks.json", jwks.text + "\n"),
        (Self.configurationFile, Self.configuration(hasAuthority: hasAuthority)),
      ] + keys.map { ($0.algorithm.fileName, $0.pem) }
  }

  /// Writes all files or, if one of them cannot be made, none.
  /// - Parameter directory: the folder.
  /// - Throws: ``CommandFailure`` if a file is there already: nothing is ever overwritten.
  func write(to directory: borrowing OpenDirectory) throws(CommandFailure) {
    let taken = directory.existing(among: self.files.map(\.name))
    guard taken.isEmpty else {
      throw CommandFailure(
        "the folder has \(taken.joined(separator: ", ")) already; nothing was written",
        hint: "name another folder, or remove this one if nothing uses its keys any more"
      )
    }
    var written: [String] = []
    do throws(CommandFailure) {
      for file in self.files {
        try directory.create(file.name, Array(file.content.utf8))
        written.append(file.name)
      }
    } catch {
      for name in written { directory.remove(name) }
      throw error
    }
  }

  private static func configuration(hasAuthority: Bool) -> String {
    hasAuthority ? Self.configuration(Self.trust) + Self.authority : Self.configuration("")
  }

  /// The authority of the same process.
  private static let trust = """
      - authority: {audiences: [\(Self.audience)], api_tokens: true}

    """

  private static let authority = """

    # Makes API tokens and exchanges them for access tokens. Everything of it lies in one folder; the
    # token that makes all others is written to authority/admin.token when it starts first.
    authority:
      issuer: https://tokens.tokenward.test
      directory: authority
      grpc: {listen: "127.0.0.1:8444", tls: {certificate: server.pem, key: server-key.pem}}
      http: {listen: "127.0.0.1:8445", tls: {certificate: server.pem, key: server-key.pem}}

    """

  private static func configuration(_ issuers: String) -> String {
    """
    # Development only: made by `tokenward dev init`, whose issuer signs whatever it is asked to.
    # Paths are relative to this file.

    issuers:
      - issuer: \(Self.issuer)
        audiences: [\(Self.audience)]
        algorithms: [\(DevelopmentAlgorithm.allCases.map(\.rawValue).joined(separator: ", "))]
        jwks: {file: jwks.json}
        max_lifetime: 1h
    \(issuers)
    # What no rule names is denied. A rule for one method wins over one for its service.
    policy:
      - method: tokenward.example.v1.Orders/Get
        allow: {scopes: [orders.read]}
      - method: tokenward.example.v1.Orders/Watch
        allow: {scopes: [orders.read]}
      - method: tokenward.example.v1.Orders/Chat
        allow: {scopes: [orders.read]}
      - method: tokenward.example.v1.Inventory/GetStock
        allow: {scopes: [inventory.read]}
      - method: tokenward.example.v1.Inventory/*
        allow: {scopes: [inventory.write]}
      # A server with a health service needs a rule for it, too:
      # - method: grpc.health.v1.Health/*
      #   allow: anonymous

    server:
      listen: 127.0.0.1:8443
      # client_ca: ca.pem in this section asks clients for a certificate, such as client.pem.
      tls: {certificate: server.pem, key: server-key.pem}

    admin: {listen: "127.0.0.1:9901"}
    audit: {file: audit.jsonl}

    """
  }
}
