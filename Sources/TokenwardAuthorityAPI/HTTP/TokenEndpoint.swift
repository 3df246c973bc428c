// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Hummingbird
internal import TokenwardAuthority
internal import TokenwardCore

/// `POST /oauth2/token`: an access token for an API token, asked for as token exchange (RFC 8693) or
/// with client credentials (RFC 6749 §4.4).
struct TokenEndpoint: Sendable {
  static let tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
  static let clientCredentials = "client_credentials"
  static let accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
  static let jwtType = "urn:ietf:params:oauth:token-type:jwt"
  static let repeatable = ["audience", "resource"]

  let authority: any AuthorityOperations
  let presented: PresentedTokens

  /// - Parameters:
  ///   - form: the parameters.
  ///   - authorization: every `authorization` header.
  ///   - peer: where the request came from.
  ///   - certificate: the client certificate that was proven.
  func answer(
    _ form: FormBody,
    authorization: [String],
    peer: String?,
    certificate: CertificateThumbprint?
  ) async throws(OAuthFailure) -> Response {
    let client = try Self.client(authorization, form)
    guard let grant = form.value("grant_type") else { throw .missing }
    var parameters = try Self.parameters(form)
    parameters.peer = peer
    parameters.peerCertificate = certificate
    if grant.hasSameBytes(as: Self.tokenExchange) {
      let (token, type) = try Self.subject(form, client)
      let issued = try await self.exchange(token, parameters, refused: .subjectToken)
      return Self.response(issued, type: type)
    }
    if grant.hasSameBytes(as: Self.clientCredentials) {
      guard case .presented(let token, let inHeader) = client else {
        throw .client(inHeader: false)
      }
      let refused = OAuthFailure.client(inHeader: inHeader)
      return Self.response(try await self.exchange(token, parameters, refused: refused), type: nil)
    }
    throw .grantType
  }

  private func exchange(
    _ token: BearerToken,
    _ parameters: AccessRequestParameters,
    refused: OAuthFailure
  ) async throws(OAuthFailure) -> IssuedAccessToken {
    guard
      let presentation = self.presented.present(token, at: .httpToken, from: parameters.peer)
    else { throw .tooManyRequests }
    do throws(AuthorityError) {
      let issued = try await self.authority.exchange(token, for: parameters)
      presentation.accept()
      return issued
    } catch {
      if case .unauthenticated = error { presentation.refuse() }
      throw Self.failure(error, of: parameters, refused: refused)
    }
  }

  /// What went wrong, in the words of RFC 6749 §5.2, RFC 8693 §2.2.2 and RFC 8707 §2.
  private static func failure(
    _ error: AuthorityError,
    of parameters: AccessRequestParameters,
    refused: OAuthFailure
  ) -> OAuthFailure {
    switch error {
    case .unavailable(.rate): .tooManyRequests
    case .unavailable: .unavailable
    case .unauthenticated, .notFound, .failedPrecondition, .alreadyExists: refused
    case .invalid(let field, _) where field.utf8.starts(with: "scope".utf8): .scope
    case .invalid(let field, _) where field.utf8.starts(with: "audience".utf8): .target
    case .invalid: .unsupported
    // Too much was asked for. With neither audiences nor scopes in the request it is about who asks
    // and from where, and who does not may not know which.
    case .forbidden where !parameters.audiences.isEmpty: .target
    case .forbidden where parameters.scopes != nil: .scope
    case .forbidden: refused
    }
  }

  private static func client(
    _ authorization: [String],
    _ form: FormBody
  ) throws(OAuthFailure) -> ClientCredentials {
    do throws(ClientCredentials.Problem) {
      return try ClientCredentials(authorization: authorization, form: form)
    } catch {
      switch error {
      case .ambiguous: throw .ambiguousClient
      case .refused(let inHeader): throw .client(inHeader: inHeader)
      }
    }
  }

  /// The API token and the type that the answer names.
  private static func subject(
    _ form: FormBody,
    _ client: ClientCredentials
  ) throws(OAuthFailure) -> (BearerToken, String) {
    // Nobody acts for somebody else here. Passing the actor over would drop him from the record
    // (catalogue C26).
    guard !form.contains("actor_token"), !form.contains("actor_token_type") else {
      throw .unsupported
    }
    guard let token = form.value("subject_token"), let type = form.value("subject_token_type")
    else { throw .missing }
    guard type.hasSameBytes(as: Self.accessTokenType) else { throw .unsupported }
    let asked = form.value("requested_token_type") ?? Self.accessTokenType
    guard asked.hasSameBytes(as: Self.accessTokenType) || asked.hasSameBytes(as: Self.jwtType)
    else { throw .unsupported }
    switch client {
    case .none: break
    // Who says who it is must be that one; a client is never let in as somebody else.
    case .named(let id):
      guard ClientCredentials.isID(id, of: token) else { throw .subjectToken }
    case .presented:
      // Which of two credentials counts would be a guess.
      throw .ambiguousClient
    }
    guard token.utf8.count <= BearerToken.maximumLength else { throw .subjectToken }
    return (BearerToken(token), asked)
  }

  private static func parameters(_ form: FormBody) throws(OAuthFailure) -> AccessRequestParameters {
    var parameters = AccessRequestParameters()
    let audiences = form.values("audience")
    let resources = form.values("resource")
    // An empty value is as none (RFC 6749 §3.2), which here would mean everything: a client that has
    // computed nothing is not given all.
    guard (audiences + resources).allSatisfy({ !$0.isEmpty }) else { throw .target }
    // A resource is an absolute address without fragment (RFC 8707 §2); it names an audience.
    guard
      resources.allSatisfy({ resource in
        let colon = resource.utf8.firstIndex(of: UInt8(ascii: ":"))
        return colon.map { $0 > resource.utf8.startIndex } ?? false
          && !resource.utf8.contains(UInt8(ascii: "#"))
      })
    else { throw .target }
    parameters.audiences = (audiences + resources).map { Audience($0) }
    guard parameters.audiences.count <= AuthorityLimits.mostGrants,
      Set(parameters.audiences).count == parameters.audiences.count
    else { throw .target }
    if form.contains("scope") { parameters.scopes = try Self.scopes(form.value("scope") ?? "") }
    return parameters
  }

  /// Names separated by single spaces (RFC 6749 §3.3), none twice.
  private static func scopes(_ text: String) throws(OAuthFailure) -> [Scope] {
    let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count <= AuthorityLimits.mostGrants,
      parts.allSatisfy({ part in
        !part.isEmpty
          && part.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
      })
    else { throw .scope }
    let scopes = parts.map { Scope(String(decoding: $0, as: UTF8.self)) }
    guard Set(scopes).count == scopes.count else { throw .scope }
    return scopes
  }

  private static func response(_ issued: IssuedAccessToken, type: String?) -> Response {
    var text = JSONObjectText()
    text.add("access_token", issued.token)
    if let type { text.add("issued_token_type", type) }
    text.add("token_type", "Bearer")
    text.add("expires_in", issued.lifetimeSeconds)
    text.add("scope", issued.scopes.map(\.text).joined(separator: " "))
    return .uncached(text.finished())
  }
}
