// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import TokenwardGRPC
internal import TokenwardProtos

/// Short names for what the authority's services are asked with.
enum AuthorityAPI {
  typealias Client = GRPCClient<CredentialedClientTransport<HTTP2ClientTransport.Posix>>
  typealias Transport = CredentialedClientTransport<HTTP2ClientTransport.Posix>
  typealias Tokens = Tokenward_Authority_V1_Tokens.Client<Transport>
  typealias Owners = Tokenward_Authority_V1_Owners.Client<Transport>
  typealias Roles = Tokenward_Authority_V1_Roles.Client<Transport>
  typealias Keys = Tokenward_Authority_V1_Keys.Client<Transport>
  typealias Token = Tokenward_Authority_V1_Token
  typealias Owner = Tokenward_Authority_V1_Owner
  typealias Role = Tokenward_Authority_V1_Role
  typealias SigningKey = Tokenward_Authority_V1_SigningKey
}
