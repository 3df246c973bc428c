// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardProtos

/// `tokenward token exchange`.
struct TokenExchange: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exchange",
    abstract: "Exchange an API token for an access token (JWT) that lives minutes.",
    discussion: """
      Possession of the API token is enough. Where nobody is logged in, name the --server; the API
      token then has to be meant for the authority, too (--audience tokenward when it is made), or is
      exchanged over HTTP, where it has not: Docs/authority.md. The access token never grants more
      than the API token. It is a secret: printed on a terminal, written to --out, or to a pipe with
      --stdout.

      EXAMPLE:
        tokenward token exchange --token-file ci.token --audience orders --ttl 5m --out ci.jwt
      """
  )

  @OptionGroup var input: TokenInput

  @Option(help: "A service that the access token is for; those of the API token unless given.")
  var audience: [String] = []

  @Option(help: "A scope; all that the API token has unless given. May be repeated.")
  var scope: [String] = []

  @Option(help: "How long it lives, such as 5m; the authority's default unless given.")
  var ttl: Lifetime?

  @Option(help: "What it is signed with: ES256 or EdDSA; the authority's default unless given.")
  var algorithm: SigningAlgorithmArgument?

  @OptionGroup var secret: SecretOutput
  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func run() async throws {
    let destination = try self.secret.destination()
    let token = BearerToken(bytes: try self.input.read())
    let connection = try self.authority.connection(about: token)
    let request = Tokenward_Authority_V1_ExchangeTokenRequest.with {
      $0.subjectToken = String(decoding: token.bytes, as: UTF8.self)
      $0.audiences = self.audience
      $0.scopes = self.scope
      if let ttl { $0.lifetime = Google_Protobuf_Duration(seconds: ttl.seconds) }
      $0.algorithm = self.algorithm?.proto ?? .unspecified
    }
    let answer = try await connection.use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Tokens(wrapping: client).exchange(request, options: options)
      }
    }
    var object = JSONObjectText()
    object.add("token_id", answer.tokenID)
    object.add("scopes", answer.scopes)
    object.add("expires_at", answer.expiresAt.seconds)
    object.add("expires_in", answer.lifetime.seconds)
    let facts = [
      ("id", answer.tokenID), ("scopes", answer.scopes.joined(separator: " ")),
      ("expires", answer.expiresAt.shown),
    ]
    try IssuedSecret(secret: answer.accessToken, facts: facts, object: object)
      .deliver(to: destination, as: self.output)
  }
}

/// What access tokens can be signed with.
enum SigningAlgorithmArgument: String, ExpressibleByArgument, CaseIterable {
  case es256 = "ES256"
  case eddsa = "EdDSA"

  var proto: Tokenward_Authority_V1_SigningAlgorithm {
    switch self {
    case .es256: .es256
    case .eddsa: .eddsa
    }
  }
}
