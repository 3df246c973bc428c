// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import TokenwardAuthority
import TokenwardCore

/// Tokens, records and principals of the tests.
enum Samples {
  static let now = UnixTime(seconds: 1_800_000_000)
  static let id = "0123456789abcdef"
  static let apiTokenText = String(
    decoding: APITokenFormat.token(
      id: Array(Self.id.utf8),
      secret: [UInt8](repeating: UInt8(ascii: "S"), count: APITokenFormat.secretLength)
    ),
    as: UTF8.self
  )
  static let apiToken = BearerToken(Self.apiTokenText)
  static let accessToken = BearerToken("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl")
  /// No byte of a digest may be in an answer.
  static let digest = [UInt8](repeating: 0x5A, count: 32)
  static let thumbprint = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

  static let record: TokenRecord = {
    var record = TokenRecord(
      id: TokenID(Self.id),
      name: "nightly export",
      tenant: "main",
      owner: "exporter",
      audiences: ["orders"],
      createdAt: Self.now,
      expiresAt: Self.now.adding(seconds: 3_600),
      ownerGeneration: 3,
      secret: SecretDigest(pepper: 1, code: Self.digest)
    )
    record.roles = ["reader"]
    record.scopes = ["orders.read"]
    record.networks = [NetworkPrefix("10.0.0.0/8"), NetworkPrefix("2001:db8::/32")].compactMap(
      \.self
    )
    record.certificate = CertificateThumbprint(base64URL: Self.thumbprint)
    record.labels = ["team": "billing"]
    record.createdBy = "fedcba9876543210"
    record.previous = .init(
      secret: SecretDigest(pepper: 1, code: Self.digest),
      until: Self.now.adding(seconds: 60)
    )
    record.rotations = 2
    return record
  }()

  /// Who has every permission, with a token of the authority.
  static func principal(
    issuer: Issuer = ScriptedAuthority.issuer,
    subject: Subject = "main/admin",
    scopes: [Scope] = Permission.allCases.map(\.scope),
    id: TokenID? = "callertokencalle",
    claims: String = "{}",
    _ change: (inout Principal.Assertion) -> Void = { _ in }
  ) throws -> Principal {
    var assertion = Principal.Assertion(
      issuer: issuer,
      subject: subject,
      expiresAt: Self.now.adding(seconds: 3_600)
    )
    assertion.tokenID = id
    assertion.scopes = scopes
    assertion.clientID = ClientID(subject.text)
    assertion.issuedAt = Self.now
    assertion.claims = Claims(try JSONDocument(Array(claims.utf8), limits: .token))
    change(&assertion)
    return Principal(assertingVerified: assertion)
  }
}
