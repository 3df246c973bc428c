// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
internal import SwiftProtobuf
public import TokenwardAuthority
internal import TokenwardCore
public import TokenwardProtos

/// `tokenward.authority.v1.Roles`, on an authority. It has to stand behind a guard, as
/// ``TokensService`` does.
public struct RolesService: Tokenward_Authority_V1_Roles.SimpleServiceProtocol {
  private let authority: any AuthorityOperations

  /// - Parameter authority: what does the work.
  public init(_ authority: TokenAuthority) { self.authority = authority }

  package init(operations: any AuthorityOperations) { self.authority = operations }

  /// Answers every role.
  public func list(
    request: Tokenward_Authority_V1_ListRolesRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_ListRolesResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let roles = try await self.authority.roles(as: caller)
      return .with { $0.roles = roles.map { .init($0) } }
    }
  }

  /// Answers one role.
  public func get(
    request: Tokenward_Authority_V1_GetRoleRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_GetRoleResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let name: Role = try RequestFields.required(request.name, "name")
      let roles = try await self.authority.roles(as: caller)
      guard let role = roles.first(where: { $0.role == name }) else {
        throw .notFound("there is no role \(name.text)")
      }
      return .with { $0.role = .init(role) }
    }
  }

  /// Defines a role.
  public func put(
    request: Tokenward_Authority_V1_PutRoleRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_PutRoleResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      let asked = try request.checked()
      let role = try await self.authority.putRole(asked, as: caller)
      return .with { $0.role = .init(role) }
    }
  }

  /// Removes a role.
  public func delete(
    request: Tokenward_Authority_V1_DeleteRoleRequest,
    context: ServerContext
  ) async throws -> Tokenward_Authority_V1_DeleteRoleResponse {
    try await self.authority.serve(context) { caller throws(AuthorityError) in
      try RequestFields.checkKnown(request, "request")
      let name: Role = try RequestFields.required(request.name, "name")
      try await self.authority.removeRole(name, as: caller)
      return .init()
    }
  }
}

extension Tokenward_Authority_V1_PutRoleRequest {
  fileprivate func checked() throws(AuthorityError) -> RoleRecord {
    try RequestFields.checkKnown(self, "request")
    try RequestFields.checkKnown(self.role, "role")
    guard self.hasRole else { throw .invalid(field: "role", problem: "is missing") }
    guard !self.role.hasChangedAt else {
      throw .invalid(field: "role.changed_at", problem: "is the authority's to say")
    }
    let methods: [MethodName] = try RequestFields.list(self.role.methods, "role.methods")
    var record = RoleRecord(
      role: try RequestFields.required(self.role.name, "role.name"),
      scopes: try RequestFields.list(self.role.scopes, "role.scopes"),
      methods: methods.map(\.text),
      // The authority's clock says when.
      changedAt: UnixTime(seconds: 0)
    )
    record.description = try RequestFields.text(self.role.description_p, "role.description")
    return record
  }
}

/// A pattern of methods, compared by bytes while a request is read.
private struct MethodName: ByteComparedText {
  let text: String
  init(_ text: String) { self.text = text }
}
