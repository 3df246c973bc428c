// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardProtos

/// `tokenward token revoke`.
struct TokenRevoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: "Take API tokens back, for good.",
    discussion: """
      By id; or all that an owner has now (--owner); or all that were made before a time
      (--issued-before), of an owner or a whole tenant; or the one in --token-file, whose possession
      is enough (--self). Asks before it takes back more than one, unless --yes.

      A token that is revoked already is no error.

      EXAMPLE:
        tokenward token revoke 0AbCdEfGhIjKlMnO --reason "laptop lost"
        tokenward token revoke --owner builds --reason "builds are moved" --yes
        tokenward token revoke --self --token-file ci.token
      """
  )

  @Argument(help: "The ids of the tokens.")
  var ids: [String] = []

  @Option(help: "Every token of this owner that there is now.")
  var owner: String?

  @Option(help: "The tenant of the owner, or whose tokens; your own unless given.")
  var tenant: String?

  @Option(
    help: ArgumentHelp(
      "Only those made before this: now, Unix seconds or 2026-11-25T08:30:00Z.",
      valueName: "time"
    )
  )
  var issuedBefore: PointInTime?

  @Flag(name: .customLong("self"), help: "The token in --token-file or on standard input.")
  var isSelf = false

  @OptionGroup var input: TokenInput

  @Option(help: "Why; kept with the token and in the audit.")
  var reason = ""

  @OptionGroup var confirmation: Confirmation
  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func validate() throws {
    try TokenIDArgument.check(self.ids)
    let isMany = self.owner != nil || self.tenant != nil || self.issuedBefore != nil
    let ways = [!self.ids.isEmpty, isMany, self.isSelf].count(where: \.self)
    guard ways == 1 else {
      throw ValidationError(
        "say which tokens, in one way: ids, or --owner and --issued-before, or --self."
      )
    }
    guard !isMany || self.owner != nil || self.issuedBefore != nil else {
      throw ValidationError(
        "--tenant alone does not say which tokens: add --owner, or --issued-before now for all."
      )
    }
    guard self.isSelf || self.input.tokenFile == nil else {
      throw ValidationError("--token-file goes with --self.")
    }
  }

  func run() async throws {
    if self.isSelf { return try await self.revokeSelf() }
    let connection = try self.authority.connection()
    if self.ids.isEmpty { return try await self.revokeMany(connection) }
    if self.ids.count > 1 {
      try self.confirmation.confirm("Revoke \(self.ids.count) tokens, for good?")
    }
    var objects: [JSONObjectText] = []
    for id in self.ids {
      let request = Tokenward_Authority_V1_RevokeTokenRequest.with {
        $0.id = id
        $0.reason = self.reason
      }
      let answer = try await connection.use { client in
        try await Patience().call { options in
          try await AuthorityAPI.Tokens(wrapping: client).revoke(request, options: options)
        }
      }
      objects.append(TokenView(token: answer.token).object)
      // Said one by one: if a later one fails, it is known which are done.
      if self.output == .text { try Console.standardOutput.write("revoked \(id)\n") }
    }
    guard self.output == .json else { return }
    var object = JSONObjectText()
    object.add("revoked", objects)
    try Console.standardOutput.write(object.text + "\n")
  }

  private func revokeMany(_ connection: AuthorityConnection) async throws {
    let whose =
      switch (self.owner, self.tenant) {
      case (let owner?, let tenant?): "of \(tenant)/\(owner)"
      case (let owner?, nil): "of the owner \(owner)"
      case (nil, let tenant?): "of the whole tenant \(tenant)"
      case (nil, nil): "of your whole tenant"
      }
    let time = try self.issuedBefore?.resolved()
    let when = time.map { "made before \(Google_Protobuf_Timestamp($0).shown)" } ?? "there is now"
    let what = TextTable.printable("every token \(whose) that was \(when)")
      .replacing("was there is", with: "there is")
    try self.confirmation.confirm("Revoke \(what), for good?")
    var object = JSONObjectText()
    if let time {
      let request = Tokenward_Authority_V1_RevokeIssuedBeforeRequest.with {
        $0.issuedBefore = Google_Protobuf_Timestamp(time)
        $0.tenant = self.tenant ?? ""
        $0.owner = self.owner ?? ""
        $0.reason = self.reason
      }
      _ = try await connection.use { client in
        try await Patience().call { options in
          try await AuthorityAPI.Tokens(wrapping: client)
            .revokeIssuedBefore(request, options: options)
        }
      }
      object.add("issued_before", time.seconds)
    } else {
      let request = Tokenward_Authority_V1_RevokeOwnerRequest.with {
        $0.tenant = self.tenant ?? ""
        $0.owner = self.owner ?? ""
        $0.reason = self.reason
      }
      let answer = try await connection.use { client in
        try await Patience().call { options in
          try await AuthorityAPI.Tokens(wrapping: client).revokeOwner(request, options: options)
        }
      }
      object.add("generation", answer.generation)
    }
    object.add("tenant", self.tenant)
    object.add("owner", self.owner)
    try Console.standardOutput.write(
      self.output == .json ? object.text + "\n" : "revoked \(what)\n"
    )
  }

  private func revokeSelf() async throws {
    let token = BearerToken(bytes: try self.input.read())
    let request = Tokenward_Authority_V1_RevokeSelfRequest.with {
      $0.token = String(decoding: token.bytes, as: UTF8.self)
    }
    _ = try await self.authority.connection(about: token).use { client in
      try await AuthorityAPI.Tokens(wrapping: client)
        .revokeSelf(request, options: Patience.options)
    }
    try Console.standardOutput.write(
      self.output == .json ? "{\"revoked\":true}\n" : "revoked; whoever has it can do nothing now\n"
    )
  }
}
