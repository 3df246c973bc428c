// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore

/// `tokenward dev`.
struct DevelopmentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev",
    abstract: "Try things out. For development only.",
    discussion: """
      What these commands make is for one developer's machine: the issuer signs whatever it is
      asked to, and its keys lie in files.
      """,
    subcommands: [DevelopmentInit.self, DevelopmentTokenCommand.self]
  )
}

/// `tokenward dev init`.
struct DevelopmentInit: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make certificates, issuer keys and a configuration. Development only.",
    discussion: """
      Makes a folder that only you can enter, with: a local authority's certificate (ca.pem),
      certificates and keys of a server on localhost, 127.0.0.1 and ::1 and of a client, valid for
      \(DevelopmentCertificates.days) days; the keys of a test issuer (issuer-*.pem, public:
      jwks.json); and tokenward.yaml, which uses them. Nothing is overwritten. The authority's own
      key is not kept.

      EXAMPLE:
        tokenward dev init ./dev
        tokenward dev token --directory ./dev --scope orders.read --ttl 5m
      """
  )

  @Argument(help: "The folder to make.")
  var directory: String

  @Option(help: ArgumentHelp("A further DNS name of the server.", valueName: "dns-name"))
  var name: [String] = []

  @Flag(help: "Describe a token authority in the configuration, too, for `tokenward run`.")
  var authority = false

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func validate() throws {
    for name in self.name where !Self.isHostName(name) {
      throw ValidationError("--name is a DNS name such as orders.internal.")
    }
  }

  func run() throws {
    guard let now = SystemTime().now()?.unix else {
      throw CommandFailure("the clock cannot be read or is implausible", hint: "set the clock")
    }
    let folder = try OpenDirectory.makingPrivate(self.directory)
    let setup = try DevelopmentSetup(
      names: self.name,
      hasAuthority: self.authority,
      now: now
    )
    try setup.write(to: folder)
    try Console.standardOutput.write(self.summary(setup.files.map(\.name)))
  }

  private func summary(_ names: [String]) -> String {
    switch self.output {
    case .json:
      var object = JSONObjectText()
      object.add("directory", self.directory)
      object.add("files", names)
      return object.text + "\n"
    case .text:
      let folder = self.shownDirectory
      return """
        Made in \(folder), for development only:
          \(names.joined(separator: "\n  "))

        Next:
          tokenward dev token --directory \(folder) --scope orders.read --ttl 5m
          tokenward policy check --config \(folder)/\(DevelopmentSetup.configurationFile)

        """
    }
  }

  /// As it can be copied to a shell; in quotes, and only to be read, where it has other characters.
  private var shownDirectory: String {
    let isPlain = self.directory.utf8.allSatisfy { byte in
      Self.isNameByte(byte) || "/._".utf8.contains(byte)
    }
    return isPlain ? self.directory : JSONText.quoted(self.directory)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
      UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// Letters, digits and hyphens in labels of 1 to 63, at most 253 in all (RFC 1123 §2.1); the first
  /// label may be `*`.
  private static func isHostName(_ name: String) -> Bool {
    guard name.utf8.count <= 253 else { return false }
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return labels.enumerated().allSatisfy { index, label in
      if index == 0, labels.count > 2, label.elementsEqual("*".utf8) { return true }
      return (1 ... 63).contains(label.count)
        && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        && label.allSatisfy(Self.isNameByte)
    }
  }
}
