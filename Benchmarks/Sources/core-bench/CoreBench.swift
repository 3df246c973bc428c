// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import BenchSupport

/// `core-bench`.
@main
struct CoreBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "core-bench",
    abstract: "Compare verification with the bare cryptography, and measure the cached decision.",
    discussion: """
      Exits with 1 if a figure is not reached, and with 69 if a subject does not do its work.
      """
  )

  @Option(help: "How often everything is measured, in turn.")
  var rounds = 41

  @Flag(
    help: "Only a million API tokens, and what the time of a refusal tells; otherwise everything."
  )
  var tokens = false

  @Option(help: "A table for people (text) or JSON lines (json).")
  var output = Report.Format.text

  func validate() throws {
    guard self.rounds > 0 else { throw ValidationError("--rounds is at least 1") }
  }

  func run() async throws {
    var report = Report(format: self.output)
    do {
      let rounds = Rounds(self.rounds)
      if !self.tokens {
        try await VerificationBench(rounds: rounds).run(&report)
        try await DecisionBench(rounds: rounds).run(&report)
      }
      try await TokensBench(rounds: rounds).run(&report)
      try await RefusalBench(rounds: rounds).run(&report)
    } catch {
      BenchFailure.tell(error)
      throw ExitCode(BenchFailure.exitCode)
    }
    guard report.isGood else { throw ExitCode.failure }
  }
}

extension Report.Format: ExpressibleByArgument {}
