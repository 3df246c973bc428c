// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Logging
import Synchronization
import Testing
import TokenwardCore
import TokenwardTelemetry
import TokenwardTestKit

@Suite("The audit observer")
struct AuditObserverTests {
  private let fixture = Fixture()

  @Test("drops and counts what a full queue cannot take, without making a caller wait")
  func fullQueue() throws {
    let registry = PrometheusRegistry()
    let sink = HangingSink()
    let audit = AuditObserver(sink: sink, capacity: 100, factory: registry)
    let requestGuard = try self.fixture.requestGuard([audit])
    _ = requestGuard.decide(Fixture.request())
    sink.waitUntilItHangs()
    // The disk hangs now with one record; this would never return if it made callers wait.
    for _ in 0 ..< 1_000 { #expect(requestGuard.decide(Fixture.request()).grant != nil) }
    #expect(audit.droppedRecords == 900)
    #expect(registry.samples.contains("tokenward_audit_dropped_total 900"))
    sink.letGo()
    audit.flush()
    #expect(sink.writtenLines == 101)
    #expect(registry.samples.contains("tokenward_audit_records_total 101"))
    #expect(requestGuard.decide(Fixture.request()).grant != nil)
    audit.flush()
    #expect(sink.writtenLines == 102)
    #expect(audit.droppedRecords == 900)
  }

  @Test("counts what could not be written, and says so once each way")
  func failingDisk() throws {
    let registry = PrometheusRegistry()
    let sink = MemorySink()
    let log = RecordingLog()
    let logger = Logger(label: "test") { _ in log.handler }
    let audit = AuditObserver(sink: sink, capacity: 100, logger: logger, factory: registry)
    let requestGuard = try self.fixture.requestGuard([audit])
    sink.setFailing(true)
    for _ in 0 ..< 3 {
      _ = requestGuard.decide(Fixture.request())
      audit.flush()
    }
    #expect(registry.samples.contains("tokenward_audit_dropped_total 3"))
    sink.setFailing(false)
    _ = requestGuard.decide(Fixture.request())
    audit.flush()
    #expect(sink.lines.count == 1)
    #expect(registry.samples.contains("tokenward_audit_dropped_total 3"))
    #expect(log.levels == [.error, .notice])
  }

  @Test("writes every record of eight tasks, each on a line of its own")
  func concurrency() async throws {
    let folder = try TemporaryFolder()
    let audit = try AuditObserver(
      path: "\(folder.path)/audit.jsonl",
      capacity: 100_000,
      factory: PrometheusRegistry()
    )
    let requestGuard = try self.fixture.requestGuard([audit])
    await withTaskGroup(of: Void.self) { group in
      for task in 0 ..< 8 {
        group.addTask {
          for index in 0 ..< 2_000 {
            _ = requestGuard.decide(Fixture.request(peer: "\(task)-\(index)"))
          }
        }
      }
    }
    audit.close()
    let lines = try folder.read("audit.jsonl").split(separator: "\n")
    #expect(lines.count == 16_000)
    let peers = try lines.map { line -> String in
      let record = try JSONDecoder().decode([String: String?].self, from: Data(line.utf8))
      return try #require(record["peer"] ?? nil)
    }
    #expect(Set(peers).count == 16_000)
  }

  @Test("makes a file that only its owner can read, and appends to it the next time")
  func append() throws {
    let folder = try TemporaryFolder()
    for round in 1 ... 2 {
      let audit = try AuditObserver(
        path: "\(folder.path)/audit.jsonl",
        factory: PrometheusRegistry()
      )
      _ = try self.fixture.requestGuard([audit]).decide(Fixture.request())
      audit.close()
      #expect(try folder.read("audit.jsonl").split(separator: "\n").count == round)
    }
    #expect(try folder.mode(of: "audit.jsonl") == 0o600)
  }

  @Test("begins a line of its own behind half a record of a crash", arguments: [true, false])
  func tornLine(isReopened: Bool) throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/audit.jsonl"
    func leaveHalfARecord() throws {
      let half = Data("{\"time\":\"2027".utf8)
      let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
      #expect(FileManager.default.createFile(atPath: path, contents: half, attributes: attributes))
    }
    if !isReopened { try leaveHalfARecord() }
    let audit = try AuditObserver(path: path, factory: PrometheusRegistry())
    if isReopened {
      try FileManager.default.removeItem(atPath: path)
      try leaveHalfARecord()
      try audit.reopen()
    }
    _ = try self.fixture.requestGuard([audit]).decide(Fixture.request(peer: "whole"))
    audit.close()
    let lines = try folder.read("audit.jsonl").split(separator: "\n")
    #expect(lines.count == 2)
    let record = try JSONDecoder().decode([String: String?].self, from: Data(lines[1].utf8))
    #expect(record["peer"] == "whole")
  }

