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
    abstract: "Measures the store in SQLite on the disk that the folder is on. Wall time."
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

  @Option(help: "text or json.")
  var output = "text"

  func run() async throws {
    guard let format = Report.Format(rawValue: self.output), self.tokens > 0, self.callers > 0,
      self.seconds > 0, self.rounds > 0
    else { throw ValidationError("nothing to measure") }
    let url = URL(filePath: self.folder).appending(path: "tokenward-store-bench-\(UUID())")
    try FileManager.default.createDirectory(
      at: url,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
    defer { try? FileManager.default.removeItem(at: url) }
    var report = Report(format: format)
    let subject = StoreSubject(path: url.appending(path: "tokens.db").path())
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
    if !report.isGood { throw ExitCode.failure }
  }
}
