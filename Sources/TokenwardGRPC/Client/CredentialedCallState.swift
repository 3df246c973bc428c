// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

internal import GRPCCore
internal import TokenwardCore

/// How far one call of a ``CredentialedClientTransport`` is: a value without lock or task.
struct CredentialedCallState<Bytes: GRPCContiguousBytes & Sendable>: Sendable {
  typealias Part = RPCRequestPart<Bytes>
  typealias Writer = RPCWriter<Part>.Closable

  /// How much of a request is kept for a second attempt, in bytes of messages. Each message counts
  /// for 64 bytes more, so that empty ones have a bound, too.
  static var replayLimit: Int { 64 * 1_024 }

  enum Phase: Sendable {
    /// Nothing was sent. No second part is accepted before the first one is.
    case unsent(isBeginning: Bool)
    /// The call is not sent, and this is why.
    case withheld(RPCError)
    /// The first attempt is sent, and nothing came back so far.
    case trying(Record)
    /// The server has refused the token; the second attempt is being prepared.
    case switching(Record)
    /// What is written goes where `writer` says, and stays there.
    case settled
    /// The application has returned.
    case over
  }

  /// What was sent, as long as it may have to be sent again.
  struct Record: Sendable {
    enum Ending: Sendable {
      case finished
      case failed(any Error)
    }

    let token: BearerToken
    /// Without the token.
    let metadata: Metadata
    let begin: ContinuousClock.Instant
    private(set) var messages: [Part] = []
    private var size = 0
    private(set) var isComplete = true
    var ending: Ending?

    init(token: BearerToken, metadata: Metadata, begin: ContinuousClock.Instant) {
      self.token = token
      self.metadata = metadata
      self.begin = begin
    }

    mutating func add(_ part: Part) {
      guard self.isComplete else { return }
      if case .message(let bytes) = part { self.size += bytes.count }
      self.size += 64
      self.messages.append(part)
      guard self.size > CredentialedCallState.replayLimit else { return }
      self.isComplete = false
      self.messages = []
    }

    /// Whether the request can be sent again from its beginning, and the application still wants it.
    var isRepeatable: Bool {
      if case .failed = self.ending { return false }
      return self.isComplete
    }
  }

  private(set) var phase = Phase.unsent(isBeginning: false)
  private(set) var writer: Writer
  private(set) var isSecond = false
  private var watchers: [OneShot<Void>] = []

  init(writer: Writer) { self.writer = writer }

  /// Enters another phase.
  /// - Returns: who has to be told.
  mutating func enter(_ phase: Phase) -> [OneShot<Void>] {
    self.phase = phase
    defer { self.watchers = [] }
    return self.watchers
  }

  /// Whatever is written from now on goes to the second attempt.
  mutating func settle(on writer: Writer) -> [OneShot<Void>] {
    self.writer = writer
    self.isSecond = true
    return self.enter(.settled)
  }

  /// Keeps one part of the first attempt. To be called while trying.
  mutating func record(_ part: Part) {
    guard case .trying(var record) = self.phase else { return }
    record.add(part)
    self.phase = .trying(record)
  }

  /// Keeps how the application ended its side.
  mutating func end(_ ending: Record.Ending) {
    switch self.phase {
    case .trying(var record):
      record.ending = ending
      self.phase = .trying(record)
    case .switching(var record):
      record.ending = ending
      self.phase = .switching(record)
    case .unsent, .withheld, .settled, .over:
      break
    }
  }

  /// A watcher for the next change of the phase.
  mutating func watch() -> OneShot<Void> {
    let watcher = OneShot<Void>()
    self.watchers.append(watcher)
    return watcher
  }
}
