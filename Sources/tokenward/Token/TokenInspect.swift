// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import TokenwardCore

/// `tokenward token inspect`.
struct TokenInspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show the header and claims of a token, not verified.",
    discussion: """
      Anybody can write what is shown. The signature is neither checked nor shown; use
      `tokenward token verify` for a decision.

      EXAMPLE:
        tokenward token inspect --token-file token
      """
  )

  @OptionGroup var input: TokenInput

  @Option(help: ArgumentHelp("Judge dates at this time.", valueName: "unix-seconds"))
  var at: UnixSeconds?

  @Option(help: "How to print: text or json.")
  var output: OutputFormat = .text

  func run() throws {
    let inspection = try TokenInspection(
      token: try self.input.read(),
      at: self.at?.time ?? SystemTime().now()?.unix
    )
    try Console.standardOutput.write(inspection.text(self.output))
  }
}

/// The option `--output` of commands that write JSON and nothing else, so that a script may say it
/// everywhere.
struct JSONOutput: ParsableArguments {
  enum Format: String, ExpressibleByArgument, CaseIterable { case json }

  @Option(help: "There is one form only.")
  var output: Format = .json
}

/// How a command prints its result.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  /// For people.
  case text
  /// For programs.
  case json
}
