// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
internal import SwiftProtobuf
public import TokenwardAuthority
internal import TokenwardCore
public import TokenwardProtos

/// `tokenward.authority.v1.Keys`, on an authority. It has to stand behind a guard, as
/// ``TokensService`` does.
public struct KeysService: Tokenward_Authority_V1_Keys.SimpleServiceProtocol {
  private let authority: any AuthorityOperations

  /// - Parameter authority: what does the work.
  public init(_ authority: TokenAuthority) { self.authority = authority }

  package init(operations: any AuthorityOperations) { self.authority = operations }

  /// Answers every key that is published.
  public func list(
    request: Tokenward_Authority_V1_ListKeysRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_ListKeysResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let keys = try await self.authority.signingKeys(as: caller)
      return .with { $0.keys = keys.map { .init($0) } }
    }
  }

  /// Lets the next key of an algorithm sign from now on.
  public func rotate(
    request: Tokenward_Authority_V1_RotateKeysRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_RotateKeysResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let algorithm = try request.algorithm.asked()
      let keys = try await self.authority.rotateKeys(
        algorithm,
        isForced: request.force,
        as: caller
      )
      return .with { $0.keys = keys.map { .init($0) } }
    }
  }
}
