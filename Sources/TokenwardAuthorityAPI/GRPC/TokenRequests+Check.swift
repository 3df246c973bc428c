// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardProtos

extension Tokenward_Authority_V1_CreateTokenRequest {
  func checked() throws(AuthorityError) -> (NewToken, IdempotencyKey?) {
    try RequestFields.checkKnown(self, "request")
    guard !self.name.isEmpty else { throw .invalid(field: "name", problem: "is missing") }
    var token = NewToken(
      name: try RequestFields.text(self.name, "name", atMost: AuthorityLimits.longestName),
      owner: try RequestFields.required(self.owner, "owner"),
      audiences: try RequestFields.list(self.audiences, "audiences")
    )
    guard !token.audiences.isEmpty else {
      throw .invalid(field: "audiences", problem: "is missing")
    }
    token.tenant = try RequestFields.name(self.tenant, "tenant")
    token.roles = try RequestFields.list(self.roles, "roles")
    token.scopes = try RequestFields.list(self.scopes, "scopes")
    if self.hasLifetime {
      token.lifetimeSeconds = try RequestFields.seconds(self.lifetime, "lifetime", atLeast: 1)
    }
    if self.hasNotBefore {
      token.notBefore = try RequestFields.time(self.notBefore, "not_before")
    }
    token.networks = try RequestFields.networks(self.networks)
    token.certificate = try RequestFields.certificate(self.certificateThumbprint)
    token.labels = try RequestFields.labels(self.labels)
    return (token, try RequestFields.idempotencyKey(self.idempotencyKey))
  }
}

extension Tokenward_Authority_V1_RotateTokenRequest {
  func checked() throws(AuthorityError) -> (TokenID, Rotation, IdempotencyKey?) {
    try RequestFields.checkKnown(self, "request")
    let id = try RequestFields.tokenID(self.id, "id")
    let grace = try RequestFields.seconds(self.grace, "grace", atLeast: 0)
    let lifetime =
      self.hasLifetime
      ? try RequestFields.seconds(self.lifetime, "lifetime", atLeast: 1) : nil
    let key = try RequestFields.idempotencyKey(self.idempotencyKey)
    return (id, Rotation(graceSeconds: grace, lifetimeSeconds: lifetime), key)
  }
}

extension Tokenward_Authority_V1_ListTokensRequest {
  func checked() throws(AuthorityError) -> TokenQuery {
    try RequestFields.checkKnown(self, "request")
    var query = TokenQuery()
    query.tenant = try RequestFields.name(self.tenant, "tenant")
    query.owner = try RequestFields.name(self.owner, "owner")
    query.role = try RequestFields.name(self.role, "role")
    query.labels = try RequestFields.labels(self.labels)
    if !self.createdBy.isEmpty {
      query.createdBy = try RequestFields.tokenID(self.createdBy, "created_by")
    }
    query.includesRevoked = !self.excludesRevoked
    if self.hasExpiresAfter {
      query.expiresAfter = try RequestFields.time(self.expiresAfter, "expires_after")
    }
    guard (0 ... Int32(AuthorityLimits.largestPage)).contains(self.pageSize) else {
      throw .invalid(
        field: "page_size",
        problem: "must be 1 to \(AuthorityLimits.largestPage), or 0 for the default"
      )
    }
    if self.pageSize > 0 { query.limit = Int(self.pageSize) }
    if !self.pageToken.isEmpty {
      query.after = try RequestFields.tokenID(self.pageToken, "page_token")
    }
    return query
  }
}

extension Tokenward_Authority_V1_ExchangeTokenRequest {
  func checked() throws(AuthorityError) -> (BearerToken, AccessRequestParameters) {
    try RequestFields.checkKnown(self, "request")
    let token = try RequestFields.secret(self.subjectToken, "subject_token")
    var parameters = AccessRequestParameters()
    parameters.audiences = try RequestFields.list(self.audiences, "audiences")
    let scopes: [Scope] = try RequestFields.list(self.scopes, "scopes")
    if !scopes.isEmpty { parameters.scopes = scopes }
    if self.hasLifetime {
      parameters.lifetimeSeconds = try RequestFields.seconds(self.lifetime, "lifetime", atLeast: 1)
    }
    parameters.algorithm = try self.algorithm.asked()
    return (token, parameters)
  }
}

extension Tokenward_Authority_V1_IntrospectTokenResponse {
  init(_ principal: Principal) {
    self.init()
    self.active = true
    self.subject = principal.subject.text
    self.clientID = principal.clientID?.text ?? ""
    self.issuer = principal.issuer.text
    self.audiences = principal.audiences.map(\.text)
    self.scopes = principal.scopes.map(\.text)
    self.roles = principal.roles.map(\.text)
    self.tokenID = principal.tokenID?.text ?? ""
    self.grantID = principal.claims.string("grant_id") ?? ""
    self.tenant = principal.tenant?.text ?? ""
    if let issuedAt = principal.issuedAt { self.issuedAt = .init(issuedAt) }
    if let notBefore = principal.notBefore { self.notBefore = .init(notBefore) }
    self.expiresAt = .init(principal.expiresAt)
    self.certificateThumbprint = principal.certificate?.base64URL ?? ""
    self.methods = principal.methods?.patterns ?? []
    self.networks = principal.networks.map(\.description)
  }
}
