// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardProtos

/// `tokenward token list`.
struct TokenList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List API tokens.",
    discussion: """
      Without a limit all of them are listed, in the order of their ids, page by page. What is given
      must all be so.

      EXAMPLE:
        tokenward token list --owner builds --active
        tokenward token list --label team=shop --output json
      """
  )

  @Option(help: "Only those of this tenant; all that you may see unless given.")
  var tenant: String = ""

  @Option(help: "Only those of this owner.")
  var owner: String = ""

  @Option(help: "Only those that have this role.")
  var role: String = ""

  @Option(help: ArgumentHelp("Only those that the token with this id made.", valueName: "id"))
  var createdBy: String = ""

  @Option(
    help: ArgumentHelp("Only those that have this label; may be repeated.", valueName: "key=value")
  )
  var label: [LabelArgument] = []

  @Flag(help: "Only those that are neither revoked by themselves nor expired.")
  var active = false

  @Option(help: "Most tokens to list; the answer says whether there are more.")
  var limit: Int?

  @Option(help: ArgumentHelp("Go on behind the last answer.", valueName: "page-token"))
  var after: String = ""

  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func validate() throws {
    guard (self.limit ?? 1) > 0 else { throw ValidationError("--limit is 1 or more.") }
    try LabelArgument.refuseDoubles(self.label)
    if !self.createdBy.isEmpty { try TokenIDArgument.check([self.createdBy]) }
  }

  func run() async throws {
    let connection = try self.authority.connection()
    let first = try self.firstRequest()
    let limit = self.limit ?? Int.max
    let page = try await connection.use { client in
      var request = first
      var tokens: [AuthorityAPI.Token] = []
      while true {
        request.pageSize = Int32(clamping: min(500, limit - tokens.count))
        let page = request
        let answer = try await Patience().call { options in
          try await AuthorityAPI.Tokens(wrapping: client).list(page, options: options)
        }
        tokens += answer.tokens
        let isDone = answer.nextPageToken.isEmpty || tokens.count >= limit
        guard !isDone else { return (tokens: tokens, next: answer.nextPageToken) }
        // An answer that leads back to itself would never end.
        guard !answer.nextPageToken.hasSameBytes(as: request.pageToken) else {
          throw CommandFailure("the authority answers the same page again and again")
        }
        request.pageToken = answer.nextPageToken
        if Console.standardError.isTerminal { Console.complain("\(tokens.count) tokens so far …") }
      }
    }
    try Console.standardOutput.write(self.text(page.tokens, next: page.next))
  }

  private func firstRequest() throws(CommandFailure) -> Tokenward_Authority_V1_ListTokensRequest {
    var request = Tokenward_Authority_V1_ListTokensRequest()
    request.tenant = self.tenant
    request.owner = self.owner
    request.role = self.role
    request.createdBy = self.createdBy
    for label in self.label { request.labels[label.key] = label.value }
    if self.active {
      request.excludesRevoked = true
      guard let now = SystemTime().now()?.unix else {
        throw CommandFailure("the clock cannot be read or is implausible", hint: "set the clock")
      }
      request.expiresAfter = Google_Protobuf_Timestamp(now)
    }
    request.pageToken = self.after
    return request
  }

  func text(_ tokens: [AuthorityAPI.Token], next: String) -> String {
    let views = tokens.map { TokenView(token: $0) }
    switch self.output {
    case .json:
      var object = JSONObjectText()
      object.add("tokens", views.map(\.object))
      object.add("next", next.isEmpty ? nil : next)
      return object.text + "\n"
    case .text:
      guard !views.isEmpty else { return "no tokens\n" }
      let more = next.isEmpty ? "" : "there are more: --after \(TextTable.printable(next))\n"
      return TextTable.rows([TokenView.header] + views.map(\.row)) + more
    }
  }
}

/// `tokenward token show`.
struct TokenShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show what is kept of an API token.",
    discussion: """
      Its secret is not kept and cannot be shown.

      EXAMPLE:
        tokenward token show 0AbCdEfGhIjKlMnO
      """
  )

  @Argument(help: "The id of the token: the 16 characters between `twk_` and the next underscore.")
  var id: String

  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func validate() throws { try TokenIDArgument.check([self.id]) }

  func run() async throws {
    let id = self.id
    let answer = try await self.authority.connection().use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Tokens(wrapping: client).get(.with { $0.id = id }, options: options)
      }
    }
    let view = TokenView(token: answer.token)
    try Console.standardOutput.write(
      self.output == .json ? view.object.text + "\n" : TextTable.facts(view.facts)
    )
  }
}

/// The id of a token on the command line.
enum TokenIDArgument {
  /// Refuses whole tokens before anything else does something with them.
  static func check(_ ids: [String]) throws {
    for id in ids
    where id.utf8.count != APITokenFormat.idLength
      || !id.utf8.allSatisfy(APITokenFormat.digits.contains)
    {
      throw ValidationError(
        "a token is named by its id: \(APITokenFormat.idLength) letters and digits, never by its"
          + " secret."
      )
    }
  }
}
