// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import GRPCCore
internal import SwiftProtobuf
internal import TokenwardCore
internal import TokenwardGRPC
internal import TokenwardProtos

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// `tokenward login`.
struct LoginCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login",
    abstract: "Remember an authority and the API token to manage it with.",
    discussion: """
      Asks the authority whether it accepts the token, and then keeps both in a file that only you can
      read: $XDG_CONFIG_HOME/tokenward/NAME.json, or ~/.config/tokenward/NAME.json. The token comes
      from --token-file or standard input; on a terminal it is asked for and not shown.

      To log out, remove the file.

      EXAMPLE:
        tokenward login --server tokens.example.com:8443 --ca ca.pem --token-file admin.token
      """
  )

  @Option(help: ArgumentHelp("Where the authority is.", valueName: "host:port"))
  var server: AuthorityAddress

  @Option(
    help: ArgumentHelp(
      "The PEM file of the authorities that may vouch for the server; the system's unless given.",
      valueName: "file"
    )
  )
  var ca: String?

  @Option(
    help: ArgumentHelp("Read the token from this file instead of asking.", valueName: "file")
  )
  var tokenFile: String?

  @Option(help: ArgumentHelp("What to call it.", valueName: "name"))
  var profile = Profile.defaultName

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func validate() throws {
    guard Profile.isName(self.profile) else { throw ValidationError(Profile.nameRule) }
  }

  func run() async throws {
    let profile = Profile(
      address: self.server,
      roots: try self.ca.map(Self.absolute),
      token: try self.token()
    )
    let id = try Self.id(of: profile.token)
    let token = try await AuthorityConnection(
      address: profile.address,
      roots: profile.roots,
      token: profile.token
    ).use { client in
      try await Self.ask(for: id, client)
    }
    let path = try profile.write(self.profile)
    switch self.output {
    case .json:
      var object = JSONObjectText()
      object.add("profile", self.profile)
      object.add("file", path)
      object.add("server", self.server.host.description)
      object.add("token_id", id)
      object.add("subject", token.map { "\($0.tenant)/\($0.owner)" })
      object.add("expires_at", token?.expiresAt.seconds)
      try Console.standardOutput.write(object.text + "\n")
    case .text:
      var facts = [("logged in to", self.server.host.description), ("token", id)]
      if let token {
        facts.append(("as", "\(token.tenant)/\(token.owner)"))
        facts.append(("until", token.expiresAt.shown))
      }
      facts.append(("kept in", path))
      try Console.standardOutput.write(TextTable.facts(facts))
    }
  }

  /// The record of the token itself; nil if it may not read records, which is an answer, too.
  private static func ask(
    for id: String,
    _ client: AuthorityAPI.Client
  ) async throws -> AuthorityAPI.Token? {
    do {
      return try await Patience().call { options in
        try await AuthorityAPI.Tokens(wrapping: client).get(.with { $0.id = id }, options: options)
      }.token
    } catch let error as RPCError where error.code == .permissionDenied {
      return nil
    }
  }

  private func token() throws -> BearerToken {
    let limit = BearerToken.maximumLength
    guard self.tokenFile == nil, isatty(STDIN_FILENO) == 1 else {
      if let tokenFile, let privacy = FilePrivacy(path: tokenFile), privacy.isOpenToOthers {
        Console.complain(
          "warning: others than you may read \(JSONText.quoted(tokenFile))\n"
            + "  hint: chmod 600 it, and rotate the token if somebody could have read it"
        )
      }
      var input = TokenInput()
      input.tokenFile = self.tokenFile
      return BearerToken(bytes: try input.read())
    }
    return BearerToken(bytes: try HiddenInput.read("API token (not shown): ", limit: limit))
  }

  /// The id within an API token, which is public.
  static func id(of token: BearerToken) throws(CommandFailure) -> String {
    do throws(DenialReason) {
      try APITokenFormat.check(token.bytes.span)
    } catch {
      throw CommandFailure(
        error == .checksumInvalid
          ? "that API token was mistyped or cut: its checksum does not fit"
          : "that is no API token of an authority",
        hint: "it begins with twk_ and has \(APITokenFormat.length) characters; an access token"
          + " (JWT) lives only minutes and is not kept",
        status: .usage
      )
    }
    return String(decoding: token.bytes[4 ..< 4 + APITokenFormat.idLength], as: UTF8.self)
  }

  private static func absolute(_ path: String) throws(CommandFailure) -> String {
    guard let resolved = realpath(path, nil) else {
      throw CommandFailure("cannot open \(JSONText.quoted(path)): \(SystemError.text(errno))")
    }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
