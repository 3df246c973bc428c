// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// An access token of a development issuer (RFC 9068).
struct DevelopmentToken {
  var issuer: Issuer
  var subject: Subject
  var audience: Audience
  var clientID: ClientID
  var scopes: [Scope]
  var roles: [Role]
  /// When it is issued, in seconds since 1970.
  var issuedAt: Int64
  /// How long it is valid, in seconds.
  var lifetime: Int64

  /// The signed token with a random `jti`.
  func signed(with key: DevelopmentKey) throws -> String {
    var header = JSONObjectText()
    header.add("alg", key.algorithm.rawValue)
    header.add("typ", "at+jwt")
    header.add("kid", try key.keyID)

    var claims = JSONObjectText()
    claims.add("iss", self.issuer.text)
    claims.add("sub", self.subject.text)
    claims.add("aud", self.audience.text)
    claims.add("client_id", self.clientID.text)
    claims.add("iat", self.issuedAt)
    claims.add("exp", self.issuedAt + self.lifetime)
    claims.add("jti", UUID().uuidString)
    if !self.scopes.isEmpty {
      claims.add("scope", self.scopes.map(\.text).joined(separator: " "))
    }
    if !self.roles.isEmpty { claims.add("roles", self.roles.map(\.text)) }

    let input = "\(Base64URL.encode(header.utf8)).\(Base64URL.encode(claims.utf8))"
    let signature = try key.sign(Array(input.utf8))
    let token = "\(input).\(Base64URL.encode(signature))"
    guard token.utf8.count <= BearerToken.maximumLength else {
      throw CommandFailure(
        "the token would be longer than \(BearerToken.maximumLength) bytes, the most that is accepted",
        hint: "ask for fewer scopes and roles"
      )
    }
    return token
  }
}
