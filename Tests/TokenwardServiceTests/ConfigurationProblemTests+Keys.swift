// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

extension ConfigurationProblemTests {
  /// What is wrong with where keys come from.
  static let keyCases = [
    Case(
      5,
      "    jwks: {discover: true, plaintext_because: a lab}",
      "issuers[0].jwks.plaintext_because (line 5): means nothing: the issuer is https"
    ),
    Case(
      5,
      "    jwks: {uri: https://issuer.test/k, plaintext_because: a lab}",
      "issuers[0].jwks.uri (line 5): is https, so plaintext_because beside it means nothing"
    ),
    Case(
      5,
      "    jwks: {discover: true, hosts: [\"https://keys.example\"]}",
      "issuers[0].jwks.hosts (line 5): \"https://keys.example\" is no name of a host"
    ),
    Case(
      5,
      "    jwks: {discover: true, hosts: [\"Keys.example\"]}",
      "issuers[0].jwks.hosts (line 5): \"Keys.example\" is no name of a host"
    ),
    Case(
      5,
      "    jwks: {discover: true, hosts: [\"keys.example:443\"]}",
      "issuers[0].jwks.hosts (line 5): \"keys.example:443\" is no name of a host"
    ),
    Case(
      5,
      "    jwks: {discover: true, hosts: [\"10.0.0.1\"]}",
      "issuers[0].jwks.hosts (line 5): \"10.0.0.1\" is no name of a host"
    ),
    Case(
      5,
      "    jwks: {discover: true, hosts: [\"keys.example/a\"]}",
      "issuers[0].jwks.hosts (line 5): \"keys.example/a\" is no name of a host"
    ),
    Case(
      5,
      "    jwks: {uri: http://issuer.test/jwks}",
      "issuers[0].jwks.uri (line 5): \"http://issuer.test/jwks\" cannot be asked"
    ),
    Case(
      5,
      "    jwks: {uri: http://issuer.test/jwks, plaintext_because: a lab}",
      "issuers[0].jwks.uri (line 5): \"http://issuer.test/jwks\" cannot be asked"
    ),
    Case(
      5,
      "    jwks: {uri: https://a@issuer.test/jwks}",
      "issuers[0].jwks.uri (line 5): \"https://a@issuer.test/jwks\" cannot be asked"
    ),
    Case(
      5,
      "    jwks: {discover: yes}",
      "issuers[0].jwks.discover (line 5): is none of true, openid and oauth"
    ),
    Case(
      5,
      "    jwks: {uri: https://issuer.test/jwks, hosts: [a.test]}",
      "issuers[0].jwks.hosts (line 5): is for discovered keys"
    ),
    Case(
      5,
      "    jwks: {discover: true, uri: https://issuer.test/jwks}",
      "issuers[0].jwks.uri (line 5): stands beside discover; only one of them can count"
    ),
    Case(
      5,
      "    jwks: {discover: true, max_stale: 59s}",
      "issuers[0].jwks.max_stale (line 5): is outside 1 minute to 24 hours"
    ),
    Case(
      5,
      "    jwks: {discover: true, max_stale: 25h}",
      "issuers[0].jwks.max_stale (line 5): is outside 1 minute to 24 hours"
    ),
    Case(
      5,
      "    jwks: {discover: true, cooldown: 0s}",
      "issuers[0].jwks.cooldown (line 5): is outside 1 second to 1 hour"
    ),
    Case(
      5,
      "    jwks: {discover: true, refresh: 1h}",
      "issuers[0].jwks.refresh (line 5): is outside 60 s to 900 s"
    ),
    Case(
      5,
      "    jwks: {file: issuer.jwks, ca: server.pem}",
      "issuers[0].jwks.ca (line 5): is for keys that are fetched"
    ),
    Case(
      5,
      "    jwks: {inline: {keys: [{kty: EC}]}, max_stale: 1h}",
      "issuers[0].jwks.max_stale (line 5): is for keys that are fetched"
    ),
    Case(
      5,
      "    jwks: {file: issuer.jwks}\n    profile: okta",
      "issuers[0].profile (line 6): \"okta\" is no profile"
    ),
    Case(
      5,
      "    profile: spiffe",
      "issuers[0].trust_domain (line 2): is missing"
    ),
    Case(
      5,
      "    profile: spiffe\n    trust_domain: Example.org",
      "issuers[0].trust_domain (line 6): is no trust domain"
    ),
    Case(
      5,
      "    profile: oidc\n    trust_domain: example.org",
      "issuers[0].trust_domain (line 6): is for profile spiffe only"
    ),
  ]
}
