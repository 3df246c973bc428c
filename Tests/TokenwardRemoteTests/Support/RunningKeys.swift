// Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.

import TokenwardCore
import TokenwardRemote
import TokenwardTestKit

/// A remote key set that runs in virtual time for the length of a test.
struct RunningKeys {
  let time: VirtualTime
  let documents: ScriptedDocuments
  let keys: RemoteKeySet

  var now: Moment { self.time.moment }
  var current: KeySet? { self.keys.current(at: self.now) }
  var status: KeySetStatus { self.keys.status(at: self.now) }

  /// Waits until the loop has nothing to do before its next attempt.
  func settled() async -> Bool {
    await eventually { self.time.sleeperCount == 1 && self.documents.heldCount == 0 }
  }

  /// Lets time pass second by second, so that every attempt falls where it belongs.
  func pass(_ seconds: Int64, checking: (Int64) -> Void = { _ in }) async {
    for second in 0 ..< seconds {
      self.time.advance(by: 1)
      _ = await self.settled()
      checking(second)
    }
  }

  static func run<Result>(
    _ documents: ScriptedDocuments,
    timing: KeyRefreshTiming = KeyRefreshTiming(),
    revoked: Set<KeyID> = [],
    _ body: (RunningKeys) async throws -> Result
  ) async throws -> Result {
    let time = VirtualTime()
    let keys = RemoteKeySet(
      of: "https://issuer.test",
      documents: documents,
      timing: timing,
      revoked: revoked,
      time: time,
      sleeping: time
    )
    let running = RunningKeys(time: time, documents: documents, keys: keys)
    let task = Task { try await keys.run() }
    defer {
      task.cancel()
      documents.release()
    }
    if documents.heldCount == 0 { _ = await running.settled() }
    return try await body(running)
  }
}

extension KeySet {
  /// The names of the usable keys.
  var names: [String] { self.keyIDs.map(\.description) }
}
