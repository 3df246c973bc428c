// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Hummingbird
internal import TokenwardAuthority
internal import TokenwardCore

/// `POST /oauth2/revoke` (RFC 7009): takes back the token in the form. Whoever has it may do that, so
/// no client has to authenticate, and what a client says of itself beside it is not looked at.
struct RevocationEndpoint: Sendable {
  let authority: any AuthorityOperations
  let presented: PresentedTokens

  /// 200 for tokens that nobody knows, too (RFC 7009 §2.2): the caller wanted it not to work, and it
  /// does not. `token_type_hint` says nothing that the token does not.
  func answer(_ form: FormBody, peer: String?) async throws(OAuthFailure) -> Response {
    guard let token = form.value("token") else { throw .missing }
    guard token.utf8.count <= BearerToken.maximumLength else { return Self.done }
    let presentedToken = BearerToken(token)
    guard let presentation = self.presented.present(presentedToken, at: .httpRevoke, from: peer)
    else { throw .tooManyRequests }
    presentation.note(before: self.authority, presentedToken)
    do throws(AuthorityError) {
      try await self.authority.revoke(presented: presentedToken, peer: peer)
    } catch {
      switch error {
      case .unauthenticated, .notFound: break
      // It may still work: never a 200.
      case .unavailable, .forbidden, .alreadyExists, .failedPrecondition, .invalid:
        throw .unavailable
      }
    }
    return Self.done
  }

  private static let done = Response.uncached(Array("{}".utf8))
}
