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
    var results: [DemoResult] = []
    report.begin()
    for makeCall in DemoTable(directory: self.directory).calls {
      let call = try makeCall()
      var audit = AuditTail(path: "\(self.directory)/audit.jsonl")
      let start = ContinuousClock.now
      let outcome = try await client.make(call)
      let elapsed = ContinuousClock.now - start
      let result = DemoResult(
        call: call,
        received: outcome.answer,
        audit: audit == nil ? nil : (try await audit?.next() ?? "no record"),
        complaint: outcome.complaint,
        milliseconds: elapsed.components.seconds * 1_000
          + elapsed.components.attoseconds / 1_000_000_000_000_000
      )
      report.show(result)
      results.append(result)
    }
    report.end(results)
    guard results.allSatisfy(\.isAsExpected) else { throw ExitCode(1) }
  }
}
