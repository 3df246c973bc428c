// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardProtos

/// `tokenward owner`.
struct OwnerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "owner",
    abstract: "Owners of API tokens: whom tokens speak for.",
    discussion: """
      An owner need not be made: one that nothing was done to is enabled.
      """,
    subcommands: [OwnerShow.self, OwnerDisable.self, OwnerEnable.self]
  )
}

/// Which owner.
struct OwnerArguments: ParsableArguments {
  @Argument(help: "The owner.")
  var owner: String

  @Option(help: "Its tenant; your own unless given.")
  var tenant = ""

  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text
}

/// An owner, for people and for programs.
struct OwnerView {
  let owner: AuthorityAPI.Owner

  var facts: [(String, String)] {
    let owner = self.owner
    var facts = [
      ("owner", "\(owner.tenant)/\(owner.owner)"),
      ("state", owner.disabled ? "disabled" : "enabled"), ("generation", "\(owner.generation)"),
    ]
    if owner.hasIssuedBefore {
      facts.append(("revoked", "what was made before \(owner.issuedBefore.shown)"))
    }
    if owner.hasChangedAt { facts.append(("changed", owner.changedAt.shown)) }
    if !owner.reason.isEmpty { facts.append(("reason", owner.reason)) }
    return facts
  }

  var object: JSONObjectText {
    let owner = self.owner
    var object = JSONObjectText()
    object.add("tenant", owner.tenant)
    object.add("owner", owner.owner)
    object.add("disabled", owner.disabled)
    object.add("generation", owner.generation)
    object.add("issued_before", owner.hasIssuedBefore ? owner.issuedBefore.seconds : nil)
    object.add("reason", owner.reason)
    object.add("changed_at", owner.hasChangedAt ? owner.changedAt.seconds : nil)
    return object
  }

  func print(_ format: OutputFormat) throws {
    try Console.standardOutput.write(
      format == .json ? self.object.text + "\n" : TextTable.facts(self.facts)
    )
  }
}

/// `tokenward owner show`.
struct OwnerShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show what is kept of an owner.",
    discussion: """
      EXAMPLE:
        tokenward owner show builds
      """
  )

  @OptionGroup var arguments: OwnerArguments

  func run() async throws {
    let request = Tokenward_Authority_V1_GetOwnerRequest.with {
      $0.owner = self.arguments.owner
      $0.tenant = self.arguments.tenant
    }
    let answer = try await self.arguments.authority.connection().use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Owners(wrapping: client).get(request, options: options)
      }
    }
    try OwnerView(owner: answer.owner).print(self.arguments.output)
  }
}

/// `tokenward owner disable`.
struct OwnerDisable: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disable",
    abstract: "Let no token of an owner work until it is enabled again.",
    discussion: """
      Nothing is revoked: `owner enable` brings everything back. For good there is
      `token revoke --owner`.

      EXAMPLE:
        tokenward owner disable builds --reason "on leave"
      """
  )

  @OptionGroup var arguments: OwnerArguments

  @Option(help: "Why; kept with the owner and in the audit.")
  var reason = ""

  func run() async throws {
    let request = Tokenward_Authority_V1_DisableOwnerRequest.with {
      $0.owner = self.arguments.owner
      $0.tenant = self.arguments.tenant
      $0.reason = self.reason
    }
    let answer = try await self.arguments.authority.connection().use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Owners(wrapping: client).disable(request, options: options)
      }
    }
    try OwnerView(owner: answer.owner).print(self.arguments.output)
  }
}

/// `tokenward owner enable`.
struct OwnerEnable: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enable",
    abstract: "Let the tokens of an owner work again.",
    discussion: """
      What was revoked stays revoked.

      EXAMPLE:
        tokenward owner enable builds --reason "is back"
      """
  )

  @OptionGroup var arguments: OwnerArguments

  @Option(help: "Why; kept with the owner and in the audit.")
  var reason = ""

  func run() async throws {
    let request = Tokenward_Authority_V1_EnableOwnerRequest.with {
      $0.owner = self.arguments.owner
      $0.tenant = self.arguments.tenant
      $0.reason = self.reason
    }
    let answer = try await self.arguments.authority.connection().use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Owners(wrapping: client).enable(request, options: options)
      }
    }
    try OwnerView(owner: answer.owner).print(self.arguments.output)
  }
}
