// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardProtos

/// `tokenward key`.
struct KeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key",
    abstract: "Signing keys of an authority.",
    subcommands: [KeyList.self, KeyRotate.self]
  )
}

/// Signing keys, for people and for programs.
enum KeyView {
  static func text(_ keys: [AuthorityAPI.SigningKey], _ format: OutputFormat) -> String {
    switch format {
    case .json:
      var object = JSONObjectText()
      object.add("keys", keys.map(Self.object))
      return object.text + "\n"
    case .text:
      let header = [
        "KEY", "ALGORITHM", "STATE", "PUBLISHED", "SIGNS SINCE", "SIGNED UNTIL", "WHERE",
      ]
      return TextTable.rows([header] + keys.map(Self.row))
    }
  }

  private static func row(_ key: AuthorityAPI.SigningKey) -> [String] {
    [
      key.id, Self.algorithm(key), Self.state(key), key.createdAt.shown,
      key.hasActivatedAt ? key.activatedAt.shown : "-",
      key.hasRetiredAt ? key.retiredAt.shown : "-", Self.custody(key),
    ]
  }

  private static func object(_ key: AuthorityAPI.SigningKey) -> JSONObjectText {
    var object = JSONObjectText()
    object.add("id", key.id)
    object.add("algorithm", Self.algorithm(key))
    object.add("state", Self.state(key))
    object.add("created_at", key.createdAt.seconds)
    object.add("activated_at", key.hasActivatedAt ? key.activatedAt.seconds : nil)
    object.add("retired_at", key.hasRetiredAt ? key.retiredAt.seconds : nil)
    object.add("custody", Self.custody(key))
    object.add("public_jwk", key.publicJwk)
    return object
  }

  private static func algorithm(_ key: AuthorityAPI.SigningKey) -> String {
    switch key.algorithm {
    case .es256: "ES256"
    case .eddsa: "EdDSA"
    case .unspecified, .UNRECOGNIZED: "unknown"
    }
  }

  private static func state(_ key: AuthorityAPI.SigningKey) -> String {
    switch key.state {
    case .next: "next"
    case .active: "active"
    case .retired: "retired"
    case .unspecified, .UNRECOGNIZED: "unknown"
    }
  }

  private static func custody(_ key: AuthorityAPI.SigningKey) -> String {
    switch key.custody {
    case .sealed: "sealed"
    case .transit: "transit"
    case .unspecified, .UNRECOGNIZED: "unknown"
    }
  }
}

/// `tokenward key list`.
struct KeyList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List every signing key that is published.",
    discussion: """
      next: published, signs nothing yet. active: signs. retired: published until the last token that
      it signed has expired. sealed: encrypted in the store. transit: in OpenBao, which it never
      leaves.

      EXAMPLE:
        tokenward key list
      """
  )

  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func run() async throws {
    let answer = try await self.authority.connection().use { client in
      try await Patience().call { options in
        try await AuthorityAPI.Keys(wrapping: client).list(.init(), options: options)
      }
    }
    try Console.standardOutput.write(KeyView.text(answer.keys, self.output))
  }
}

/// `tokenward key rotate`.
struct KeyRotate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Let the next signing key sign from now on.",
    discussion: """
      Keys rotate by themselves; this is for doing it now. It is refused while the next key has not
      been published long enough for every verifier to have it. --force does it all the same, for a
      key that is lost or known to others: some verifiers then refuse new tokens until they fetch the
      keys again.

      EXAMPLE:
        tokenward key rotate --algorithm ES256
      """
  )

  @Option(help: "ES256 or EdDSA; every one that the authority signs with unless given.")
  var algorithm: SigningAlgorithmArgument?

  @Flag(help: "Also if the next key was not published for long enough.")
  var force = false

  @OptionGroup var authority: AuthorityOptions

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func run() async throws {
    let request = Tokenward_Authority_V1_RotateKeysRequest.with {
      $0.algorithm = self.algorithm?.proto ?? .unspecified
      $0.force = self.force
    }
    // Once only: a second attempt after a lost answer would rotate twice.
    let answer = try await self.authority.connection().use { client in
      try await AuthorityAPI.Keys(wrapping: client).rotate(request, options: Patience.options)
    }
    try Console.standardOutput.write(KeyView.text(answer.keys, self.output))
  }
}
