// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore

extension Caller {
  /// Reads a principal that a guard has proven as who asks the authority for something.
  ///
  /// The faces refuse to work unguarded: without a principal, with one of another issuer (whose roles
  /// could have any name), or with a token that has no name, there is no caller.
  /// - Parameters:
  ///   - principal: whom the guard has proven; nil for nobody.
  ///   - issuer: the authority. The principal must be its own.
  ///   - peer: where the call came from, as the transport names it.
  /// - Throws: ``AuthorityError/unauthenticated``.
  init(
    of principal: Principal?,
    issuer: Issuer,
    peer: String?
  ) throws(AuthorityError) {
    guard let principal, principal.issuer == issuer, let token = principal.tokenID else {
      throw .unauthenticated
    }
    // The subject is `tenant/owner`; neither has a slash, so it can be read in one way.
    let parts = principal.subject.text.utf8.split(
      separator: UInt8(ascii: "/"),
      omittingEmptySubsequences: false
    )
    guard parts.count == 2, let first = parts.first,
      parts.allSatisfy({ AuthorityLimits.isName(String(decoding: $0, as: UTF8.self)) })
    else { throw .unauthenticated }
    let tenant = Tenant(String(decoding: first, as: UTF8.self))
    // Two statements about one fact have to agree.
    if let stated = principal.tenant, stated != tenant { throw .unauthenticated }
    self.init(
      token: token,
      grant: principal.claims.string("grant_id").map { TokenID($0) },
      subject: principal.subject,
      tenant: tenant,
      scopes: Set(principal.scopes),
      roles: Set(principal.roles),
      methods: principal.methods?.patterns,
      expiresAt: principal.expiresAt,
      peer: peer,
      usesPreviousSecret: principal.usesPreviousSecret
    )
  }
}
