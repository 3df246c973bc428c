// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import Logging
import Synchronization
import Testing
import TokenwardTestKit

@testable import TokenwardService

@Suite("What is said of a store")
struct StoreWatchTests {
  private struct Memory: LogHandler {
    final class Lines: Sendable {
      let all = Mutex<[Logger.Level]>([])
    }
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { self.metadata[key] }
      set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) { self.lines.all.withLock { $0.append(event.level) } }
  }

  @Test("is said once when it breaks, when withdrawals wait and when they do no more")
  func once() {
    let lines = Memory.Lines()
    let logger = Logger(label: "test") { _ in Memory(lines: lines) }
    let watch = StoreWatch(logger: logger) { fatalError("not asked") }
    var said = StoreWatch.Said()
    watch.look(isBroken: false, pending: 0, &said)
    #expect(lines.all.withLock { $0 } == [])
    for _ in 0 ..< 3 { watch.look(isBroken: true, pending: 0, &said) }
    #expect(lines.all.withLock { $0 } == [.error])
    for count in [2, 5] { watch.look(isBroken: true, pending: count, &said) }
    #expect(lines.all.withLock { $0 } == [.error, .error])
    for _ in 0 ..< 2 { watch.look(isBroken: false, pending: 0, &said) }
    #expect(lines.all.withLock { $0 } == [.error, .error, .notice])
  }
}
