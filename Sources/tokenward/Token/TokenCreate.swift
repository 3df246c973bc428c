// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardProtos

/// `tokenward token create`.
struct TokenCreate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Make an API token.",
    discussion: """
      The secret is shown once: on a terminal, or in a new file that only you can read (--out). The
      authority keeps a digest of it and cannot show it again. You can grant only what you hold
      yourself.

      While the authority is not available the request is sent again for some seconds; that makes no
      second token.

      EXAMPLE:
        tokenward token create --name ci --owner builds --audience orders --scope orders.read \\
          --ttl 30d --out ci.token
      """
  )

  @Option(help: "What people call the token.")
  var name: String

  @Option(help: "Whom the token speaks for: services see TENANT/OWNER as its subject.")
  var owner: String

  @Option(help: "The tenant of the owner; your own unless given.")
  var tenant: String = ""

  @Option(help: "A service that the token is for; may be repeated.")
  var audience: [String]

  @Option(help: "A role of the token; may be repeated.")
  var role: [String] = []

  @Option(help: "A scope of the token; may be repeated.")
  var scope: [String] = []

  @Option(
    help: ArgumentHelp("How long it lives, such as 90d; the authority's default unless given.")
  )
  var ttl: Lifetime?

  @Option(
    help: ArgumentHelp(
      "When it begins to work: Unix seconds or 2026-11-25T08:30:00Z.",
      valueName: "time"
    )
  )
  var notBefore: PointInTime?

  @Option(
    help: ArgumentHelp(
      "A network that it may be used from, such as 10.0.0.0/8; may be repeated.",
      valueName: "cidr"
    )
  )
  var network: [String] = []

  @Option(
    help: ArgumentHelp(
      "The client certificate (PEM) that it must come with.",
      valueName: "file"
    )
  )
  var certificate: String?

  @Option(help: ArgumentHelp("A label; may be repeated.", valueName: "key=value"))
  var label: [LabelArgument] = []

  @OptionGroup var key: RequestKey
  @OptionGroup var secret: SecretOutput
  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func validate() throws {
    guard !self.audience.isEmpty else { throw ValidationError("--audience is missing.") }
    try LabelArgument.refuseDoubles(self.label)
  }

  func run() async throws {
    let request = try self.request(key: try self.key.value())
    let connection = try self.authority.connection()
    let destination = try self.secret.destination()
    let answer = try await connection.use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Tokens(wrapping: client).create(request, options: options)
      }
    }
    let view = TokenView(token: answer.token)
    try IssuedSecret(secret: answer.secret, facts: view.facts, object: view.object)
      .deliver(to: destination, as: self.output)
  }

  func request(
    key: String
  ) throws(CommandFailure) -> Tokenward_Authority_V1_CreateTokenRequest {
    var request = Tokenward_Authority_V1_CreateTokenRequest()
    request.name = self.name
    request.owner = self.owner
    request.tenant = self.tenant
    request.audiences = self.audience
    request.roles = self.role
    request.scopes = self.scope
    request.networks = self.network
    if let ttl { request.lifetime = Google_Protobuf_Duration(seconds: ttl.seconds) }
    if let notBefore { request.notBefore = Google_Protobuf_Timestamp(try notBefore.resolved()) }
    if let certificate {
      request.certificateThumbprint = Base64URL.encode(
        try TokenVerify.thumbprint(certificate).bytes
      )
    }
    for label in self.label { request.labels[label.key] = label.value }
    request.idempotencyKey = key
    return request
  }
}

/// `key=value`.
struct LabelArgument: ExpressibleByArgument, Equatable {
  let key: String
  let value: String

  init?(argument: String) {
    guard let equals = argument.utf8.firstIndex(of: UInt8(ascii: "=")),
      equals > argument.startIndex
    else { return nil }
    self.key = String(argument[..<equals])
    self.value = String(argument[argument.utf8.index(after: equals)...])
  }

  /// Which of two values counts would be a guess.
  static func refuseDoubles(_ labels: [LabelArgument]) throws {
    for (index, label) in labels.enumerated()
    where labels[..<index].contains(where: { $0.key.hasSameBytes(as: label.key) }) {
      throw ValidationError("a label is given twice.")
    }
  }
}
