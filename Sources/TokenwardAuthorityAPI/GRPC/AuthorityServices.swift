// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
public import TokenwardAuthority

/// The gRPC services of an authority, to be handed to a server whose transport is guarded with
/// ``AuthorityPolicy/rules``.
public enum AuthorityServices {
  /// Every service of `tokenward.authority.v1`.
  public static func all(of authority: TokenAuthority) -> [any RegistrableRPCService] {
    Self.all(operations: authority)
  }

  package static func all(operations: any AuthorityOperations) -> [any RegistrableRPCService] {
    [
      TokensService(operations: operations), OwnersService(operations: operations),
      RolesService(operations: operations), KeysService(operations: operations),
    ]
  }
}
