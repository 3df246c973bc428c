// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Testing
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// What a check of the chain finds, with and without a key.
@Suite struct AuditChainTests {
  static func keys(_ isKeyed: Bool) throws -> [Pepper] { isKeyed ? [try AuditBench.key()] : [] }

  @Test("a chain as it was written is sound", arguments: [true, false])
  func sound(isKeyed: Bool) async throws {
    let bench = try AuditBench()
    let keys = try Self.keys(isKeyed)
    try await bench.write(3, keys)
    try await bench.write(2, keys)
    let summary = try bench.verify(keys)
    #expect(summary.records == 6)
    #expect(summary.firstSequence == 1)
    #expect(summary.lastSequence == 6)
    #expect(summary.isKeyed == isKeyed)
    #expect(summary.recoveries == 0)
    #expect(summary.end == .confirmed)
    let last = try #require(try bench.lines().last)
    #expect(String(decoding: last, as: UTF8.self).hasSuffix("\"hash\":\"\(summary.lastHash)\"}"))
  }

  @Test("every single byte that is changed is found, in its line", arguments: [true, false])
  func everyByte(isKeyed: Bool) async throws {
    let bench = try AuditBench()
    let keys = try Self.keys(isKeyed)
    try await bench.write(2, keys)
    let good = try bench.bytes()
    var line: Int64 = 1
    for index in good.indices {
      for change in [UInt8(1), 0x20, 0x80] {
        var bad = good
        bad[index] ^= change
        try bench.replace(bad)
        let problem = #expect(throws: AuditProblem.self) { try bench.verify(keys) }
        // Without its end, a line is one with the next.
        let found = try #require(problem?.line)
        #expect(found == line || (found == line + 1 && good[index] == UInt8(ascii: "\n")))
      }
      if good[index] == UInt8(ascii: "\n") { line += 1 }
    }
    try bench.replace(good)
    #expect(throws: Never.self) { try bench.verify(keys) }
  }

