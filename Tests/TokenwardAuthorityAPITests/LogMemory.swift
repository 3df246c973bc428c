// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Logging
import Synchronization

/// Keeps every log line, of every level.
final class LogMemory: LogHandler, Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { self.lines.withLock { $0.joined(separator: "\n") } }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    self.lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
  }
}
