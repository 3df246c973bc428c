// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
public import TokenwardCore

extension TokenAuthority {
  /// Exchanges an API token for an access token (RFC 8693). Needs the API token only.
  ///
  /// The access token is granted no more than the API token, carries its limits of methods and
  /// networks and its certificate, and ends no later. Where only some scopes are asked for, only
  /// those roles stay that stand for nothing else: a role is a name for its scopes, and a policy may
  /// ask for the name.
  /// - Throws: ``AuthorityError/unauthenticated`` for an API token that does not count, or not from
  ///   here; ``AuthorityError/forbidden(_:)`` for more than it is granted;
  ///   ``AuthorityError/unavailable(_:)``, with `rate` if the API token was exchanged more often than
  ///   ``AuthorityLimits/exchangesPerSecond`` allows, because each exchange is written down.
  public func exchange(
    _ token: BearerToken,
    for parameters: AccessRequestParameters
  ) async throws(AuthorityError) -> IssuedAccessToken {
    try self.requireStart()
    try self.requireSoundStore()
    guard let reading = self.time.now() else { throw .unavailable(.clock) }
    let match = try self.match(token, parameters, at: reading.unix)
    guard self.exchangeRates.allows(match.id, at: reading.monotonic) else {
      self.memory.withLock { $0.limitedExchanges &+= 1 }
      throw .unavailable(.rate)
    }
    var event = AuditEvent(.exchange, .allowed, at: reading.unix)
    event.actor = match.id
    event.actorSubject = match.subject
    event.tenant = match.tenant
    event.peer = parameters.peer
    let claims: AccessTokenClaims
    do throws(AuthorityError) {
      guard self.watch.judge(reading) == .good else { throw .unavailable(.clock) }
      claims = try self.claims(of: match, parameters, at: reading.unix)
    } catch {
      await self.noteRefusal(of: event, error)
      throw error
    }
    event.token = claims.id
    event.details["expires_at"] = "\(claims.expiresAt.seconds)"
    // Signed first and shown last: a signature that nobody sees is none.
    let signed = try await self.keys.sign(
      claims,
      algorithm: parameters.algorithm ?? self.configuration.defaultAlgorithm
    )
    try await self.write(event)
    return IssuedAccessToken(
      token: BearerToken(bytes: signed),
      id: claims.id,
      scopes: claims.scopes,
      expiresAt: claims.expiresAt,
      lifetimeSeconds: claims.lifetimeSeconds
    )
  }

  private func match(
    _ token: BearerToken,
    _ parameters: AccessRequestParameters,
    at now: UnixTime
  ) throws(AuthorityError) -> APITokenMatch {
    let match: APITokenMatch
    do throws(DenialReason) {
      match = try self.snapshot.match(token.bytes, at: now)
    } catch {
      throw error == .dependencyUnavailable ? .unavailable(.secrets) : .unauthenticated
    }
    if let bound = match.certificate, bound != parameters.peerCertificate {
      throw .unauthenticated
    }
    let networks = match.networks
    if !networks.isEmpty {
      // What is no address is in no network.
      guard let peer = parameters.peer, let address = PeerAddress(peer: peer) ?? PeerAddress(peer),
        networks.contains(where: { $0.contains(address) })
      else { throw .unauthenticated }
    }
    self.noteUse(match.id, at: now, match.rekey)
    return match
  }

  private func claims(
    of match: APITokenMatch,
    _ parameters: AccessRequestParameters,
    at now: UnixTime
  ) throws(AuthorityError) -> AccessTokenClaims {
    let audiences = match.audiences
    if !parameters.audiences.isEmpty {
      try FieldRules.checkList(parameters.audiences, "audience")
      guard parameters.audiences.allSatisfy(audiences.contains) else {
        throw .forbidden("the API token is not for that audience")
      }
    }
    let subject = match.subject
    var claims = AccessTokenClaims(
      issuer: self.issuer,
      subject: subject,
      clientID: ClientID(subject.text),
      audiences: parameters.audiences.isEmpty ? audiences : parameters.audiences,
      id: .random(),
      issuedAt: UnixTime(seconds: now.seconds),
      lifetimeSeconds: try self.lifetime(parameters.lifetimeSeconds, match.expiresAt, now),
      tenant: match.tenant,
      grantID: match.id
    )
    (claims.scopes, claims.roles) = self.withoutLasting(match)
    if let asked = parameters.scopes {
      guard Set(asked).count == asked.count else {
        throw .invalid(field: "scope", problem: "has an entry twice")
      }
      let granted = Set(claims.scopes)
      guard asked.allSatisfy(granted.contains) else {
        throw .forbidden("the API token does not have that scope")
      }
      claims.scopes = asked
      claims.roles = self.roles(claims.roles, within: Set(asked))
    }
    if let methods = match.methods {
      claims.methods = methods.patterns
      guard claims.methods?.isEmpty == false else {
        throw .forbidden(
          "a role of the API token is not defined any more, and no other names methods"
        )
      }
    }
    claims.networks = match.networks
    claims.certificate = match.certificate
    return claims
  }

  /// In whole seconds, as tokens state it, and never beyond the API token.
  private func lifetime(
    _ asked: Int64?,
    _ end: UnixTime,
    _ now: UnixTime
  ) throws(AuthorityError) -> Int64 {
    let limits = self.configuration.limits
    let (rest, overflow) = end.seconds.subtractingReportingOverflow(now.seconds)
    guard !overflow, rest >= 1 else { throw .unauthenticated }
    guard let asked else { return min(limits.defaultAccessLifetimeSeconds, rest) }
    guard (1 ... limits.maximumAccessLifetimeSeconds).contains(asked) else {
      throw .invalid(
        field: "lifetime",
        problem: "must be 1 to \(limits.maximumAccessLifetimeSeconds) seconds"
      )
    }
    guard asked <= rest else { throw .forbidden("the API token does not live that long") }
    return asked
  }

  /// The roles that stand for some of these scopes and for nothing else.
  private func roles(_ roles: [Role], within scopes: Set<Scope>) -> [Role] {
    self.definedRoles.withLock { defined in
      roles.filter { role in
        let definition = role == .administrator ? .administrator : defined[role]
        guard let definition, !definition.scopes.isEmpty else { return false }
        return definition.scopes.allSatisfy(scopes.contains)
      }
    }
  }
}
