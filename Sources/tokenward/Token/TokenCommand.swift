// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// `tokenward token`.
struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "API tokens of an authority; decide about a token, or look into one.",
    subcommands: [
      TokenCreate.self, TokenList.self, TokenShow.self, TokenRotate.self, TokenRevoke.self,
      TokenExchange.self, TokenVerify.self, TokenInspect.self,
    ]
  )
}

/// Where a command reads its token: a file or standard input, never an argument.
struct TokenInput: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Read the token from this file instead of standard input.",
      valueName: "file"
    )
  )
  var tokenFile: String?

  /// The token without its line end. One that is longer than any token may be is cut, but stays
  /// longer than any token may be.
  func read() throws(CommandFailure) -> [UInt8] {
    let limit = BearerToken.maximumLength + 2
    var bytes: [UInt8]
    if let tokenFile {
      bytes = try FileReading.file(tokenFile, limit: limit)
    } else {
      if isatty(STDIN_FILENO) == 1 {
        Console.complain("Reading the token from standard input; end it with Ctrl-D.")
      }
      bytes = try FileReading.rest(of: STDIN_FILENO, limit: limit)
    }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    return bytes
  }
}
