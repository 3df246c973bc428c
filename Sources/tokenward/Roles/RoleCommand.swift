// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardProtos

/// `tokenward role`.
struct RoleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "role",
    abstract: "Roles of an authority: names for sets of scopes.",
    subcommands: [RoleList.self, RoleShow.self, RolePut.self, RoleDelete.self]
  )
}

/// A role, for people and for programs.
struct RoleView {
  let role: AuthorityAPI.Role

  static let header = ["ROLE", "METHODS", "SCOPES"]

  var row: [String] {
    [
      self.role.name, self.role.methods.isEmpty ? "all" : Self.joined(self.role.methods),
      Self.joined(self.role.scopes),
    ]
  }

  var facts: [(String, String)] {
    var facts = [("role", self.role.name), ("scopes", Self.joined(self.role.scopes))]
    if !self.role.methods.isEmpty { facts.append(("methods", Self.joined(self.role.methods))) }
    if !self.role.description_p.isEmpty { facts.append(("what for", self.role.description_p)) }
    if self.role.hasChangedAt { facts.append(("changed", self.role.changedAt.shown)) }
    return facts
  }

  var object: JSONObjectText {
    var object = JSONObjectText()
    object.add("role", self.role.name)
    object.add("description", self.role.description_p)
    object.add("scopes", self.role.scopes)
    object.add("methods", self.role.methods)
    object.add("changed_at", self.role.hasChangedAt ? self.role.changedAt.seconds : nil)
    return object
  }

  func text(_ format: OutputFormat) -> String {
    format == .json ? self.object.text + "\n" : TextTable.facts(self.facts)
  }

  private static func joined(_ words: [String]) -> String {
    words.isEmpty ? "none" : words.joined(separator: " ")
  }
}

/// `tokenward role list`.
struct RoleList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List every role.",
    discussion: """
      EXAMPLE:
        tokenward role list
      """
  )

  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func run() async throws {
    let answer = try await self.authority.connection().use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Roles(wrapping: client).list(.init(), options: options)
      }
    }
    let views = answer.roles.map { RoleView(role: $0) }
    switch self.output {
    case .json:
      var object = JSONObjectText()
      object.add("roles", views.map(\.object))
      try Console.standardOutput.write(object.text + "\n")
    case .text:
      try Console.standardOutput.write(TextTable.rows([RoleView.header] + views.map(\.row)))
    }
  }
}

/// `tokenward role show`.
struct RoleShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show what a role stands for.",
    discussion: """
      EXAMPLE:
        tokenward role show orders-reader
      """
  )

  @Argument(help: "The name of the role.")
  var name: String

  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func run() async throws {
    let name = self.name
    let answer = try await self.authority.connection().use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Roles(wrapping: client).get(
          .with { $0.name = name },
          options: options
        )
      }
    }
    try Console.standardOutput.write(RoleView(role: answer.role).text(self.output))
  }
}

/// `tokenward role put`.
struct RolePut: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "put",
    abstract: "Define a role, or change what it stands for.",
    discussion: """
      The whole role is replaced: what is not given is taken away, from every token that has the role.
      A role with methods limits its tokens to those.

      EXAMPLE:
        tokenward role put orders-reader --scope orders.read --description "reads orders"
      """
  )

  @Argument(help: "The name of the role.")
  var name: String

  @Option(help: "A scope that it stands for; may be repeated.")
  var scope: [String] = []

  @Option(
    help: ArgumentHelp(
      "A method that its tokens are limited to: package.Service/Method or package.Service/*; may be"
        + " repeated.",
      valueName: "method"
    )
  )
  var method: [String] = []

  @Option(help: "What it is for.")
  var description = ""

  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func run() async throws {
    let request = Tokenward_Authority_V1_PutRoleRequest.with {
      $0.role.name = self.name
      $0.role.scopes = self.scope
      $0.role.methods = self.method
      $0.role.description_p = self.description
    }
    let answer = try await self.authority.connection().use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Roles(wrapping: client).put(request, options: options)
      }
    }
    try Console.standardOutput.write(RoleView(role: answer.role).text(self.output))
  }
}

/// `tokenward role delete`.
struct RoleDelete: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete",
    abstract: "Remove a role.",
    discussion: """
      Every token that has it loses what it stood for. Asks, unless --yes.

      EXAMPLE:
        tokenward role delete orders-reader
      """
  )

  @Argument(help: "The name of the role.")
  var name: String

  @OptionGroup var confirmation: Confirmation
  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func run() async throws {
    let name = self.name
    let connection = try self.authority.connection()
    try self.confirmation.confirm(
      "Take what \(TextTable.printable(name)) stands for from every token that has it?"
    )
    _ = try await connection.use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Roles(wrapping: client)
          .delete(.with { $0.name = name }, options: options)
      }
    }
    var object = JSONObjectText()
    object.add("deleted", name)
    try Console.standardOutput.write(
      self.output == .json ? object.text + "\n" : "deleted \(TextTable.printable(name))\n"
    )
  }
}
