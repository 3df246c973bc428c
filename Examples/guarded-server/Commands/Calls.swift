// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import Foundation

/// `guarded-server calls`.
struct Calls: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make the calls of the demonstration and compare the answers with what is expected.",
    discussion: "Exits with 1 if any call is not answered as expected."
  )

  enum Output: String, ExpressibleByArgument, CaseIterable { case table, json }

  @Option(help: "The folder that `tokenward dev init` made.")
  var directory: String

  @Option(help: "Where the server is, as HOST:PORT.")
  var target = "localhost:8443"

  @Option(
    help: """
      Where the token authority is, as HOST:PORT: shows the life of an API token instead of bad tokens.
      """
  )
  var authority: String?

  @Option(help: "A table for people or JSON lines; a table on a terminal unless given.")
  var output: Output?

  func run() async throws {
    let parts = self.target.split(separator: ":")
    guard parts.count == 2, let host = parts.first, let port = parts.last.flatMap({ Int($0) })
    else { throw ValidationError("--target is HOST:PORT") }
    let isTerminal = isatty(1) == 1
    let report = DemoReport(
      format: (self.output ?? (isTerminal ? .table : .json)) == .table
        ? .table(isColoured: isTerminal) : .jsonLines
    )
    let client = DemoClient(
      host: String(host),
      port: port,
      authorityPath: "\(self.directory)/ca.pem"
    )
    let run = DemoRun(client: client, report: report, directory: self.directory)
    guard let authority else {
      let calls = DemoTable(directory: self.directory).calls
      guard try await run.make(calls.map { call in { try call() } }) else { throw ExitCode(1) }
      return
    }
    let manager = try DemoAuthority(address: authority, directory: self.directory)
    guard try await manager.use({ try await run.make(LifecycleTable($0).calls) }) else {
      throw ExitCode(1)
    }
  }
}
