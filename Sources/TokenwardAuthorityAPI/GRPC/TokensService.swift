// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
internal import GRPCProtobuf
internal import SwiftProtobuf
public import TokenwardAuthority
internal import TokenwardCore
public import TokenwardProtos

/// `tokenward.authority.v1.Tokens`, on an authority.
///
/// It has to stand behind a guard with ``AuthorityPolicy/rules``: whom the guard has proven is the
/// caller. Without one every call is refused.
public struct TokensService: Tokenward_Authority_V1_Tokens.SimpleServiceProtocol {
  private let authority: any AuthorityOperations
  private let presented: PresentedTokens

  /// - Parameters:
  ///   - authority: what does the work.
  ///   - presented: watches over tokens in requests; with a limiter of its own unless given.
  public init(_ authority: TokenAuthority, presented: PresentedTokens = PresentedTokens()) {
    self.init(operations: authority, presented: presented)
  }

  package init(
    operations: any AuthorityOperations,
    presented: PresentedTokens = PresentedTokens()
  ) {
    self.authority = operations
    self.presented = presented
  }

  /// Makes an API token.
  public func create(
    request: Tokenward_Authority_V1_CreateTokenRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_CreateTokenResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      let (token, key) = try request.checked()
      let issued = try await self.authority.create(token, idempotencyKey: key, as: caller)
      return .with {
        $0.token = .init(issued: issued.record)
        $0.secret = issued.token.text
      }
    }
  }

  /// Answers what is kept of one API token.
  public func get(
    request: Tokenward_Authority_V1_GetTokenRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_GetTokenResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let id = try RequestFields.tokenID(request.id, "id")
      let status = try await self.authority.token(id, as: caller)
      return .with { $0.token = .init(status) }
    }
  }

  /// Lists API tokens.
  public func list(
    request: Tokenward_Authority_V1_ListTokensRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_ListTokensResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      let query = try request.checked()
      let tokens = try await self.authority.tokens(query, as: caller)
      return .with {
        $0.tokens = tokens.map { .init($0) }
        // A full page may be the last one; the page behind it is empty then.
        if tokens.count >= query.limit, let last = tokens.last {
          $0.nextPageToken = last.record.id.text
        }
      }
    }
  }

  /// Gives an API token a new secret.
  public func rotate(
    request: Tokenward_Authority_V1_RotateTokenRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_RotateTokenResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      let (id, rotation, key) = try request.checked()
      let issued = try await self.authority.rotate(id, rotation, idempotencyKey: key, as: caller)
      return .with {
        $0.token = .init(issued: issued.record)
        $0.secret = issued.token.text
      }
    }
  }

  /// Takes an API token back.
  public func revoke(
    request: Tokenward_Authority_V1_RevokeTokenRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_RevokeTokenResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let id = try RequestFields.tokenID(request.id, "id")
      let reason = try RequestFields.text(request.reason, "reason")
      let status = try await self.authority.revoke(id, reason: reason, as: caller)
      return .with { $0.token = .init(status) }
    }
  }

  /// Takes back every API token that an owner has now.
  public func revokeOwner(
    request: Tokenward_Authority_V1_RevokeOwnerRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_RevokeOwnerResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let record = try await self.authority.revokeAll(
        of: try RequestFields.required(request.owner, "owner"),
        in: try RequestFields.name(request.tenant, "tenant"),
        reason: try RequestFields.text(request.reason, "reason"),
        as: caller
      )
      return .with { $0.generation = record.generation }
    }
  }

  /// Takes back every API token made before a time.
  public func revokeIssuedBefore(
    request: Tokenward_Authority_V1_RevokeIssuedBeforeRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_RevokeIssuedBeforeResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      guard request.hasIssuedBefore else {
        throw .invalid(field: "issued_before", problem: "is missing")
      }
      try await self.authority.revokeAll(
        issuedBefore: try RequestFields.time(request.issuedBefore, "issued_before"),
        of: try RequestFields.name(request.owner, "owner"),
        in: try RequestFields.name(request.tenant, "tenant"),
        reason: try RequestFields.text(request.reason, "reason"),
        as: caller
      )
      return .init()
    }
  }

  /// Takes back a token that the caller has.
  public func revokeSelf(
    request: Tokenward_Authority_V1_RevokeSelfRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_RevokeSelfResponse {
    try await self.authority.serve(context) { caller in
      try RequestFields.checkKnown(request, "request")
      let token = try RequestFields.secret(request.token, "token")
      let presentation = self.presented.present(token, at: .grpcRevokeSelf, from: caller.peer)
      guard let presentation else { throw GoogleRPCStatus.tooManyGuesses }
      presentation.note(before: self.authority, token)
      try await self.authority.revoke(presented: token, peer: caller.peer)
      return .init()
    }
  }

  /// Exchanges an API token for a short-lived access token.
  public func exchange(
    request: Tokenward_Authority_V1_ExchangeTokenRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_ExchangeTokenResponse {
    try await self.authority.serve(context) { caller in
      var (token, parameters) = try request.checked()
      parameters.peer = caller.peer
      // The guard has let a bound credential through only with its certificate: that certificate is
      // the one the caller has proven.
      parameters.peerCertificate = Principal.current?.certificate
      let presentation = self.presented.present(token, at: .grpcExchange, from: caller.peer)
      guard let presentation else { throw GoogleRPCStatus.tooManyGuesses }
      let issued: IssuedAccessToken
      do throws(AuthorityError) {
        issued = try await self.authority.exchange(token, for: parameters)
      } catch {
        if case .unauthenticated = error { presentation.refuse() }
        throw error
      }
      presentation.accept()
      return .with {
        $0.accessToken = issued.token.text
        $0.tokenID = issued.id.text
        $0.scopes = issued.scopes.map(\.text)
        $0.expiresAt = .init(issued.expiresAt)
        $0.lifetime = .with { $0.seconds = issued.lifetimeSeconds }
      }
    }
  }

  /// Answers what a token of this authority is.
  public func introspect(
    request: Tokenward_Authority_V1_IntrospectTokenRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_IntrospectTokenResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let token = try RequestFields.secret(request.token, "token")
      let principal = try await self.authority.introspect(token, as: caller)
      return principal.map { .init($0) } ?? .init()
    }
  }
}
