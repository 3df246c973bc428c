// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardProtos

/// `tokenward token rotate`.
struct TokenRotate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Give an API token a new secret.",
    discussion: """
      Its id, owner and rights stay. For --grace the secret before it works as well, so that whoever
      uses it can change over; a still older one ends at once. The new secret is shown once, as by
      `token create`.

      EXAMPLE:
        tokenward token rotate 0AbCdEfGhIjKlMnO --grace 1h --out ci.token.new
      """
  )

  @Argument(help: "The id of the token.")
  var id: String

  @Option(help: "How long the present secret works beside the new one; 0 for not at all.")
  var grace: Grace

  @Option(help: "How long the token lives from now on; as long as it was made for unless given.")
  var ttl: Lifetime?

  @OptionGroup var key: RequestKey
  @OptionGroup var secret: SecretOutput
  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func validate() throws { try TokenIDArgument.check([self.id]) }

  func run() async throws {
    var request = Tokenward_Authority_V1_RotateTokenRequest()
    request.id = self.id
    request.grace = Google_Protobuf_Duration(seconds: self.grace.seconds)
    if let ttl { request.lifetime = Google_Protobuf_Duration(seconds: ttl.seconds) }
    request.idempotencyKey = try self.key.value()
    let connection = try self.authority.connection()
    let destination = try self.secret.destination()
    let sent = request
    let answer = try await connection.use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Tokens(wrapping: client).rotate(sent, options: options)
      }
    }
    let view = TokenView(token: answer.token)
    try IssuedSecret(secret: answer.secret, facts: view.facts, object: view.object)
      .deliver(to: destination, as: self.output)
  }
}

/// A span of time that may be nothing.
struct Grace: ExpressibleByArgument, Equatable {
  let seconds: Int64

  init?(argument: String) {
    if ["0", "0s", "none"].contains(where: { $0.hasSameBytes(as: argument) }) {
      self.seconds = 0
    } else if let span = Lifetime(argument: argument) {
      self.seconds = span.seconds
    } else {
      return nil
    }
  }
}
