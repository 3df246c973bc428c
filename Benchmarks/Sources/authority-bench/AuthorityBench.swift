// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import BenchSupport
internal import Foundation

/// What it costs to create API tokens and to exchange them, with everything that belongs to it: a
/// store in SQLite and a chained audit trail, both on a disk, and keys in this process.
@main
struct AuthorityBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "authority-bench",
    abstract: "Measures creating (wall time, durable) and exchanging (CPU time) of API tokens.",
    discussion: """
      Exits with 1 if a figure is not reached, and with 69 if the authority does not do its work.
      """
  )

  @Option(help: "A folder on the disk to measure; a temporary one is made in it.")
  var folder = FileManager.default.temporaryDirectory.path()

  @Option(help: "How many callers create tokens at the same time.")
  var callers = 16

  @Option(help: "How many callers exchange tokens at the same time.")
  var exchangers = 256

  @Option(help: "How many seconds each of the two takes in each round.")
  var seconds = 3

  @Option(help: "How often everything is measured, in turn.")
  var rounds = 5

  @Option(help: "A table for people (text) or JSON lines (json).")
  var output = Report.Format.text

  func validate() throws {
    guard min(self.callers, self.exchangers, self.seconds, self.rounds) > 0 else {
      throw ValidationError("every number is at least 1")
    }
  }

  func run() async throws {
    let report: Report
    do {
      report = try await TemporaryFolder.use(in: self.folder) { folder in
        var report = Report(format: self.output)
        try await self.measure(&report, in: folder)
        return report
      }
    } catch {
      BenchFailure.tell(error)
      throw ExitCode(BenchFailure.exitCode)
    }
    guard report.isGood else { throw ExitCode.failure }
  }

  private func measure(_ report: inout Report, in folder: String) async throws {
    let subject = try await AuthoritySubject(folder: folder)
    try await subject.prove()
    var creating: [Double] = []
    var exchanging: [AuthoritySubject.Exchanges] = []
    for _ in 0 ..< self.rounds {
      let created = try await subject.create(callers: self.callers, seconds: self.seconds)
      creating.append(1_000 * Double(self.seconds) / Double(max(created, 1)))
      exchanging.append(
        try await subject.exchange(callers: self.exchangers, seconds: self.seconds)
      )
    }
    await subject.close()
    report.begin(
      "An authority with SQLite and a chained audit file, \(self.callers) callers create"
    )
    report.show(Figure("per durable create, wall", unit: "ms", Spread(creating), asked: 1))
    report.show(Figure("creates in a second", unit: "", Spread(creating.map { 1_000 / $0 })))
    report.begin("ES256 exchanges with \(self.exchangers) callers, each audited durably")
    let times = exchanging.map { $0.cpuNanoseconds / 1_000 }
    // 25,000 a second and core are 40 µs each.
    report.show(Figure("CPU time per exchange", unit: "µs", Spread(times), asked: 40))
    report.show(Figure("exchanges per CPU second", unit: "", Spread(times.map { 1e6 / $0 })))
    report.show(
      Figure("exchanges in a second, wall", unit: "", Spread(exchanging.map(\.perSecond)))
    )
    let bare = try subject.nanosecondsOfSignature(times: 4_096) / 1_000
    report.show(Figure("ES256 signature of swift-crypto alone", unit: "µs", Spread([bare])))
  }
}

extension Report.Format: ExpressibleByArgument {}
