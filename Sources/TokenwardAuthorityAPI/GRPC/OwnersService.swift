// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
internal import SwiftProtobuf
public import TokenwardAuthority
internal import TokenwardCore
public import TokenwardProtos

/// `tokenward.authority.v1.Owners`, on an authority. It has to stand behind a guard, as
/// ``TokensService`` does.
public struct OwnersService: Tokenward_Authority_V1_Owners.SimpleServiceProtocol {
  private let authority: any AuthorityOperations

  /// - Parameter authority: what does the work.
  public init(_ authority: TokenAuthority) { self.authority = authority }

  package init(operations: any AuthorityOperations) { self.authority = operations }

  /// Answers what is kept of an owner.
  public func get(
    request: Tokenward_Authority_V1_GetOwnerRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_GetOwnerResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let record = try await self.authority.owner(
        try RequestFields.required(request.owner, "owner"),
        in: try RequestFields.name(request.tenant, "tenant"),
        as: caller
      )
      return .with { $0.owner = .init(record) }
    }
  }

  /// Disables an owner.
  public func disable(
    request: Tokenward_Authority_V1_DisableOwnerRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_DisableOwnerResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let record = try await self.authority.setOwner(
        try RequestFields.required(request.owner, "owner"),
        in: try RequestFields.name(request.tenant, "tenant"),
        isDisabled: true,
        reason: try RequestFields.text(request.reason, "reason"),
        as: caller
      )
      return .with { $0.owner = .init(record) }
    }
  }

  /// Enables an owner.
  public func enable(
    request: Tokenward_Authority_V1_EnableOwnerRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_EnableOwnerResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let record = try await self.authority.setOwner(
        try RequestFields.required(request.owner, "owner"),
        in: try RequestFields.name(request.tenant, "tenant"),
        isDisabled: false,
        reason: try RequestFields.text(request.reason, "reason"),
        as: caller
      )
      return .with { $0.owner = .init(record) }
    }
  }
}
