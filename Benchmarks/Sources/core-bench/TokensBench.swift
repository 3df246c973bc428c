// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import BenchSupport
internal import Glibc
internal import TokenwardCore

/// A million API tokens in memory: what a verification costs, how much room one takes, and whether
/// the time tells a secret that is nearly right from a random one (DESIGN, section 10; catalogue O04).
struct TokensBench {
  let rounds: Rounds

  private static let total = 1_000_000
  /// Verified in turn, so that neither table nor token is in the processor's own memory.
  private static let spread = 16_384
  /// Verified again and again, as the tokens of a busy service are.
  private static let busy = 64
  /// Calls of each kind whose times are compared.
  static let samples = 1_000_000

  func run(_ report: inout Report) async throws {
    let before = try Self.residentBytes()
    let subject = try TokensSubject(total: Self.total, tokensPerOwner: 10, kept: Self.spread)
    let resident = Double(try Self.residentBytes() - before - subject.keptBytes)
    try subject.prove()

    let values = try await self.rounds.measure([
      { _ in try subject.nanoseconds(verifying: Self.busy, times: 64) },
      { _ in try subject.nanoseconds(verifying: Self.spread, times: 1) },
      { _ in try subject.nanoseconds(refusing: Self.spread) },
      { _ in try subject.nanosecondsOfDigest(times: 8_192) },
    ])
    report.begin("A million API tokens, CPU time")
    report.show(Figure("verification, token in use", unit: "ns", Spread(values[0]), asked: 300))
    report.show(Figure("verification, token out of a million", unit: "ns", Spread(values[1])))
    report.show(Figure("refusal, unknown id", unit: "ns", Spread(values[2])))
    report.show(Figure("HMAC-SHA256 of swift-crypto alone", unit: "ns", Spread(values[3])))
    report.show(
      Figure(
        "resident, ten tokens per owner",
        unit: "bytes",
        Spread([resident / Double(Self.total)]),
        asked: 250
      )
    )
    let nearly = try subject.leakage(.nearly, samples: Self.samples)
    report.show(
      Figure(
        "|t|, secret nearly right or random",
        unit: "ratio",
        Spread([nearly.t]),
        asked: Leakage.most
      )
    )
    // Not asked: ids are no secret.
    let unknown = try subject.leakage(.unknownID, samples: Self.samples)
    report.show(
      Figure("unknown id longer, all in cache", unit: "ns", Spread([unknown.difference]))
    )
  }

  private static func residentBytes() throws(BenchFailure) -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { throw BenchFailure("there is no /proc") }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { throw BenchFailure("no statm") }
    let text = String(
      decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
      as: UTF8.self
    )
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { throw BenchFailure("no statm") }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