  @Test("goes on in a new file after rotation and reopening")
  func rotation() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/audit.jsonl"
    let audit = try AuditObserver(path: path, factory: PrometheusRegistry())
    let requestGuard = try self.fixture.requestGuard([audit])
    _ = requestGuard.decide(Fixture.request(peer: "before"))
    audit.flush()
    try FileManager.default.moveItem(atPath: path, toPath: "\(path).1")
    _ = requestGuard.decide(Fixture.request(peer: "between"))
    try audit.reopen()
    _ = requestGuard.decide(Fixture.request(peer: "after"))
    audit.close()
    let old = try folder.read("audit.jsonl.1")
    #expect(old.contains("before") && old.contains("between") && !old.contains("after"))
    let new = try folder.read("audit.jsonl")
    #expect(new.contains("after") && !new.contains("between"))
  }

  @Test("keeps the old file when the new one cannot be opened")
  func failedRotation() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/audit.jsonl"
    let audit = try AuditObserver(path: path, factory: PrometheusRegistry())
    let requestGuard = try self.fixture.requestGuard([audit])
    try FileManager.default.moveItem(atPath: path, toPath: "\(path).1")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    #expect(throws: AuditFileError.self) { try audit.reopen() }
    _ = requestGuard.decide(Fixture.request(peer: "kept"))
    audit.close()
    #expect(try folder.read("audit.jsonl.1").contains("kept"))
  }

  @Test("refuses files that others could write or that are none")
  func unusableFiles() throws {
    let folder = try TemporaryFolder()
    let files = FileManager.default
    let path = "\(folder.path)/audit.jsonl"
    #expect(files.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]))
    try AuditObserver(path: path, factory: PrometheusRegistry()).close()

    try files.setAttributes([.posixPermissions: 0o620], ofItemAtPath: path)
    #expect(throws: AuditFileError.self) { try AuditObserver(path: path) }
    try files.setAttributes([.posixPermissions: 0o602], ofItemAtPath: path)
    #expect(throws: AuditFileError.self) { try AuditObserver(path: path) }
    try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    try files.createSymbolicLink(atPath: "\(folder.path)/link", withDestinationPath: path)
    #expect(throws: AuditFileError.self) { try AuditObserver(path: "\(folder.path)/link") }
    #expect(throws: AuditFileError.self) { try AuditObserver(path: folder.path) }
    #expect(throws: AuditFileError.self) { try AuditObserver(path: "/dev/null") }
    #expect(throws: AuditFileError.self) { try AuditObserver(path: "\(folder.path)/no/file") }
  }

  @Test("drops and counts records after it was closed")
  func closed() throws {
    let sink = MemorySink()
    let audit = AuditObserver(sink: sink, capacity: 10, factory: PrometheusRegistry())
    let requestGuard = try self.fixture.requestGuard([audit])
    _ = requestGuard.decide(Fixture.request())
    audit.close()
    #expect(sink.isClosed)
    #expect(requestGuard.decide(Fixture.request()).grant != nil)
    audit.flush()
    #expect(sink.lines.count == 1)
    #expect(audit.droppedRecords == 1)
  }
}

/// Remembers the levels of what is logged.
private final class RecordingLog: Sendable {
  private let state = Mutex<[Logger.Level]>([])
  var levels: [Logger.Level] { self.state.withLock { $0 } }
  var handler: any LogHandler { Handler(log: self) }

  private struct Handler: LogHandler {
    let log: RecordingLog
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { self.metadata[key] }
      set { self.metadata[key] = newValue }
    }
    func log(event: LogEvent) { self.log.state.withLock { $0.append(event.level) } }
  }
}
