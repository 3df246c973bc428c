// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import TokenwardCore

extension TokenAuthority {
  /// What a token of this authority is, whatever kind it is; nil if it is not active. Needs
  /// ``Permission/introspectTokens``; tokens of other tenants are not active to who may not see them.
  ///
  /// Networks and certificate of the token are in the answer and not checked: the caller is the
  /// service that the token was presented to, not who presented it.
  public func introspect(
    _ token: BearerToken,
    as caller: Caller
  ) async throws(AuthorityError) -> Principal? {
    try self.require(.introspectTokens, of: caller)
    try self.requireStart()
    guard let now = self.time.now() else { throw .unavailable(.clock) }
    let principal: Principal
    do throws(VerificationFailure) {
      let presented = PresentedToken(token)
      principal =
        (try? APITokenFormat.check(token.bytes.span)) != nil
        ? try APITokenVerifier(
          snapshot: self.snapshot,
          issuer: self.issuer,
          audiences: .unchecked(because: "the answer says what the token is for")
        ).verify(presented, at: now)
        : try self.ownTokens.verify(presented, at: now)
    } catch {
      if error.reason == .dependencyUnavailable { throw .unavailable(.secrets) }
      return nil
    }
    guard principal.refusal(at: now.unix) == nil, self.isRevoked(principal) == false else {
      return nil
    }
    guard self.may(.allTenants, caller) || principal.tenant == caller.tenant else { return nil }
    return principal
  }
}
