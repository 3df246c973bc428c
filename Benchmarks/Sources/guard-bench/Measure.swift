// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import ArgumentParser
internal import BenchSupport
internal import Foundation

/// `guard-bench measure`.
struct Measure: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Put the same load on servers in turn, and compare their CPU time for each call.",
    discussion: """
      A server is given as PORT:PID. Exits with 1 if the figure is not reached, and with 69 if a
      server or a burst of load is not what it should be.
      """
  )

  @Option(help: "A server without the guard. Give as many as there are guarded ones.")
  var unguarded: [MeasuredServer]

  @Option(help: "A server with the guard. Give several: one process is no sample.")
  var guarded: [MeasuredServer]

  @Option(help: "The file with the token of a guarded server, in the same order.")
  var tokenFile: [String]

  @Flag(help: "The servers serve over TLS.")
  var tls = false

  @Option(help: "How often everything is measured, in turn.")
  var rounds = 41

  @Option(help: "Calls of one burst. A round is four bursts for each server.")
  var calls = 1_500

  @Option(help: "A table for people (text) or JSON lines (json).")
  var output = Report.Format.text

  func validate() throws {
    guard self.rounds > 0, self.calls > 0 else {
      throw ValidationError("--rounds and --calls are at least 1")
    }
    guard !self.guarded.isEmpty, self.guarded.count == self.unguarded.count,
      self.guarded.count == self.tokenFile.count
    else { throw ValidationError("as many guarded servers as unguarded ones and token files") }
  }

  func run() async throws {
    var report = Report(format: self.output)
    do {
      try await self.run(&report)
    } catch {
      BenchFailure.tell(error)
      throw ExitCode(BenchFailure.exitCode)
    }
    guard report.isGood else { throw ExitCode.failure }
  }

  private func run(_ report: inout Report) async throws {
    let loads = try self.tokenFile.map {
      try Load(token: String(contentsOfFile: $0, encoding: .utf8), isOverTLS: self.tls)
    }
    defer { for load in loads { load.remove() } }
    try await self.prove(loads)

    // Each round has other processes: how memory is laid out in one moves its time by several per
    // cent against the next one of the same program.
    let count = loads.count
    let values = try await Rounds(self.rounds, turns: 4).measure([
      { try await self.microseconds(of: self.unguarded[$0 % count], under: loads[$0 % count]) },
      {
        try await self.microseconds(of: self.unguarded[($0 + 1) % count], under: loads[$0 % count])
      },
      { try await self.microseconds(of: self.guarded[$0 % count], under: loads[$0 % count]) },
    ])
    let (unguarded, control, guarded) = (values[0], values[1], values[2])
    let way = self.tls ? "over TLS" : "in plaintext"
    report.begin("A unary call to a gRPC server \(way), cached token, CPU time of the server")
    report.show(Figure("unguarded server", unit: "µs", Spread(unguarded)))
    report.show(Figure("guarded server", unit: "µs", Spread(guarded)))
    // The figure is asked of a server as it is used. Plaintext shows the same addition to less.
    let ratio = Spread(guarded, over: unguarded)
    report.show(
      Figure("guarded / unguarded", unit: "ratio", ratio, asked: self.tls ? 1.05 : nil)
    )
    report.show(
      Figure("another unguarded / unguarded", unit: "ratio", Spread(control, over: unguarded))
    )
  }

  /// Each server is what it is called: real answers, before anything is measured. Then each gets a
  /// burst that does not count.
  private func prove(_ loads: [Load]) async throws {
    for (server, load) in zip(self.unguarded, loads) {
      try server.expect(0, of: load, with: load.token, "the good token")
      try server.expect(0, of: load, with: nil, "no token")
      _ = try await self.microseconds(of: server, under: load)
    }
    for (server, load) in zip(self.guarded, loads) {
      try server.expect(0, of: load, with: load.token, "the good token")
      try server.expect(16, of: load, with: nil, "no token")
      try server.expect(16, of: load, with: load.forgedToken, "a forged token")
      _ = try await self.microseconds(of: server, under: load)
    }
  }

  /// CPU time of one server for one call.
  private func microseconds(of server: MeasuredServer, under load: Load) async throws -> Double {
    let clock = try CPUTime(process: server.process)
    let start = try clock.nanoseconds()
    try load.burst(at: server.port, calls: self.calls)
    // The connections are closed after the last answer: that belongs to the burst too.
    try await Task.sleep(for: .milliseconds(20))
    return (try clock.nanoseconds() - start) / Double(self.calls) / 1_000
  }
}
