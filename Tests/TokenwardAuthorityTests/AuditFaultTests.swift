// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Synchronization
import Testing
import TokenwardAuthority
import TokenwardCore

/// A disk that is full, broken or does not answer: nothing is acknowledged that is not written (O13).
@Suite struct AuditFaultTests {
  static let faults: [Set<FaultyDevice.Fault>] = [
    [.append], [.halfAppend], [.synchronize], [.halfAppend, .cutBack], [.synchronize, .cutBack],
    [.head], [.check],
  ]

  @Test(
    "a write that fails is an error, and the chain is sound when the disk is back",
    arguments: faults
  )
  func failing(faults: Set<FaultyDevice.Fault>) async throws {
    let bench = try AuditBench()
    let device = Mutex<FaultyDevice?>(nil)
    let trail = try bench.open { files in
      let faulty = FaultyDevice(files)
      device.withLock { $0 = faulty }
      return faulty
    }
    let faulty = try #require(device.withLock { $0 })
    try await trail.record(AuditBench.event(1))
    faulty.fail(faults)
    for _ in 0 ..< 3 {
      await #expect(throws: AuditTrailError.self) { try await trail.record(AuditBench.event(2)) }
    }
    faulty.fail([])
    try await trail.record(AuditBench.event(3))
    await trail.close()
    let summary = try bench.verify()
    #expect(summary.end == .confirmed)
    // Where only the head could not be written, the records are there.
    #expect(summary.records == (faults == [.head] ? 6 : 3))
    let text = String(decoding: try bench.bytes(), as: UTF8.self)
    #expect(text.contains("token1") && text.contains("token3"))
    #expect(text.contains("token2") == (faults == [.head]))
  }

  @Test("a disk that does not answer: everybody is told so in time, and later ones at once")
  func blocked() async throws {
    let bench = try AuditBench()
    let device = Mutex<FaultyDevice?>(nil)
    let trail = try bench.open(timeout: .milliseconds(200)) { files in
      let faulty = FaultyDevice(files)
      device.withLock { $0 = faulty }
      return faulty
    }
    let faulty = try #require(device.withLock { $0 })
    try await trail.record(AuditBench.event(1))
    faulty.block()
    let failures = await withTaskGroup { group in
      for _ in 0 ..< 50 {
        group.addTask {
          await #expect(throws: AuditTrailError.self) {
            try await trail.record(AuditBench.event(2))
          }
            != nil
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(failures == 50)
    // The disk still does not answer: that all of them are back is the proof.
    let error = await #expect(throws: AuditTrailError.self) {
      try await trail.record(AuditBench.event(2))
    }
    #expect(error?.problem.contains("for a while") == true)
    faulty.unblock()
    // What was on its way is written, what only waited is not.
    await trail.close()
    #expect(try bench.verify().end == .confirmed)
    // The first of the file, one, and at most the fifty of one batch; never the one behind them.
    #expect(try bench.verify().records <= 52)
    try await bench.write(1)
    #expect(throws: Never.self) { try bench.verify() }
  }

  @Test("a disk that answers again is used again")
  func unblocked() async throws {
    let bench = try AuditBench()
    let device = Mutex<FaultyDevice?>(nil)
    let trail = try bench.open(timeout: .milliseconds(50)) { files in
      let faulty = FaultyDevice(files)
      device.withLock { $0 = faulty }
      return faulty
    }
    let faulty = try #require(device.withLock { $0 })
    faulty.block()
    await #expect(throws: AuditTrailError.self) { try await trail.record(AuditBench.event(1)) }
    faulty.unblock()
    // Behind the write that was held.
    try await trail.reopen()
    try await trail.record(AuditBench.event(2))
    #expect(try bench.verify().records == 3)
  }

  @Test("more records than may wait are refused at once")
  func full() async throws {
    let bench = try AuditBench()
    let device = Mutex<FaultyDevice?>(nil)
    let trail = try bench.open(capacity: 4) { files in
      let faulty = FaultyDevice(files)
      device.withLock { $0 = faulty }
      return faulty
    }
    let faulty = try #require(device.withLock { $0 })
    faulty.block()
    let refused = await withTaskGroup { group in
      group.addTask { (try? await trail.record(AuditBench.event())) == nil }
      await faulty.hasBlocked()
      for _ in 0 ..< 10 {
        group.addTask { (try? await trail.record(AuditBench.event())) == nil }
      }
      // Six of the ten find four before them; those end first.
      var refused = 0
      for _ in 0 ..< 6 where await group.next() == true { refused += 1 }
      #expect(refused == 6)
      faulty.unblock()
      return await group.reduce(into: refused) { $0 += $1 ? 1 : 0 }
    }
    #expect(refused == 6)
    await trail.close()
    #expect(try bench.verify().records == 6)
  }

  @Test("a file that is emptied, extended or removed under the trail is not written any more")
  func tamperedWhileOpen() async throws {
    for tamper in 0 ..< 3 {
      let bench = try AuditBench()
      let trail = try bench.open()
      try await trail.record(AuditBench.event())
      let good = try bench.bytes()
      switch tamper {
      case 0: try bench.replace([])
      case 1: try bench.replace(good + [10])
      default: try FileManager.default.removeItem(atPath: bench.path)
      }
      await #expect(throws: AuditTrailError.self) { try await trail.record(AuditBench.event()) }
      if tamper == 2 { try bench.replace(good) }
      // Renamed away, the chain goes on in a new file.
      try FileManager.default.moveItem(atPath: bench.path, toPath: bench.path + ".bad")
      try await trail.reopen()
      try await trail.record(AuditBench.event())
      #expect(try bench.verify().records == 2)
    }
  }

  @Test(
    "a full disk: nothing is acknowledged that is not there, and it goes on when there is room",
    .enabled(if: geteuid() == 0, "mounting a small file system takes root")
  )
  func fullDisk() async throws {
    let bench = try AuditBench()
    guard try Self.mount(bench.folder, "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs") else {
      Issue.record("a small file system cannot be mounted here")
      return
    }
    defer { _ = try? Self.run("/bin/umount", "-l", bench.folder) }
    let trail = try bench.open()
    var written = 0
    var failed = 0
    for number in 0 ..< 400 {
      do {
        try await trail.record(AuditBench.event(number))
        written += 1
      } catch {
        #expect(error.problem.contains("No space left"))
        failed += 1
      }
    }
    #expect(written > 50)
    #expect(failed > 50)
    #expect(try bench.verify().records == Int64(written) + 1)
    #expect(try Self.mount(bench.folder, "-o", "remount,size=1m"))
    try await trail.record(AuditBench.event())
    await trail.close()
    let summary = try bench.verify()
    #expect(summary.records == Int64(written) + 2)
    #expect(summary.end == .confirmed)
  }

  private static func mount(_ folder: String, _ options: String...) throws -> Bool {
    try self.run("/bin/mount", options + [folder])
  }

  @discardableResult
  private static func run(_ tool: String, _ arguments: String...) throws -> Bool {
    try self.run(tool, arguments)
  }

  private static func run(_ tool: String, _ arguments: [String]) throws -> Bool {
    let process = Process()
    process.executableURL = URL(filePath: tool)
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}
