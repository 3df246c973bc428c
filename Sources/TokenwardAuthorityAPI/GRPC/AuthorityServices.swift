// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

public import GRPCCore
public import TokenwardAuthority
internal import TokenwardCore

/// The gRPC services of an authority, to be handed to a server whose transport is guarded with
/// ``AuthorityPolicy/rules``.
public enum AuthorityServices {
  /// Every service of `tokenward.authority.v1`.
  /// - Parameters:
  ///   - authority: what does the work.
  ///   - presented: watches over tokens in requests; with a limiter of its own unless given.
  public static func all(
    of authority: TokenAuthority,
    presented: PresentedTokens = PresentedTokens()
  ) -> [any RegistrableRPCService] {
    Self.all(operations: authority, presented: presented)
  }

  package static func all(
    operations: any AuthorityOperations,
    presented: PresentedTokens = PresentedTokens()
  ) -> [any RegistrableRPCService] {
    [
      TokensService(operations: operations, presented: presented),
      OwnersService(operations: operations),
      RolesService(operations: operations), KeysService(operations: operations),
    ]
  }
}
