// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Hummingbird
internal import TokenwardAuthority
internal import TokenwardCore

/// Which request is answered by whom. Paths are compared byte for byte and never decoded: what looks
/// like a path of this listener and is not, is not found.
struct AuthorityRoutes: HTTPResponder {
  private enum Route: Sendable {
    case keys
    case metadata
    case token
    case introspect
    case revoke

    var isDocument: Bool {
      switch self {
      case .keys, .metadata: true
      case .token, .introspect, .revoke: false
      }
    }
  }

  private let routes: [(path: String, route: Route)]
  private let documents: PublishedDocuments
  private let tokens: TokenEndpoint
  private let introspection: IntrospectionEndpoint
  private let revocation: RevocationEndpoint
  private let asksForCertificates: Bool

  init(
    _ authority: any AuthorityOperations,
    at address: IssuerAddress,
    requestGuard: RequestGuard,
    presented: PresentedTokens,
    keySetAgeSeconds: Int64,
    asksForCertificates: Bool
  ) {
    let metadata =
      address.wellKnownPaths("oauth-authorization-server")
      + address.wellKnownPaths("openid-configuration")
    self.routes =
      [
        ("\(address.path)/oauth2/token", .token),
        ("\(address.path)/oauth2/introspect", .introspect),
        ("\(address.path)/oauth2/revoke", .revoke),
        ("\(address.path)/.well-known/jwks.json", .keys),
      ] + metadata.map { ($0, .metadata) }
    self.documents = PublishedDocuments(authority, at: address, maximumAge: keySetAgeSeconds)
    self.tokens = TokenEndpoint(authority: authority, presented: presented)
    self.introspection = IntrospectionEndpoint(authority: authority, requestGuard: requestGuard)
    self.revocation = RevocationEndpoint(authority: authority, presented: presented)
    self.asksForCertificates = asksForCertificates
  }

  func respond(
    to request: Request,
    context: AuthorityRequestContext
  ) async throws -> Response {
    let target = request.head.path ?? ""
    let path = target.utf8.prefix { $0 != UInt8(ascii: "?") }
    guard let route = self.routes.first(where: { path.elementsEqual($0.path.utf8) })?.route else {
      return request.method == .head ? Self.notFound.createHeadResponse() : Self.notFound
    }
    if route.isDocument {
      guard request.method == .get || request.method == .head else {
        return Self.notAllowed("GET, HEAD")
      }
      let response =
        switch route {
        case .keys: self.documents.keys(request)
        default: self.documents.metadata(request)
        }
      return request.method == .head ? response.createHeadResponse() : response
    }
    guard request.method == .post else {
      let response = Self.notAllowed("POST")
      return request.method == .head ? response.createHeadResponse() : response
    }
    // An address is written into the logs of everything that it passes (RFC 6749 §2.3.1).
    guard path.count == target.utf8.count else { return OAuthFailure.query.response }
    return try await self.form(route, request, context)
  }

  private func form(
    _ route: Route,
    _ request: Request,
    _ context: AuthorityRequestContext
  ) async throws -> Response {
    guard Self.isForm(request) else { return OAuthFailure.mediaType.response }
    guard let body = try await Self.body(of: request) else {
      return OAuthFailure.tooLarge.response
    }
    let authorization = request.headers[values: .authorization]
    do throws(OAuthFailure) {
      let form = try Self.form(body, route)
      if case .revoke = route { return try await self.revocation.answer(form, peer: context.peer) }
      let certificate = self.asksForCertificates ? await context.peerCertificate() : nil
      if case .introspect = route {
        return try await self.introspection.answer(
          form,
          authorization: authorization,
          peer: context.peer,
          certificate: certificate
        )
      }
      return try await self.tokens.answer(
        form,
        authorization: authorization,
        peer: context.peer,
        certificate: certificate
      )
    } catch {
      return error.response
    }
  }

  private static func form(_ body: [UInt8], _ route: Route) throws(OAuthFailure) -> FormBody {
    var repeatable: [String] = []
    if case .token = route { repeatable = TokenEndpoint.repeatable }
    do throws(FormBody.Problem) {
      return try FormBody(body.span, repeatable: repeatable)
    } catch {
      switch error {
      case .malformed: throw .malformed
      case .repeated: throw .repeated
      }
    }
  }

  /// Exactly one content type, without another character set than UTF-8, and no content encoding.
  private static func isForm(_ request: Request) -> Bool {
    let types = request.headers[values: .contentType]
    guard types.count == 1, let type = types.first,
      request.headers[values: .contentEncoding].isEmpty
    else { return false }
    return type.equalsASCIICaseInsensitively("application/x-www-form-urlencoded")
      || type.equalsASCIICaseInsensitively("application/x-www-form-urlencoded;charset=utf-8")
      || type.equalsASCIICaseInsensitively("application/x-www-form-urlencoded; charset=utf-8")
  }

  /// The whole body; nil if it is too long, and then nothing more of it is kept.
  private static func body(of request: Request) async throws -> [UInt8]? {
    var body: [UInt8] = []
    for try await buffer in request.body {
      guard body.count + buffer.readableBytes <= FormBody.maximumLength else { return nil }
      body += buffer.readableBytesView
    }
    return body
  }

  private static let notFound = Self.refusal("not_found", .notFound)

  private static func notAllowed(_ methods: String) -> Response {
    var response = Self.refusal("method_not_allowed", .methodNotAllowed)
    response.headers[.allow] = methods
    return response
  }

  private static func refusal(_ code: String, _ status: HTTPResponse.Status) -> Response {
    var text = JSONObjectText()
    text.add("error", code)
    return .uncached(text.finished(), status: status)
  }
}
