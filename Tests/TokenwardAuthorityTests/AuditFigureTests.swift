// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardAuthority
import TokenwardCore

/// How many durable records a second so many callers get. Prints; the figure depends on the disk.
@Suite(
  .serialized,
  .enabled(
    if: ProcessInfo.processInfo.environment["TOKENWARD_FIGURES"] != nil,
    "set TOKENWARD_FIGURES to measure how fast audit records are written"
  )
)
struct AuditFigureTests {
  @Test("durable records a second", arguments: [1, 16, 64], [true, false])
  func figure(callers: Int, isKeyed: Bool) async throws {
    let bench = try AuditBench()
    let keys = try AuditChainTests.keys(isKeyed)
    let trail = try bench.open(keys)
    let each = 32_000 / max(callers, 16)
    let start = ContinuousClock.now
    try await withThrowingTaskGroup { group in
      for caller in 0 ..< callers {
        group.addTask {
          for number in 0 ..< each {
            try await trail.record(AuditBench.event(caller * each + number))
          }
        }
      }
      try await group.waitForAll()
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    await trail.close()
    let checked = ContinuousClock.now
    let summary = try bench.verify(keys)
    let checking = (ContinuousClock.now - checked) / .seconds(1)
    #expect(summary.records == Int64(callers * each) + 1)
    print(
      "audit: \(callers) callers, key \(isKeyed): \(Int(Double(callers * each) / seconds)) records/s, "
        + "checked at \(Int(Double(summary.records) / checking))/s"
    )
  }
}
