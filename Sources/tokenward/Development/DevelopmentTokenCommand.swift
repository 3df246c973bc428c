// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore
internal import TokenwardService

/// `tokenward dev token`.
struct DevelopmentTokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "Mint a token of the test issuer. Development only.",
    discussion: """
      Prints the token, or writes it to a file that only you can read, in the place of what was
      there.

      EXAMPLE:
        tokenward dev token --directory ./dev --scope orders.read --ttl 5m --out ./dev/token
      """
  )

  @Option(help: ArgumentHelp("The folder that `dev init` made.", valueName: "folder"))
  var directory: String

  @Option(help: "A scope, or several between spaces; may be repeated.")
  var scope: [String] = []

  @Option(help: "A role; may be repeated.")
  var role: [String] = []

  @Option(help: ArgumentHelp("How long the token is valid, such as 90s, 5m or 1h."))
  var ttl: Lifetime

  @Option(help: "Whom the token speaks for.")
  var subject = "developer"

  @Option(help: "What the token is meant for; what the configuration expects unless given.")
  var audience: String?

  @Option(help: "The client that the token is given to.")
  var clientID = "tokenward-dev"

  @Option(help: "What to sign with: ES256, EdDSA or RS256.")
  var alg: DevelopmentAlgorithm = .es256

  @Option(help: ArgumentHelp("Write the token to this file.", valueName: "file"))
  var out: String?

  func validate() throws {
    guard self.scopes.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isScopeByte) }) else {
      throw ValidationError("--scope has names of printable ASCII without quote and backslash.")
    }
    let names = self.role + [self.subject, self.clientID] + (self.audience.map { [$0] } ?? [])
    guard names.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { $0 > 0x1F && $0 != 0x7F } }) else {
      throw ValidationError("Names are not empty and have no control characters.")
    }
  }

  func run() throws {
    guard let now = SystemTime().now()?.unix.seconds else {
      throw CommandFailure("the clock cannot be read or is implausible", hint: "set the clock")
    }
    let token = try self.mint(at: now)
    if let out {
      try Self.write(token, to: out)
    } else {
      let output = Console.standardOutput
      try output.write(output.isTerminal ? token + "\n" : token)
    }
  }

  /// The token, if the configuration of the folder would let it in.
  /// - Parameter now: when it is issued, in seconds since 1970.
  func mint(at now: Int64) throws -> String {
    let configuration = try Configuration(
      contentsOf: "\(self.directory)/\(DevelopmentSetup.configurationFile)"
    )
    let name = Issuer(DevelopmentSetup.issuer)
    guard let issuer = configuration.issuers.first(where: { $0.issuer == name }) else {
      throw CommandFailure(
        "\(DevelopmentSetup.configurationFile) does not name the issuer \(name)",
        hint: "give the folder that `tokenward dev init` made"
      )
    }
    guard self.ttl.seconds <= issuer.maximumLifetimeSeconds else {
      throw CommandFailure(
        "a token of this issuer may live \(issuer.maximumLifetimeSeconds) s at most",
        hint: "ask for less with --ttl, or raise max_lifetime in the configuration",
        status: .usage
      )
    }
    let pem = try FileReading.file(
      "\(self.directory)/\(self.alg.fileName)",
      limit: 16_384,
      mustBePrivate: true
    )
    let token = DevelopmentToken(
      issuer: name,
      subject: Subject(self.subject),
      audience: self.audience.map { Audience($0) } ?? issuer.firstAudience,
      clientID: ClientID(self.clientID),
      scopes: self.scopes.map { Scope($0) },
      roles: self.role.map { Role($0) },
      issuedAt: now,
      lifetime: self.ttl.seconds
    )
    return try token.signed(with: DevelopmentKey(self.alg, pem: pem))
  }

  private var scopes: [String] {
    self.scope.flatMap { scope in
      scope.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    }
  }

  private static func isScopeByte(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private static func write(_ token: String, to path: String) throws {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
    guard !name.isEmpty, !name.utf8.allSatisfy({ $0 == UInt8(ascii: ".") }) else {
      throw CommandFailure("\(JSONText.quoted(path)) names no file", status: .usage)
    }
    let folder = try OpenDirectory(existing: slash.map { String(path[...$0]) } ?? ".")
    try folder.replace(name, Array("\(token)\n".utf8))
  }
}

extension TrustedIssuer {
  fileprivate var firstAudience: Audience {
    if case .oneOf(let audiences) = self.audiences, let first = audiences.first { return first }
    return Audience(DevelopmentSetup.audience)
  }
}
