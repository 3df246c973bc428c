// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import BenchSupport

/// `guard-bench`.
@main
struct GuardBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guard-bench",
    abstract: "Measure what the guard costs on a gRPC server.",
    discussion: "scripts/bench starts the servers, and measures them with this.",
    subcommands: [Serve.self, Measure.self]
  )
}

extension Report.Format: ExpressibleByArgument {}
