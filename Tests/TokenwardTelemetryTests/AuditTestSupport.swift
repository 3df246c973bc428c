// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Dispatch
import Foundation
import Synchronization
import TokenwardTelemetry

/// Keeps what is written, and fails when it is told to.
final class MemorySink: AuditSink {
  private struct State {
    var bytes: [UInt8] = []
    var isFailing = false
    var isClosed = false
  }

  private let state = Mutex(State())

  func write(_ lines: [UInt8]) -> Bool {
    self.state.withLock { state in
      guard !state.isFailing else { return false }
      state.bytes += lines
      return true
    }
  }

  func reopen() throws(AuditFileError) {}
  func close() { self.state.withLock { $0.isClosed = true } }

  var isClosed: Bool { self.state.withLock { $0.isClosed } }
  func setFailing(_ isFailing: Bool) { self.state.withLock { $0.isFailing = isFailing } }
  var text: String { String(decoding: self.state.withLock { $0.bytes }, as: UTF8.self) }

  /// The lines, split at line feeds only, as a collector of logs does.
  var lines: [String] {
    self.state.withLock { $0.bytes }.split(separator: UInt8(ascii: "\n"))
      .map { String(decoding: $0, as: UTF8.self) }
  }
}

/// A disk that hangs until it is let go.
final class HangingSink: AuditSink {
  private let entered = DispatchSemaphore(value: 0)
  private let released = DispatchSemaphore(value: 0)
  private let count = Atomic<Int>(0)

  func write(_ lines: [UInt8]) -> Bool {
    self.entered.signal()
    self.released.wait()
    // The next writes do not hang.
    self.released.signal()
    self.count.wrappingAdd(lines.count { $0 == UInt8(ascii: "\n") }, ordering: .relaxed)
    return true
  }

  func reopen() throws(AuditFileError) {}
  func close() {}

  func waitUntilItHangs() { self.entered.wait() }
  func letGo() { self.released.signal() }
  var writtenLines: Int { self.count.load(ordering: .relaxed) }
}

/// A folder that is gone when the test is over.
struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "tokenward-\(UUID())")
    try FileManager.default.createDirectory(
      at: url,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
    self.path = url.path()
  }

  deinit { try? FileManager.default.removeItem(atPath: self.path) }

  func read(_ name: String) throws -> String {
    try String(contentsOfFile: "\(self.path)/\(name)", encoding: .utf8)
  }

  func mode(of name: String) throws -> Int? {
    let attributes = try FileManager.default.attributesOfItem(atPath: "\(self.path)/\(name)")
    return attributes[.posixPermissions] as? Int
  }
}
