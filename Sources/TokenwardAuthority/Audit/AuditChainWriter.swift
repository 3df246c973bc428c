// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import Synchronization
internal import TokenwardCore

/// Writes records behind each other. Used by one queue; whatever it calls may block.
final class AuditChainWriter: Sendable {
  private struct State {
    var position: ChainPosition
    /// How long the file is with the last whole record.
    var length: Int64
    /// Whether a write has failed and what it left behind is still there.
    var mustCutBack = false
    /// Set for good once the file that is written cannot be continued.
    var isClosed = false
  }

  private let path: String
  private let files: AuditFiles
  private let device: any AuditDevice
  private let hash: ChainHash
  private let history: AuditHistory
  private let time: any TimeSource
  private let state: Mutex<State>

  /// Continues the chain in the files, or begins one.
  /// - Parameter device: stands between this and the files.
  init(
    _ path: String,
    _ files: AuditFiles,
    _ device: any AuditDevice,
    _ hash: ChainHash,
    _ history: AuditHistory,
    _ time: any TimeSource
  ) throws(AuditTrailError) {
    self.path = path
    self.files = files
    self.device = device
    self.hash = hash
    self.history = history
    self.time = time
    self.state = Mutex(State(position: .start, length: 0))
    let head = AuditHead.read(try files.readHead(), hash)
    // It is on the disk before the first record of anything that was done.
    guard head != .absent || history != .begun else {
      throw AuditTrailError(
        "the audit chain of \(path) has begun and is gone: \(path)\(AuditHead.suffix) is missing; put "
          + "both files back, or, if they are lost for good, say so"
      )
    }
    try self.state.withLock { state throws(AuditTrailError) in
      try self.resume(&state, head: head, mayHaveGrown: true)
      try device.synchronizeHead()
    }
  }

  /// Writes records so that they outlast a crash: all of them or none.
  func write(_ contents: [AuditLine.Content]) throws(AuditTrailError) {
    try self.state.withLock { state throws(AuditTrailError) in try self.write(contents, &state) }
  }

  /// Goes on in a new file if the old one was renamed. The new one begins with a record that names the
  /// last one of the old file. If it cannot be used, the old one is.
  func reopen() throws(AuditTrailError) {
    try self.state.withLock { state throws(AuditTrailError) in
      try self.cutBack(&state)
      try self.device.synchronizeHead()
      guard let old = try self.files.openAgain() else { return }
      let before = state
      do throws(AuditTrailError) {
        try self.resume(&state, head: .position(state.position), mayHaveGrown: false)
      } catch {
        self.files.use(old)
        state = before
        throw error
      }
    }
  }

  /// Brings everything to the disk; nothing is written after that.
  func close() {
    self.state.withLock { state in
      state.isClosed = true
      try? self.device.synchronizeHead()
      self.files.unlock()
    }
  }

  /// - Parameter mayHaveGrown: whether there may be records behind the head that nobody here knows.
  private func resume(
    _ state: inout State,
    head: AuditHead.Reading,
    mayHaveGrown: Bool
  ) throws(AuditTrailError) {
    let file = self.files.current
    let size: Int64
    do throws(AuditReadFault) {
      size = try file.size()
    } catch {
      throw AuditTrailError("cannot look at \(self.path): \(error.reason)")
    }
    guard size > 0 else {
      switch head {
      case .unusable: throw AuditRecovery.unusableHead(self.path)
      case .absent: state = State(position: .start, length: 0)
      case .position(let position): state = State(position: position, length: 0)
      }
      return try self.write([self.beginning(state.position)], &state)
    }
    let found = try AuditRecovery(file, self.path, head: head, self.hash)
    guard mayHaveGrown || head == .position(found.position) && found.torn == nil else {
      throw AuditTrailError("\(self.path) has records that this process has not written")
    }
    state = State(position: found.position, length: found.length)
    guard let torn = found.torn else { return try self.writeHead(state.position) }
    state.mustCutBack = true
    let isEmpty = found.length == 0
    let record = AuditLine.Content(
      .recovered,
      at: try self.now(),
      details: [
        ("removed_bytes", "\(torn.bytes)"), ("removed_sha256", Base64URL.encode(torn.digest)),
      ]
    )
    try self.write(isEmpty ? [self.beginning(found.position), record] : [record], &state)
  }

  private func beginning(_ position: ChainPosition) throws(AuditTrailError) -> AuditLine.Content {
    let continued =
      position == .start
      ? (self.history == .lost ? [("history", "lost")] : [])
      : [
        ("continues_seq", "\(position.sequence)"),
        ("continues_hash", Base64URL.encode(position.hash)),
      ]
    return AuditLine.Content(.start, at: try self.now(), details: continued)
  }

  private func write(
    _ contents: [AuditLine.Content],
    _ state: inout State
  ) throws(AuditTrailError) {
    guard !state.isClosed else { throw AuditTrailError("the audit trail is closed") }
    try self.cutBack(&state)
    // A file that was emptied under an open descriptor would go on without its beginning.
    try self.device.check(length: state.length)
    var lines: [UInt8] = []
    var position = state.position
    for content in contents {
      guard let next = AuditLine.append(content, after: position, self.hash, to: &lines) else {
        throw AuditTrailError("the chain of \(self.path) cannot be continued")
      }
      position = next
    }
    do throws(AuditTrailError) {
      try self.device.append(lines)
      try self.device.synchronize()
    } catch {
      state.mustCutBack = true
      // Half a record would swallow the next one. If this fails too, it is tried before the next
      // write.
      try? self.cutBack(&state)
      throw error
    }
    state.position = position
    state.length += Int64(lines.count)
    try self.writeHead(position)
  }

  private func cutBack(_ state: inout State) throws(AuditTrailError) {
    guard state.mustCutBack else { return }
    try self.device.cutBack(to: state.length)
    state.mustCutBack = false
  }

  private func writeHead(_ position: ChainPosition) throws(AuditTrailError) {
    guard let bytes = AuditHead.bytes(of: position, self.hash) else {
      throw AuditTrailError("the end of \(self.path) cannot be written down")
    }
    try self.device.writeHead(bytes)
  }

  private func now() throws(AuditTrailError) -> UnixTime {
    guard let now = self.time.now() else {
      throw AuditTrailError("the clock cannot be read; set the clock of this machine")
    }
    return now.unix
  }
}
