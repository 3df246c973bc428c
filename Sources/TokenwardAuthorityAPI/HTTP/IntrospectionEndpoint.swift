// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Hummingbird
internal import TokenwardAuthority
internal import TokenwardCore

/// `POST /oauth2/introspect` (RFC 7662): what a token of this authority is, for callers who may ask.
///
/// Who asks is judged by the guard, as a call of `Tokens/Introspect` would be, whether its token comes
/// as `Bearer` or as the secret of a client.
struct IntrospectionEndpoint: Sendable {
  let authority: any AuthorityOperations
  let requestGuard: RequestGuard

  func answer(
    _ form: FormBody,
    authorization: [String],
    peer: String?,
    certificate: CertificateThumbprint?
  ) async throws(OAuthFailure) -> Response {
    var request = AccessRequest(
      path: AuthorityPolicy.introspectionPath,
      door: .grpc,
      peer: peer,
      peerCertificate: certificate
    )
    let inHeader = try Self.present(authorization, form, in: &request)
    let caller = try await self.caller(request, peer: peer, inHeader: inHeader)
    guard let token = form.value("token") else { throw .missing }
    let principal: Principal?
    do throws(AuthorityError) {
      principal =
        token.utf8.count <= BearerToken.maximumLength
        ? try await self.authority.introspect(BearerToken(token), as: caller) : nil
    } catch {
      switch error {
      case .unavailable: throw .unavailable
      case .forbidden, .notFound: throw .forbidden
      case .unauthenticated: throw .client(inHeader: inHeader)
      case .alreadyExists, .failedPrecondition, .invalid: throw .malformed
      }
    }
    return .uncached(principal.map(Self.active) ?? Self.inactive)
  }

  /// Puts the caller's credential into the request for the guard.
  /// - Returns: whether it came as `Basic`.
  private static func present(
    _ authorization: [String],
    _ form: FormBody,
    in request: inout AccessRequest
  ) throws(OAuthFailure) -> Bool {
    let isBasic = authorization.contains { header in
      String(decoding: header.utf8.prefix(6), as: UTF8.self).equalsASCIICaseInsensitively("basic ")
    }
    // Whatever is not Basic is the guard's to judge, two headers among it.
    if !authorization.isEmpty, !isBasic {
      guard !form.contains("client_secret") else { throw .ambiguousClient }
      for header in authorization { request.add(header: "authorization", value: header) }
      return false
    }
    let client: ClientCredentials
    do throws(ClientCredentials.Problem) {
      client = try ClientCredentials(authorization: authorization, form: form)
    } catch {
      switch error {
      case .ambiguous: throw .ambiguousClient
      case .refused(let inHeader): throw .client(inHeader: inHeader)
      }
    }
    if case .presented(let token, let inHeader) = client {
      request.add(header: "authorization", value: "Bearer \(token.text)")
      return inHeader
    }
    return false
  }

  private func caller(
    _ request: AccessRequest,
    peer: String?,
    inHeader: Bool
  ) async throws(OAuthFailure) -> Caller {
    let decision: Decision
    switch self.requestGuard.begin(request) {
    case .decided(let now): decision = now
    case .pending(let pending): decision = await self.requestGuard.finish(pending)
    }
    switch decision {
    case .deny(let denial): throw .denial(denial.response, inHeader: inHeader)
    case .allow(let grant):
      do throws(AuthorityError) {
        return try Caller(of: grant.principal, issuer: self.authority.issuer, peer: peer)
      } catch {
        throw .denial(DenialReason.tokenUnknown.response, inHeader: inHeader)
      }
    }
  }

  private static let inactive = Array("{\"active\":false}".utf8)

  /// RFC 7662 §2.2, RFC 9068 §2.2, RFC 8705 §3.2.
  private static func active(_ principal: Principal) -> [UInt8] {
    var text = JSONObjectText()
    text.add("active", true)
    text.add("token_type", "Bearer")
    text.add("iss", principal.issuer.text)
    text.add("sub", principal.subject.text)
    if let clientID = principal.clientID { text.add("client_id", clientID.text) }
    let audiences = principal.audiences.map(\.text)
    if audiences.count == 1, let only = audiences.first {
      text.add("aud", only)
    } else if !audiences.isEmpty {
      text.add("aud", audiences)
    }
    text.add("exp", principal.expiresAt.seconds)
    if let issuedAt = principal.issuedAt { text.add("iat", issuedAt.seconds) }
    if let notBefore = principal.notBefore { text.add("nbf", notBefore.seconds) }
    if let id = principal.tokenID { text.add("jti", id.text) }
    if !principal.scopes.isEmpty {
      text.add("scope", principal.scopes.map(\.text).joined(separator: " "))
    }
    if !principal.roles.isEmpty { text.add("roles", principal.roles.map(\.text)) }
    if let tenant = principal.tenant { text.add("tenant", tenant.text) }
    if let grant = principal.claims.string("grant_id") { text.add("grant_id", grant) }
    if let certificate = principal.certificate {
      text.add("cnf", "x5t#S256", certificate.base64URL)
    }
    // Without them whoever asks would let the token do more than it may. An empty limit allows
    // nothing; readers refuse it, which is the same.
    if let methods = principal.methods { text.add("tokenward_methods", methods.patterns) }
    if !principal.networks.isEmpty {
      text.add("tokenward_networks", principal.networks.map(\.description))
    }
    return text.finished()
  }
}
