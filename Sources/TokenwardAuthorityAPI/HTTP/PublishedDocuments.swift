// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Crypto
internal import Hummingbird
internal import TokenwardCore

/// What anybody may read: the public keys and where everything is.
struct PublishedDocuments: Sendable {
  private let authority: any AuthorityOperations
  private let cacheControl: String
  private let metadata: [UInt8]

  init(_ authority: any AuthorityOperations, at address: IssuerAddress, maximumAge: Int64) {
    self.authority = authority
    self.cacheControl = "public, max-age=\(maximumAge)"
    self.metadata = Self.metadata(of: address)
  }

  /// The keys, as `application/json`: `application/jwk-set+json` (RFC 7517 §8.5.2) is refused by
  /// verifiers that compare the type with what OpenID Connect providers send.
  func keys(_ request: Request) -> Response {
    let keys = self.authority.publicKeys()
    // An empty set would be kept by verifiers for as long as a good one.
    guard !keys.isEmpty else { return OAuthFailure.unavailable.response }
    return self.document(keys, for: request)
  }

  func metadata(_ request: Request) -> Response { self.document(self.metadata, for: request) }

  private func document(_ bytes: [UInt8], for request: Request) -> Response {
    let tag = "\"\(Base64URL.encode(Array(SHA256.hash(data: bytes))))\""
    var headers: HTTPFields = [
      .contentType: "application/json", .cacheControl: self.cacheControl, .eTag: tag,
    ]
    headers[.xContentTypeOptions] = "nosniff"
    if Self.isKnown(tag, to: request.headers[values: .ifNoneMatch]) {
      headers[.contentType] = nil
      return Response(status: .notModified, headers: headers)
    }
    return Response(
      status: .ok,
      headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
    )
  }

  /// Weak comparison (RFC 9110 §13.1.2). The tags of these documents have no comma.
  private static func isKnown(_ tag: String, to fields: [String]) -> Bool {
    for field in fields {
      for part in field.utf8.split(separator: UInt8(ascii: ",")) {
        var candidate = part.drop { $0 == 0x20 || $0 == 0x09 }
        while candidate.last == 0x20 || candidate.last == 0x09 { candidate.removeLast() }
        if candidate.elementsEqual("*".utf8) { return true }
        if candidate.starts(with: "W/".utf8) { candidate = candidate.dropFirst(2) }
        if candidate.elementsEqual(tag.utf8) { return true }
      }
    }
    return false
  }

  /// Only what is so. `response_types_supported` is empty because there is no authorization endpoint;
  /// RFC 8414 §2 requires the member all the same.
  private static func metadata(of address: IssuerAddress) -> [UInt8] {
    var text = JSONObjectText()
    text.add("issuer", address.issuer.text)
    text.add("jwks_uri", address.url("/.well-known/jwks.json"))
    text.add("token_endpoint", address.url("/oauth2/token"))
    text.add("introspection_endpoint", address.url("/oauth2/introspect"))
    text.add("revocation_endpoint", address.url("/oauth2/revoke"))
    text.add("response_types_supported", [])
    text.add(
      "grant_types_supported",
      [TokenEndpoint.tokenExchange, TokenEndpoint.clientCredentials]
    )
    // "none" is token exchange: the subject token is its only credential.
    text.add(
      "token_endpoint_auth_methods_supported",
      ["client_secret_basic", "client_secret_post", "none"]
    )
    text.add(
      "introspection_endpoint_auth_methods_supported",
      ["client_secret_basic", "client_secret_post", "Bearer"]
    )
    text.add("revocation_endpoint_auth_methods_supported", ["none"])
    return text.finished()
  }
}
