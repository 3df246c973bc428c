// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Foundation
import Synchronization
import TokenwardAuthority
import TokenwardCore
import TokenwardTestKit

/// An audit file in a folder that is gone when the test is over.
final class AuditBench {
  let folder: String
  var path: String { self.folder + "/audit.jsonl" }
  var head: String { self.path + ".head" }
  let clock = ManualClock()

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "tokenward-\(UUID())")
    try FileManager.default.createDirectory(
      at: url,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
    self.folder = url.path()
  }

  deinit { try? FileManager.default.removeItem(atPath: self.folder) }

  static func key(_ id: UInt32 = 1, _ byte: UInt8 = 7) throws -> Pepper {
    try unwrap(Pepper(id: id, key: SecretBytes([UInt8](repeating: byte, count: 32))))
  }

  func open(
    _ keys: [Pepper] = [],
    timeout: Duration = .seconds(30),
    capacity: Int = 8_192,
    device: (AuditFiles) -> any AuditDevice = { $0 }
  ) throws(AuditTrailError) -> ChainedAuditFile {
    try ChainedAuditFile(
      path: self.path,
      keys: keys,
      timeout: timeout,
      capacity: capacity,
      time: self.clock,
      device: device
    )
  }

  /// Writes so many records, one after the other, and closes the file.
  func write(_ count: Int, _ keys: [Pepper] = []) async throws {
    let trail = try self.open(keys)
    for number in 0 ..< count { try await trail.record(Self.event(number)) }
    await trail.close()
  }

  static func event(_ number: Int = 0) -> AuditEvent {
    var event = AuditEvent(.createToken, .allowed, at: ManualClock.defaultStart)
    event.actor = "0123456789abcdef"
    event.actorSubject = "main/ci"
    event.tenant = "main"
    event.owner = "orders"
    event.token = TokenID("token\(number)")
    event.details = ["number": "\(number)"]
    return event
  }

  func bytes(_ path: String? = nil) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path ?? self.path)))
  }

  func replace(_ bytes: some Collection<UInt8>, _ path: String? = nil) throws {
    let url = URL(filePath: path ?? self.path)
    if !FileManager.default.fileExists(atPath: url.path()) {
      _ = FileManager.default.createFile(
        atPath: url.path(),
        contents: nil,
        attributes: [.posixPermissions: 0o600]
      )
    }
    let handle = try FileHandle(forWritingTo: url)
    try handle.truncate(atOffset: 0)
    try handle.write(contentsOf: Data(bytes))
    try handle.close()
  }

  func lines(_ path: String? = nil) throws -> [[UInt8]] {
    try self.bytes(path).split(separator: UInt8(ascii: "\n")).map { Array($0) }
  }

  func replace(lines: [[UInt8]]) throws {
    try self.replace(lines.flatMap { $0 + [UInt8(ascii: "\n")] })
  }

  func verify(_ keys: [Pepper] = []) throws(AuditProblem) -> AuditChain.Summary {
    try AuditChain.verify([self.path], keys: keys)
  }
}

struct Missing: Error {}

func unwrap<Value: ~Copyable>(_ value: consuming Value?) throws -> Value {
  guard let value else { throw Missing() }
  return value
}

/// The files under a trail, failing and waiting when a test says so.
final class FaultyDevice: AuditDevice {
  enum Fault: Hashable, Sendable { case append, halfAppend, synchronize, cutBack, head, check }

  private struct State {
    var faults: Set<Fault> = []
    var isBlocked = false
    var waiting: [CheckedContinuation<Void, Never>] = []
    var hasArrived = false
  }

  private let files: any AuditDevice
  private let state = Mutex(State())
  private let gate = DispatchSemaphore(value: 0)

  init(_ files: any AuditDevice) { self.files = files }

  func fail(_ faults: Set<Fault>) { self.state.withLock { $0.faults = faults } }

  /// From now on, the next append does not return.
  func block() { self.state.withLock { $0.isBlocked = true } }

  func unblock() {
    self.state.withLock { $0.isBlocked = false }
    self.gate.signal()
  }

  /// Returns when an append is held.
  func hasBlocked() async {
    await withCheckedContinuation { continuation in
      let isThere = self.state.withLock { state in
        if !state.hasArrived { state.waiting.append(continuation) }
        return state.hasArrived
      }
      if isThere { continuation.resume() }
    }
  }

  private func check(_ fault: Fault) throws(AuditTrailError) {
    if self.state.withLock({ $0.faults.contains(fault) }) { throw AuditTrailError("\(fault)") }
  }

  func check(length: Int64) throws(AuditTrailError) {
    try self.check(.check)
    try self.files.check(length: length)
  }

  func append(_ bytes: [UInt8]) throws(AuditTrailError) {
    let (isBlocked, waiting) = self.state.withLock { state in
      guard state.isBlocked else { return (false, [CheckedContinuation<Void, Never>]()) }
      state.hasArrived = true
      defer { state.waiting = [] }
      return (true, state.waiting)
    }
    for continuation in waiting { continuation.resume() }
    if isBlocked { self.gate.wait() }
    try self.check(.append)
    if self.state.withLock({ $0.faults.contains(.halfAppend) }) {
      try self.files.append(Array(bytes.prefix(bytes.count / 2)))
      throw AuditTrailError("half")
    }
    try self.files.append(bytes)
  }

  func synchronize() throws(AuditTrailError) {
    try self.check(.synchronize)
    try self.files.synchronize()
  }

  func cutBack(to length: Int64) throws(AuditTrailError) {
    try self.check(.cutBack)
    try self.files.cutBack(to: length)
  }

  func writeHead(_ bytes: [UInt8]) throws(AuditTrailError) {
    try self.check(.head)
    try self.files.writeHead(bytes)
  }

  func synchronizeHead() throws(AuditTrailError) { try self.files.synchronizeHead() }
}
