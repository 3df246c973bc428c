// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import BenchSupport
internal import Foundation
internal import TokenwardAuthority
internal import TokenwardCore
internal import TokenwardSQLite

/// What a store in SQLite costs: to load at start, and to write durably.
@main
struct StoreBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store-bench",
    abstract: "Measures the store in SQLite on the disk that the folder is on. Wall time.",
    discussion: """
      Exits with 1 if a figure is not reached, and with 69 if the store does not do its work.
      """
  )

  @Option(help: "A folder on the disk to measure; a temporary one is made in it.")
  var folder = FileManager.default.temporaryDirectory.path()

  @Option(help: "How many tokens are loaded.")
  var tokens = 1_000_000

  @Option(help: "How many callers create tokens at the same time.")
  var callers = 16

  @Option(help: "How many seconds they do.")
  var seconds = 10

  @Option(help: "How often everything is measured.")
  var rounds = 3

  @Option(help: "A table for people (text) or JSON lines (json).")
  var output = Report.Format.text

  func validate() throws {
    guard min(self.tokens, self.callers, self.seconds, self.rounds) > 0 else {
      throw ValidationError("every number is at least 1")
    }
  }

  func run() async throws {
    let report: Report
    do {
      report = try await TemporaryFolder.use(in: self.folder) { folder in
        var report = Report(format: self.output)
        try await self.measure(&report, StoreSubject(path: folder + "/tokens.db"))
        return report
      }
    } catch {
      BenchFailure.tell(error)
      throw ExitCode(BenchFailure.exitCode)
    }
    guard report.isGood else { throw ExitCode.failure }
  }

  private func measure(_ report: inout Report, _ subject: StoreSubject) async throws {
    report.begin("\(self.tokens) tokens in a store in SQLite")
    let filling = try await subject.fill(self.tokens)
    report.show(Figure("filling it, 5,000 a commit", unit: "s", Spread([filling])))
    var opening: [Double] = []
    var loading: [Double] = []
    for _ in 0 ..< self.rounds {
      let (opened, loaded) = try await subject.load(self.tokens)
      opening.append(opened)
      loading.append(loaded)
    }
    report.show(Figure("opening it, all checked", unit: "s", Spread(opening)))
    report.show(Figure("handing all of it over", unit: "s", Spread(loading)))
    var tables: [(wall: Double, cpu: Double)] = []
    for _ in 0 ..< self.rounds { tables.append(try await subject.loadSnapshot(self.tokens)) }
    report.show(Figure("loading the table, wall", unit: "s", Spread(tables.map(\.wall)), asked: 3))
    report.show(Figure("loading the table, CPU", unit: "s", Spread(tables.map(\.cpu))))
    var creating: [Double] = []
    for round in 0 ..< self.rounds {
      let count = try await subject.create(
        callers: self.callers,
        seconds: self.seconds,
        round: round
      )
      creating.append(1_000 * Double(self.seconds) / Double(count))
    }
    report.show(
      Figure("per durable create, \(self.callers) callers", unit: "ms", Spread(creating), asked: 1)
    )
    report.show(Figure("creates in a second", unit: "", Spread(creating.map { 1_000 / $0 })))
  }
}

extension Report.Format: ExpressibleByArgument {}
