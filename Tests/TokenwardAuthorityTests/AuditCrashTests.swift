// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardAuthority
import TokenwardCore

/// What a process finds that the one before it left behind.
@Suite struct AuditCrashTests {
  @Test("a record cut at any byte is removed, and a record says so", arguments: [true, false])
  func everyOffset(isKeyed: Bool) async throws {
    let bench = try AuditBench()
    let keys = try AuditChainTests.keys(isKeyed)
    try await bench.write(2, keys)
    // The head of before the last record: the process was stopped while it wrote.
    let head = try bench.bytes(bench.head)
    let before = try bench.bytes()
    try await bench.write(1, keys)
    let after = try bench.bytes()
    for length in before.count ... after.count {
      try bench.replace(after.prefix(length))
      try bench.replace(head, bench.head)
      try await bench.write(1, keys)
      let summary = try bench.verify(keys)
      let isWhole = length == before.count || length == after.count
      #expect(summary.recoveries == (isWhole ? 0 : 1), "\(length)")
      #expect(summary.records == (length == before.count ? 4 : 5), "\(length)")
      #expect(summary.end == .confirmed)
    }
    let text = String(decoding: try bench.bytes(), as: UTF8.self)
    #expect(text.contains("token0"))
  }

  @Test("a file cut at any byte below its acknowledged end is refused", arguments: [true, false])
  func cut(isKeyed: Bool) async throws {
    let bench = try AuditBench()
    let keys = try AuditChainTests.keys(isKeyed)
    try await bench.write(3, keys)
    let good = try bench.bytes()
    let head = try bench.bytes(bench.head)
    // Less than that is no more than a new file, which begins with the next number.
    for length in 8 ..< good.count {
      try bench.replace(good.prefix(length))
      #expect(throws: AuditTrailError.self, "\(length)") { try bench.open(keys) }
      // Nothing was mended: somebody can still look at it.
      #expect(try bench.bytes() == Array(good.prefix(length)))
      #expect(try bench.bytes(bench.head) == head)
    }
    try bench.replace(good)
    #expect(throws: Never.self) { try bench.open(keys) }
  }

  @Test("a changed byte in what a new process looks at is refused")
  func changed() async throws {
    let bench = try AuditBench()
    let keys = try AuditChainTests.keys(true)
    try await bench.write(3, keys)
    let good = try bench.bytes()
    for index in good.indices {
      var bad = good
      bad[index] ^= 1
      try bench.replace(bad)
      #expect(throws: AuditTrailError.self) { try bench.open(keys) }
    }
  }

  @Test("a whole line that is wrong is not taken for a crash")
  func wrongLine() async throws {
    let bench = try AuditBench()
    try await bench.write(2)
    try bench.replace(bench.bytes() + Array("{\"seq\":4}\n".utf8))
    let error = #expect(throws: AuditTrailError.self) { try bench.open() }
    #expect(error?.problem.contains("is no audit record") == true)
  }

  @Test("pages that a power failure left unwritten are removed")
  func zeros() async throws {
    let bench = try AuditBench()
    try await bench.write(2)
    let good = try bench.bytes()
    let head = try bench.bytes(bench.head)
    for rest in [[UInt8](repeating: 0, count: 8_192), [0, 0, 10, 65, 66, 10], [65, 0, 10]] {
      try bench.replace(good + rest)
      try await bench.write(1)
      #expect(try bench.verify().recoveries == 1)
      try bench.replace(good)
      try bench.replace(head, bench.head)
    }
  }

  @Test("the head may be missing at the very beginning only")
  func missingHead() async throws {
    let bench = try AuditBench()
    _ = try bench.open()
    try FileManager.default.removeItem(atPath: bench.head)
    try await bench.write(1)
    #expect(try bench.verify().end == .confirmed)
    try FileManager.default.removeItem(atPath: bench.head)
    let error = #expect(throws: AuditTrailError.self) { try bench.open() }
    #expect(error?.problem.contains("is missing") == true)
    try bench.replace(Array("junk".utf8), bench.head)
    #expect(throws: AuditTrailError.self) { try bench.open() }
  }

  @Test("the first record of a new file, cut at any byte, is written again")
  func tornBeginning() async throws {
    let bench = try AuditBench()
    try await bench.write(2)
    let head = try bench.bytes(bench.head)
    let old = bench.path + ".1"
    try FileManager.default.moveItem(atPath: bench.path, toPath: old)
    _ = try bench.open()
    let beginning = try bench.bytes()
    for length in 0 ..< beginning.count {
      try bench.replace(beginning.prefix(length))
      try bench.replace(head, bench.head)
      try await bench.write(1)
      let summary = try AuditChain.verify([old, bench.path])
      #expect(summary.records == (length == 0 ? 5 : 6))
      #expect(summary.end == .confirmed)
    }
  }

  @Test("a long way back from the end to the head is gone, whatever is before it")
  func longWay() async throws {
    let bench = try AuditBench()
    try await bench.write(300)
    let head = try bench.bytes(bench.head)
    let trail = try bench.open()
    try await withThrowingTaskGroup { group in
      for number in 0 ..< 2_000 {
        group.addTask { try await trail.record(AuditBench.event(number)) }
      }
      try await group.waitForAll()
    }
    await trail.close()
    try bench.replace(head, bench.head)
    try bench.replace(bench.bytes().dropLast(5))
    try await bench.write(1)
    #expect(try bench.verify().records == 2_302)
    #expect(try bench.verify().recoveries == 1)
  }
}