  struct Edit: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let line: Int64?
    let change: @Sendable (inout [[UInt8]]) -> Void
  }

  static let edits = [
    Edit(testDescription: "a line deleted", line: 3) { $0.remove(at: 2) },
    Edit(testDescription: "the first line deleted", line: 1) { $0.remove(at: 0) },
    Edit(testDescription: "two lines at the beginning deleted", line: 1) { $0.removeFirst(2) },
    Edit(testDescription: "a line repeated", line: 4) { $0.insert($0[2], at: 3) },
    Edit(testDescription: "two lines exchanged", line: 3) { $0.swapAt(2, 3) },
    Edit(testDescription: "a line put in", line: 3) { $0.insert(Array("{}".utf8), at: 2) },
    Edit(testDescription: "an empty line put in", line: 3) { $0.insert([], at: 2) },
    Edit(testDescription: "the last line cut off", line: nil) { $0.removeLast() },
    Edit(testDescription: "all but the first line cut off", line: nil) { $0.removeLast(5) },
    Edit(testDescription: "a space put behind a line", line: 2) { $0[1].append(0x20) },
    Edit(testDescription: "a carriage return put behind a line", line: 2) { $0[1].append(0x0D) },
    Edit(testDescription: "a member put behind the hash", line: 2) { lines in
      lines[1].removeLast()
      lines[1] += ",\"x\":1}".utf8
    },
    Edit(testDescription: "a member put before the number", line: 2) { lines in
      lines[1] = Array("{\"x\":1,".utf8) + lines[1].dropFirst()
    },
    Edit(testDescription: "a line of half a megabyte", line: 6) { lines in
      lines[5] = [UInt8](repeating: UInt8(ascii: "a"), count: 524_288)
    },
    Edit(testDescription: "deep nesting", line: 6) { lines in
      lines[5] = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
    },
  ]

  @Test("lines that were deleted, moved or put in are found", arguments: edits, [true, false])
  func edited(edit: Edit, isKeyed: Bool) async throws {
    let bench = try AuditBench()
    let keys = try Self.keys(isKeyed)
    try await bench.write(5, keys)
    var lines = try bench.lines()
    edit.change(&lines)
    try bench.replace(lines: lines)
    let problem = #expect(throws: AuditProblem.self) { try bench.verify(keys) }
    #expect(problem?.line == edit.line)
  }

  @Test("an empty file is not a chain")
  func empty() async throws {
    let bench = try AuditBench()
    try await bench.write(1)
    try bench.replace([])
    #expect(throws: AuditProblem.self) { try bench.verify() }
  }

  @Test("a file of the same key in the place of another is found by its head")
  func exchanged() async throws {
    let bench = try AuditBench()
    let keys = try Self.keys(true)
    try await bench.write(5, keys)
    let another = try AuditBench()
    another.clock.advance(by: 60)
    try await another.write(5, keys)
    #expect(throws: Never.self) { try another.verify(keys) }
    try bench.replace(another.bytes())
    let problem = #expect(throws: AuditProblem.self) { try bench.verify(keys) }
    #expect(problem?.problem.contains("does not contain the record") == true)
  }

  @Test("who has no key can write a sound chain without one, and it is refused where there is one")
  func forgedWithoutKey() async throws {
    let bench = try AuditBench()
    let keys = try Self.keys(true)
    try await bench.write(3, keys)
    let forger = try AuditBench()
    try await forger.write(3)
    try bench.replace(forger.bytes())
    try bench.replace(forger.bytes(forger.head), bench.head)
    #expect(throws: Never.self) { try bench.verify() }
    let problem = #expect(throws: AuditProblem.self) { try bench.verify(keys) }
    #expect(problem?.problem.contains("without a key") == true)
    #expect(problem?.line == 1)
  }

  @Test("a head that somebody without the key wrote for a shorter chain is refused")
  func forgedHead() async throws {
    let bench = try AuditBench()
    let keys = try Self.keys(true)
    try await bench.write(3, keys)
    let lines = try bench.lines()
    let head = String(decoding: try bench.bytes(bench.head), as: UTF8.self)
    let hash = { (line: [UInt8]) in String(decoding: line.suffix(45).dropLast(2), as: UTF8.self) }
    let forged = head.replacingOccurrences(of: "\"seq\":4", with: "\"seq\":3")
      .replacingOccurrences(of: hash(lines[3]), with: hash(lines[2]))
    #expect(forged != head)
    try bench.replace(lines: Array(lines.dropLast()))
    try bench.replace(Array(forged.utf8), bench.head)
    #expect(throws: AuditProblem.self) { try bench.verify(keys) }
  }

  @Test("another key, no key for a chain with one, and a key for a chain without are said so")
  func wrongKey() async throws {
    let bench = try AuditBench()
    let key = try AuditBench.key()
    try await bench.write(1, [key])
    #expect(throws: AuditProblem.self) { try bench.verify([try AuditBench.key(1, 8)]) }
    #expect(throws: AuditProblem.self) { try bench.verify([try AuditBench.key(2)]) }
    let problem = #expect(throws: AuditProblem.self) { try bench.verify() }
    #expect(problem?.problem.contains("key 1") == true)
    #expect(throws: Never.self) { try bench.verify([key]) }
  }

  @Test("a chain goes on under the next key, and both are needed to check it")
  func nextKey() async throws {
    let bench = try AuditBench()
    let old = try AuditBench.key(1, 7)
    let new = try AuditBench.key(2, 8)
    try await bench.write(2, [old])
    try await bench.write(2, [new, old])
    #expect(try bench.verify([new, old]).records == 5)
    #expect(throws: AuditProblem.self) { try bench.verify([new]) }
    #expect(throws: AuditTrailError.self) { try bench.open([new]) }
  }

  @Test("without a head nothing is said of the end, and an older head is behind by so many")
  func ends() async throws {
    let bench = try AuditBench()
    try await bench.write(2)
    let head = try bench.bytes(bench.head)
    try await bench.write(3)
    try bench.replace(head, bench.head)
    #expect(try bench.verify().end == .ahead(by: 3))
    try FileManager.default.removeItem(atPath: bench.head)
    #expect(try bench.verify().end == .unconfirmed)
    try bench.replace(Array("junk".utf8), bench.head)
    #expect(throws: AuditProblem.self) { try bench.verify() }
  }

  @Test("a position that was kept is found with its hash, however long the chain is by now")
  func expected() async throws {
    let bench = try AuditBench()
    let keys = try Self.keys(true)
    try await bench.write(2, keys)
    let kept = try bench.verify(keys)
    try await bench.write(4, keys)
    func verify(_ sequence: Int64, _ hash: String) throws(AuditProblem) -> AuditChain.Summary {
      try AuditChain.verify(
        [bench.path],
        keys: keys,
        expecting: .init(sequence: sequence, hash: hash)
      )
    }
    #expect(try verify(kept.lastSequence, kept.lastHash).lastSequence == 7)
    let last = try bench.verify(keys)
    #expect(try verify(last.lastSequence, last.lastHash) == last)
    // Another chain that is long enough is not that one.
    #expect(throws: AuditProblem.self) { try verify(kept.lastSequence, last.lastHash) }
    #expect(throws: AuditProblem.self) { try verify(kept.lastSequence + 1, kept.lastHash) }
    #expect(throws: AuditProblem.self) { try verify(99, kept.lastHash) }
    #expect(throws: AuditProblem.self) { try verify(0, kept.lastHash) }
    // In a file that is not given any more it cannot be seen.
    let old = bench.path + ".1"
    let trail = try bench.open(keys)
    try FileManager.default.moveItem(atPath: bench.path, toPath: old)
    try await trail.reopen()
    await trail.close()
    #expect(throws: AuditProblem.self) { try verify(kept.lastSequence, kept.lastHash) }
    let both = try AuditChain.verify(
      [old, bench.path],
      keys: keys,
      expecting: .init(sequence: kept.lastSequence, hash: kept.lastHash)
    )
    #expect(both.lastSequence == 8)
  }

  @Test("a chain that has begun and is gone is refused, unless somebody gives it up")
  func history() async throws {
    let bench = try AuditBench()
    let keys = try Self.keys(true)
    func open(_ history: AuditHistory) throws(AuditTrailError) -> ChainedAuditFile {
      try ChainedAuditFile(path: bench.path, keys: keys, history: history, time: bench.clock)
    }
    #expect(throws: AuditTrailError.self) { try open(.begun) }
    await (try open(.unknown)).close()
    await (try open(.begun)).close()
    // As log rotation may leave it: the head says where the chain goes on.
    try FileManager.default.removeItem(atPath: bench.path)
    await (try open(.begun)).close()
    try bench.replace([], bench.head)
    #expect(throws: AuditTrailError.self) { try open(.begun) }
    try FileManager.default.removeItem(atPath: bench.path)
    #expect(throws: AuditTrailError.self) { try open(.begun) }
    await (try open(.lost)).close()
    #expect(
      try bench.lines().first.map { String(decoding: $0, as: UTF8.self) }?
        .contains("\"history\":\"lost\"") == true
    )
    #expect(try bench.verify(keys).end == .confirmed)
  }

  @Test("what cannot be read or lacks its key is not called damaged")
  func kinds() async throws {
    let bench = try AuditBench()
    let keys = try Self.keys(true)
    func kind(_ keys: [Pepper]) -> AuditProblem.Kind? {
      #expect(throws: AuditProblem.self) { try bench.verify(keys) }?.kind
    }
    #expect(kind(keys) == .unchecked)
    try await bench.write(1, keys)
    #expect(kind([]) == .unchecked)
    #expect(kind([try AuditBench.key(2)]) == .notWhole)
    var bad = try bench.bytes()
    bad[40] ^= 1
    try bench.replace(bad)
    #expect(kind(keys) == .notWhole)
  }

  @Test("a file, a folder or a pipe that is none is said so")
  func unreadable() throws {
    let bench = try AuditBench()
    #expect(throws: AuditProblem.self) { try bench.verify() }
    #expect(throws: AuditProblem.self) { try AuditChain.verify([bench.folder]) }
    #expect(throws: AuditProblem.self) { try AuditChain.verify([]) }
    #expect(mkfifo(bench.path, 0o600) == 0)
    #expect(throws: AuditProblem.self) { try bench.verify() }
  }

  @Test("the tail shows the last records, and what is wrong with them")
  func tail() async throws {
    let bench = try AuditBench()
    let keys = try Self.keys(true)
    try await bench.write(500, keys)
    let lines = try bench.lines()
    let tail = try AuditChain.tail(bench.path, last: 400, keys: keys)
    #expect(tail.map { Array($0.text.utf8) } == Array(lines.suffix(400)))
    #expect(tail.allSatisfy { $0.problem == nil })
    #expect(try AuditChain.tail(bench.path, last: 10_000, keys: []).count == 501)
    var bad = lines
    bad[499][40] ^= 1
    bad[500] = Array("\u{1B}[2J\u{202E}evil".utf8)
    try bench.replace(lines: bad)
    let marked = try AuditChain.tail(bench.path, last: 3, keys: keys)
    #expect(marked.map { $0.problem == nil } == [true, false, false])
    #expect(marked[2].text == #""\u001b[2J\u202eevil""#)
    // A line that is JSON and has an escape sequence of a terminal in it.
    bad[500] = Array(
      String(decoding: lines[500], as: UTF8.self)
        .replacingOccurrences(of: "main/ci", with: "main/\u{9B}2J").utf8
    )
    try bench.replace(lines: bad)
    let escaped = try AuditChain.tail(bench.path, last: 1, keys: keys)
    #expect(escaped[0].problem != nil)
    #expect(!escaped[0].text.unicodeScalars.contains("\u{9B}"))
  }
}
